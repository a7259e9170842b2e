// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { describe, expect, it } from 'vitest';
import type { LayerName } from '../../src/config/kv-keys.ts';
import type { KvText, Material, Settlement } from '../../src/config/material.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { seal } from '../../src/config/seal.ts';
import { countsOf, type SettleOptions, settle } from '../../src/config/settle.ts';
import { web } from './parse.ts';

const FILE = web('consul: {}\nupstreams: { orders: {} }\n');

interface Scene extends Partial<Omit<SettleOptions, 'wallMs'>> {
  readonly file?: string;
  readonly set?: readonly string[];
  readonly env?: Material['local']['env'];
  readonly newest?: Partial<Record<LayerName, string>>;
  readonly good?: Partial<Record<LayerName, string>>;
  readonly inForce?: Material['inForce'];
}

function texts(layers: Partial<Record<LayerName, string>>, from: number): KvText[] {
  return Object.entries(layers).map(([layer, text], i) => ({
    layer: layer as LayerName,
    text: text!,
    revision: String(from + i),
    isCandidate: false,
  }));
}

function settled({
  file = FILE,
  set = [],
  env = {},
  newest = {},
  good = {},
  inForce = null,
  ...rest
}: Scene): Settlement {
  const material: Material = {
    local: { source: 'remora.yaml', text: file, env, set },
    newest: texts(newest, 100),
    good: texts(good, 1),
    chains: [],
    inForce,
  };
  return settle(material, { wallMs: 0, ...rest });
}

const orders = ({ config }: Settlement) => config!.upstreams.get('orders')!;
const problemsIn = ({ layers }: Settlement): string[] => layers.flatMap(({ problems }) => problems.map(formatProblem));
const used = ({ layers }: Settlement) => Object.fromEntries(layers.map(({ layer, used }) => [layer, used?.revision]));

const connect = (time: string): string => `timeouts: { connect: ${time} }`;

describe('precedence', () => {
  const steps: Scene[] = [
    { file: web(`consul: {}\nupstreams: { orders: {} }\ndefaults: { ${connect('1s')} }\n`) },
    { file: web(`consul: {}\nupstreams: { orders: { ${connect('2s')} } }\ndefaults: { ${connect('1s')} }\n`) },
    { newest: { mesh: `defaults: { ${connect('3s')} }` } },
    { newest: { mesh: `{ defaults: { ${connect('3s')} }, upstreams: { orders: { ${connect('4s')} } } }` } },
    { newest: { 'service/orders': connect('5s') } },
    { newest: { 'caller/web': `defaults: { ${connect('6s')} }` } },
    { newest: { 'caller/web': `{ defaults: { ${connect('6s')} }, upstreams: { orders: { ${connect('7s')} } } }` } },
    { set: ['upstreams.orders.timeouts.connect=8s'] },
  ];

  it.each(steps.map((_, index) => index + 1))('lets step %i win over all below it', (count) => {
    const scene = steps
      .slice(0, count)
      .reduce<Scene>((all, step) => ({ ...all, ...step, newest: { ...all.newest, ...step.newest } }), {});
    const settlement = settled(scene);
    expect(problemsIn(settlement)).toEqual([]);
    expect(orders(settlement).timeouts.connectMs).toBe(count * 1_000);
  });
});
