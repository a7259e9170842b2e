// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { expect, it } from 'vitest';
import type { KvText, Material, Settler } from '../../src/config/material.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { settle } from '../../src/config/settle.ts';

const FILE = `
service: { name: web, port: 8080 }
consul: { token: "\${env:TOKEN}" }
upstreams: { orders: { port: 9001 } }
`;

export function material(newest: Readonly<Record<string, string>> = {}, text = FILE): Material {
  const documents = Object.entries(newest).map(([layer, one], at) => ({
    layer: layer as KvText['layer'],
    text: one,
    revision: String(at + 1),
    isCandidate: false,
  }));
  return {
    local: { source: 'remora.yaml', text, env: { TOKEN: 's3cret' }, set: ['upstreams.orders.retry.maxAttempts=4'] },
    newest: documents,
    good: [],
    chains: [],
    inForce: null,
  };
}

/** What every settler owes, wherever it works. `everything` is a file with every setting in it. */
export function settlerContract(settler: () => Settler, everything: string): void {
  const plainly = (given: Material) => settle(given, { wallMs: 0 });

  it('gives what settling gives, with the file alone and with documents over it', async () => {
    for (const given of [
      material(),
      material({ mesh: 'defaults: { timeouts: { request: 3s } }', 'caller/web': 'upstreams: { extra: {} }' }),
      material({ mesh: 'upstreams: [', 'service/orders': 'tga: 1' }),
      material({}, 'service: { name: web }'),
    ]) {
      expect(await settler().settle(given)).toEqual(plainly(given));
    }
  });

  it('gives a configuration in which nothing was lost on the way', async () => {
    const given = material({}, everything);
    const { config, localProblems } = await settler().settle(given);
    expect(localProblems.map(formatProblem)).toEqual([]);
    expect(config).toEqual(plainly(given).config);
    expect(config!.upstreams.size).toBeGreaterThan(0);
  });

  it('resolves what a file refers to, and shows it to nobody', async () => {
    const settlement = await settler().settle(material());
    expect(settlement.config!.consul!.token).toBe('s3cret');
    expect(JSON.stringify([settlement.shown, [...settlement.origins], settlement.layers])).not.toContain('s3cret');
  });

  it('names a file that is not there', async () => {
    const { localProblems } = await settler().settle(material({}, `${FILE}admin: { tokenFile: /nowhere/at/all }\n`));
    expect(localProblems.map(({ path }) => path)).toEqual(['admin.tokenFile']);
  });
}
