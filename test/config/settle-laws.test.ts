import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LayerName } from '../../src/config/kv-keys.ts';
import type { KvText, Material, Settlement } from '../../src/config/material.ts';
import { settle } from '../../src/config/settle.ts';
import { web } from './parse.ts';

/** Good ones, bad ones, and such as are good alone and contradict another, or need it. */
const OF_ALL = [
  '{}',
  'a: [',
  'consul: {}',
  'nonsense: 1',
  'defaults: { timeouts: { request: 3s, attempt: 1s } }',
  'defaults: { timeouts: { attempt: 9s } }',
  'defaults: { timeouts: { request: 4s } }',
  'upstreams: { orders: { timeouts: { attempt: 8s } } }',
  'upstreams: { orders: { timeouts: { connect: 5 } } }',
  'upstreams: { orders: { hash: { header: x-user } } }',
  'upstreams: { orders: { hash: null } }',
  'upstreams: { orders: { subset: v2 } }',
  'upstreams: { orders: { subsets: { v2: { tag: v2 } } } }',
  'upstreams: { users: {} }',
  'routes: { r: { hosts: [shop], to: orders } }',
  'routes: { r: { hosts: [shop], to: { upstream: orders, subset: v2 } } }',
  'routes: { r: null }',
  '{ allowEmpty: true }',
];
const OF_SERVICES = [
  '{}',
  'port: 1',
  'timeouts: { request: 2s }',
  'timeouts: { attempt: 9s }',
  'timeouts: { connect: 5 }',
  'subset: v2',
  'subsets: { v2: { tag: v2 } }',
  'protocol: tcp',
  'balance: ring_hash',
  'hash: { header: x-user }',
];
const LAYERS: readonly LayerName[] = ['mesh', 'service/orders', 'service/users', 'caller/web'];
const FILES = [
  web('consul: {}\noutbound: { port: 1 }\nupstreams: { orders: {} }\n'),
  web('consul: {}\noutbound: { port: 1 }\n'),
  web('consul: {}\noutbound: { port: 1 }\nupstreams: { orders: { timeouts: { attempt: 7s } }, users: {} }\n'),
];

const RUNS = 150;

type Texts = Partial<Record<LayerName, string>>;

const texts = fc
  .tuple(
    ...LAYERS.map((layer) =>
      fc.option(fc.constantFrom(...(layer.startsWith('service/') ? OF_SERVICES : OF_ALL)), { nil: undefined }),
    ),
  )
  .map(
    (all): Texts => Object.fromEntries(LAYERS.flatMap((layer, i) => (all[i] === undefined ? [] : [[layer, all[i]]]))),
  );

function documents(written: Texts): KvText[] {
  return Object.entries(written).map(([layer, text]) => {
    return { layer: layer as LayerName, text: text!, revision: '1', isCandidate: false };
  });
}

function settled(
  file: string,
  newest: readonly KvText[],
  good: readonly KvText[],
  inForce: Material['inForce'] = null,
) {
  const local = { source: 'remora.yaml', text: file, env: {}, set: [] };
  return settle({ local, newest, good, chains: [], inForce }, { wallMs: 0, isExplained: false });
}

const used = ({ layers }: Settlement): KvText[] => layers.flatMap(({ used }) => used ?? []);
const isUsed = (settlement: Settlement, layer: LayerName, text: string): boolean =>
  used(settlement).some((one) => one.layer === layer && one.text === text);

const material = fc.record({
  file: fc.constantFrom(...FILES),
  newest: texts,
  before: texts,
  inForce: fc.constantFrom(null, { upstreams: 1, routes: 0 }, { upstreams: 2, routes: 1 }),
});

it('always comes to a configuration, which is what the documents it uses say', () => {
  fc.assert(
    fc.property(material, ({ file, newest, before, inForce }) => {
      const good = used(settled(file, documents(before), []));
      const settlement = settled(file, documents(newest), good, inForce);
      expect(settlement.config).not.toBeNull();
      const again = settled(file, used(settlement), used(settlement));
      expect(again.layers.flatMap(({ problems }) => problems)).toEqual([]);
      expect(again.fingerprint).toBe(settlement.fingerprint);
      expect(again.config).toEqual(settlement.config);
    }),
    { numRuns: RUNS },
  );
});

it('uses every newest document that is good with the rest, and says of every other why it is not', () => {
  fc.assert(
    fc.property(material, ({ file, newest, before }) => {
      const good = used(settled(file, documents(before), []));
      const settlement = settled(file, documents(newest), good);
      for (const { layer, text } of documents(newest)) {
        const verdict = settlement.layers.find((one) => one.layer === layer);
        expect(verdict?.problems.length === 0).toBe(isUsed(settlement, layer, text));
        if (isUsed(settlement, layer, text)) continue;
        const rest = used(settlement).filter((one) => one.layer !== layer);
        const [tried] = documents({ [layer]: text });
        const all = [...rest, tried!];
        const together = settled(file, all, rest);
        expect(all.every((one) => isUsed(together, one.layer, one.text))).toBe(false);
      }
      for (const kept of good.filter(({ layer }) => newest[layer] === undefined)) {
        const verdict = settlement.layers.find(({ layer }) => layer === kept.layer);
        expect(verdict?.problems.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: RUNS },
  );
});

it('comes to the same in whatever order documents arrive', () => {
  const shuffled = <T>(items: readonly T[]) => fc.shuffledSubarray([...items], { minLength: items.length });
  const scene = material.chain(({ file, newest, before, inForce }) => {
    const good = used(settled(file, documents(before), []));
    return fc.tuple(
      fc.constant({ file, newest: documents(newest), good, inForce }),
      shuffled(documents(newest)),
      shuffled(good),
    );
  });
  fc.assert(
    fc.property(scene, ([{ file, newest, good, inForce }, newestLater, goodLater]) => {
      const a = settled(file, newest, good, inForce);
      const b = settled(file, newestLater, goodLater, inForce);
      expect(b.layers).toEqual(a.layers);
      expect(b.fingerprint).toBe(a.fingerprint);
    }),
    { numRuns: RUNS },
  );
});
