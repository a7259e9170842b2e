// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import { configKey, type LayerName } from '../../src/config/kv-keys.ts';
import { LiveConfig } from '../../src/config/live-config.ts';
import type { Material, Settlement } from '../../src/config/material.ts';
import { formatProblem, type Problem } from '../../src/config/problems.ts';
import { settle } from '../../src/config/settle.ts';
import type { KvDocuments } from '../../src/discovery/kv-tree.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';
import { web } from './parse.ts';

const FILE = web('consul: {}\nsecrets: { dir: /secrets }\nupstreams: { orders: { timeouts: { connect: 1s } } }\n');
const TAGGED = 'upstreams: { orders: { tag: "${file:tag}", timeouts: { connect: 2s } } }';

/** Documents that change when the test says so, over a disk and a judge of the test's own. */
async function scene() {
  const clock = new ManualClock();
  const documents = new Cell<KvDocuments>(clock);
  const log: string[] = [];
  const disk = new Map<string, string>();
  const judge = { breaks: (_material: Material): boolean => false, asked: 0 };
  const readFile = (path: string): string => {
    const text = disk.get(path);
    if (text === undefined) throw new Error('ENOENT: no such file');
    return text;
  };
  const settler = {
    settle: async (material: Material): Promise<Settlement> => {
      judge.asked += 1;
      if (judge.breaks(material)) throw new Error('takes more than 10 s to judge');
      const realPath = (path: string): string => (path === '/secrets' || disk.has(path) ? path : readFile(path));
      return settle(material, { wallMs: 0, readFile, realPath, checkFile: readFile });
    },
  };
  const live = new LiveConfig(clock, settler, {
    onConfigApplied: (source, revision) => log.push(`${source} applied ${revision}`),
    onConfigRefused: (_source, problems: readonly Problem[]) => log.push(...problems.map(formatProblem)),
    onConfigUnreachable: () => undefined,
  });
  let revision = 0;
  const texts = new Map<LayerName, { readonly text: string; readonly revision: string }>();
  const putAll = async (changes: Partial<Record<LayerName, string>>): Promise<void> => {
    for (const [layer, text] of Object.entries(changes) as [LayerName, string][]) {
      texts.set(layer, { text, revision: String(++revision) });
    }
    const list = [...texts].map(([layer, one]) => ({ key: configKey(layer), isHeld: false, ...one }));
    documents.set({ documents: list, omitted: 0 });
    await settled();
  };
  const write = (text: string): Promise<boolean> => live.takeFile({ source: 'remora.yaml', text, env: {}, set: [] });
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(Math.min(500, left));
      await settled();
    }
  };
  await write(FILE);
  live.follow(documents, 'web', new AbortController().signal);
  const orders = () => live.config.value!.upstreams.get('orders')!;
  const problems = (layer: LayerName) => live.layerStatus(layer).problems.map(({ found }) => found);
  return { live, clock, log, disk, judge, putAll, write, pass, orders, problems };
}

it('keeps a document in force whose file has gone, whatever else changes, says so, and takes the change when it is back', async () => {
  const { putAll, disk, orders, problems, pass, log, live } = await scene();
  disk.set('/secrets/tag', 'v2');
  await putAll({ mesh: TAGGED });
  expect([orders().tag, orders().timeouts.connectMs]).toEqual(['v2', 2_000]);
  disk.delete('/secrets/tag');
  await putAll({ 'caller/web': 'upstreams: { orders: { timeouts: { request: 9s } } }' });
  expect([orders().tag, orders().timeouts.connectMs]).toEqual(['v2', 2_000]);
  expect(problems('mesh')).toEqual(['${file:tag}']);
  expect(live.layerStatus('mesh').applied).toBe('1');
  expect(live.layerStatus('caller/web').applied).toBeNull();
  await pass(20_000);
  expect(log.filter((line) => line.includes('${file:tag}'))).toHaveLength(1);
  disk.set('/secrets/tag', 'v3');
  await pass(60_000);
  expect([orders().tag, orders().timeouts.requestMs]).toEqual(['v3', 9_000]);
  expect(problems('mesh')).toEqual([]);
});

it('takes a document as soon as the file is there that it refers to', async () => {
  const { putAll, disk, orders, problems, pass, judge } = await scene();
  await putAll({ mesh: TAGGED });
  expect([orders().tag, problems('mesh')]).toEqual([null, ['${file:tag}']]);
  disk.set('/secrets/tag', 'v2');
  await pass(3_000);
  expect([orders().tag, problems('mesh')]).toEqual(['v2', []]);
  const { asked } = judge;
  await pass(600_000);
  expect(judge.asked).toBe(asked);
});

it('looks less and less often at what stays wrong', async () => {
  const { putAll, pass, judge } = await scene();
  await putAll({ mesh: TAGGED });
  const { asked } = judge;
  await pass(3_600_000);
  expect(judge.asked - asked).toBeGreaterThan(50);
  expect(judge.asked - asked).toBeLessThan(70);
});

it('judges once more what a slow machine could not, and says meanwhile that it is refused', async () => {
  const { putAll, pass, judge, orders, problems, log } = await scene();
  judge.breaks = ({ newest }) => newest.length > 0;
  await putAll({ mesh: 'upstreams: { orders: { timeouts: { connect: 3s } } }' });
  expect(problems('mesh')).toEqual(['a document that takes more than 10 s to judge']);
  await pass(200_000);
  expect(problems('mesh')).toEqual(['a document that takes more than 10 s to judge']);
  expect(log).toHaveLength(1);
  judge.breaks = () => false;
  await pass(300_000);
  expect([orders().timeouts.connectMs, problems('mesh')]).toEqual([3_000, []]);
});

it('takes back a candidate though the first try to do so cannot be judged', async () => {
  const { live, putAll, pass, judge, orders } = await scene();
  await putAll({ mesh: 'upstreams: { orders: { timeouts: { connect: 3s } } }' });
  const text = 'upstreams: { orders: { timeouts: { connect: 4s } } }';
  live.override('mesh', { layer: 'mesh', text, revision: '70', isCandidate: true });
  await settled();
  expect(orders().timeouts.connectMs).toBe(4_000);
  let left = 1;
  judge.breaks = () => left-- > 0;
  live.override('mesh', null);
  await settled();
  expect(orders().timeouts.connectMs).toBe(4_000);
  await pass(3_000);
  expect(orders().timeouts.connectMs).toBe(3_000);
});

it('takes what Consul says when a file that the local one names is back', async () => {
  const { putAll, write, disk, pass, orders } = await scene();
  disk.set('/token', 't');
  await write(`${FILE}admin: { tokenFile: /token }\n`);
  disk.delete('/token');
  await putAll({ mesh: 'upstreams: { orders: { timeouts: { connect: 3s } } }' });
  expect(orders().timeouts.connectMs).toBe(1_000);
  disk.set('/token', 't');
  await pass(3_000);
  expect(orders().timeouts.connectMs).toBe(3_000);
});

it('hears a file, and a document under a bad one, in the middle of changes without end', async () => {
  const { putAll, write, judge, orders, live } = await scene();
  let storm = 0;
  judge.breaks = () => {
    // Whatever is judged, the next change has come by then.
    if (storm > 0 && storm < 200) {
      storm += 1;
      live.override('mesh', {
        layer: 'mesh',
        text: `telemetry: { sampleRatio: 0.${storm} }`,
        revision: `${storm}`,
        isCandidate: true,
      });
    }
    return false;
  };
  await putAll({ 'caller/web': '{}' });
  storm = 1;
  live.override('mesh', null);
  await write('a: [');
  expect(storm).toBeLessThan(20);
  await write(FILE.replace('1s', '5s'));
  expect(storm).toBeLessThan(40);
  expect(orders().timeouts.connectMs).toBe(5_000);
});
