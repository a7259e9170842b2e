import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { makeBalancer } from '../../../src/cluster/balancers.ts';
import type { BalancerName } from '../../../src/cluster/options.ts';
import type { Picker } from '../../../src/cluster/picker.ts';
import type { Health } from '../../../src/cluster/snapshot.ts';
import { levelsOf } from '../../../src/cluster/tree/levels.ts';
import { DEFAULT_TREE, type TreeOptions, type ZoneOptions } from '../../../src/cluster/tree/options.ts';
import { partsOf } from '../../../src/cluster/tree/parts.ts';
import { buildTree } from '../../../src/cluster/tree/tree.ts';
import { FakeEndpoint, pickContext } from '../../support/fake-endpoint.ts';

interface Placed {
  readonly health?: Health;
  readonly priority?: number;
  readonly zone?: string | null;
  readonly weight?: number;
}

class PlacedEndpoint extends FakeEndpoint {
  override readonly spec;
  override readonly isHealthy;

  constructor(id: string, { health = 'passing', priority = 0, zone = null, weight = 1 }: Placed) {
    super(id, weight);
    this.spec = { ...this.placedSpec(weight), id, health, priority, zone };
    this.isHealthy = health === 'passing' || health === 'warning';
  }

  private placedSpec(weight: number) {
    return { host: '127.0.0.1', port: 1, weight, tags: [], meta: {}, role: null };
  }
}

/** `n` of them, named `name0` and so on. */
const some = (n: number, name: string, placed: Placed): PlacedEndpoint[] =>
  Array.from({ length: n }, (_, i) => new PlacedEndpoint(`${name}${i}`, placed));

const inA: ZoneOptions = { own: 'a', minEndpoints: 6, callers: null };

function plant(
  endpoints: readonly PlacedEndpoint[],
  options: Partial<TreeOptions> = {},
  name: BalancerName = 'random',
  seed = 3,
) {
  const tree = { ...DEFAULT_TREE, ...options };
  const random = new SeededRandom(seed);
  const spills = { toLevels: 0, toZones: 0 };
  const levels = levelsOf(endpoints, tree);
  const steps = buildTree(makeBalancer({ name }, random), levels, tree, random, spills);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const picker = step.value;
  /** By the letter of their names, in percent. */
  const shares = (picks = 10_000, avoid: readonly FakeEndpoint[] = []): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < picks; i++) {
      const found = picker.pick(pickContext({ avoid }))?.id[0] ?? 'none';
      counts[found] = (counts[found] ?? 0) + 100 / picks;
    }
    return counts;
  };
  return { picker, levels, spills, shares };
}

const open = (endpoints: readonly PlacedEndpoint[]): void => endpoints.forEach((endpoint) => (endpoint.isOpen = true));

describe('levels', () => {
  it('share traffic as their health says', () => {
    const first = [...some(5, 'a', {}), ...some(5, 'x', { health: 'critical' })];
    const { shares, spills } = plant([...first, ...some(4, 'b', { priority: 1 })]);
    const { a, b, x } = shares();
    expect(Math.abs(a! - 70)).toBeLessThan(2);
    expect(Math.abs(b! - 30)).toBeLessThan(2);
    expect(x).toBeUndefined();
    expect(spills.toLevels / 100).toBeCloseTo(b!);
  });

  it('take a warning for healthy, and maintenance for capacity that is missing', () => {
    const second = some(2, 'b', { priority: 1 });
    expect(plant([...some(2, 'a', { health: 'warning' }), ...second]).shares(100)).toEqual({ a: 100 });
    const half = [...some(1, 'a', {}), ...some(1, 'm', { health: 'maintenance' }), ...second];
    expect(plant(half).levels.map(({ load }) => load)).toEqual([70, 30]);
  });

  it('give their turn to the next at once when every circuit is open, and have it back when one closes', () => {
    const a = some(3, 'a', {});
    const { shares } = plant([...a, ...some(3, 'b', { priority: 1 })]);
    expect(shares(100)).toEqual({ a: expect.closeTo(100) });
    open(a);
    expect(shares(100)).toEqual({ b: expect.closeTo(100) });
    a[1]!.isOpen = false;
    expect(shares(100)).toEqual({ a: expect.closeTo(100) });
  });

  it('of which none admits say that circuits are open', () => {
    const all = [...some(2, 'a', {}), ...some(2, 'b', { priority: 1 })];
    open(all);
    const context = pickContext();
    expect(plant(all).picker.pick(context)).toBeNull();
    expect(context.refusal).toBe('circuit_open');
  });

  it('are left by a retry only when all of the level has been tried, and an endpoint tried is better than none', () => {
    const a = some(2, 'a', {});
    const b = some(1, 'b', { priority: 1 });
    const { picker } = plant([...a, ...b]);
    expect(picker.pick(pickContext({ avoid: [a[0]!] }))).toBe(a[1]);
    expect(picker.pick(pickContext({ avoid: a }))).toBe(b[0]);
    expect([...a, ...b]).toContain(picker.pick(pickContext({ avoid: [...a, ...b] })));
  });

  it('are chosen by the hash where there is one, so that a key stays and moves no more than shares do', () => {
    const random = new SeededRandom(77);
    const keys = Array.from({ length: 2_000 }, () => ({ hashHigh: random.uint32(), hashLow: random.uint32() }));
    const whole = some(10, 'a', {});
    const second = some(3, 'b', { priority: 1 });
    const place = (sick: number, seed: number) => {
      const first = whole.map((one, i) => (i < sick ? new PlacedEndpoint(one.id, { health: 'critical' }) : one));
      const { picker } = plant([...first, ...second], {}, 'ring_hash', seed);
      return keys.map((key) => picker.pick(pickContext({ hasHash: true, ...key }))!.id);
    };
    const before = place(0, 1);
    const after = place(5, 1);
    expect(place(5, 2)).toEqual(after);
    const healthy = before.flatMap((id, i) => (Number(id.slice(1)) >= 5 ? [i] : []));
    const moved = healthy.filter((i) => after[i] !== before[i]);
    // 30 % of the traffic has gone to the second level, and nothing else has moved.
    expect(moved.every((i) => after[i]!.startsWith('b'))).toBe(true);
    expect(Math.abs(moved.length / healthy.length - 0.3)).toBeLessThan(0.05);
    // 2^32 leaves 96 of 100, so this hash leaves (1 x 96 + 5) mod 100.
    const { picker } = plant(
      [...whole.slice(0, 1), ...some(1, 'x', { health: 'critical' }), ...second],
      {},
      'ring_hash',
    );
    const owner = (hashLow: number) => picker.pick(pickContext({ hasHash: true, hashHigh: 1, hashLow }))!.id[0];
    expect([owner(3), owner(4), owner(73), owner(74)]).toEqual(['b', 'a', 'a', 'b']);
  });

  it('keep a key at one endpoint of the next level while the first is down, from every sidecar, and give it back', () => {
    const random = new SeededRandom(78);
    const keys = Array.from({ length: 300 }, () => ({ hashHigh: random.uint32(), hashLow: random.uint32() }));
    const [first, second] = [some(4, 'a', {}), some(4, 'b', { priority: 1 })];
    const places = (picker: Picker, avoid: readonly FakeEndpoint[] = []) =>
      keys.map((key) => picker.pick(pickContext({ hasHash: true, avoid, ...key }))!.id);
    for (const name of ['ring_hash', 'maglev', 'rendezvous'] as const) {
      const { picker } = plant([...first, ...second], {}, name);
      const home = places(picker);
      open(first);
      const away = places(picker);
      expect(new Set(away)).toEqual(new Set(second.map(({ id }) => id)));
      const sick = first.map(({ id }) => new PlacedEndpoint(id, { health: 'critical' }));
      expect(places(plant([...[...second].reverse(), ...sick], {}, name, 9).picker)).toEqual(away);
      for (const endpoint of first) endpoint.isOpen = false;
      expect(places(picker)).toEqual(home);
      expect(places(picker, first)).toEqual(away);
    }
  });

  it('know nobody in an empty cluster, and in one in maintenance', () => {
    for (const endpoints of [[], some(2, 'm', { health: 'maintenance' })]) {
      const context = pickContext();
      expect(plant(endpoints).picker.pick(context)).toBeNull();
      expect(context.refusal).toBe('no_endpoint');
    }
  });

  it('are the same whatever order endpoints come in', () => {
    const all = [...some(3, 'a', {}), ...some(3, 'b', { priority: 1 }), ...some(2, 'x', { health: 'critical' })];
    const shape = (endpoints: readonly PlacedEndpoint[]) =>
      levelsOf(endpoints, DEFAULT_TREE).map(({ priority, load, members }) => {
        return [priority, load, members.map(({ endpoint }) => endpoint.id).sort()];
      });
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (some) => {
        expect(shape(some)).toEqual(shape(all));
      }),
    );
  });

  it('are left for an endpoint that admits whenever there is one, healthy or not', () => {
    const healths = fc.constantFrom<Health>('passing', 'warning', 'critical', 'maintenance');
    const world = fc.array(fc.tuple(healths, fc.nat(2), fc.constantFrom(null, 'a', 'b', 'c'), fc.boolean()), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(world, fc.constantFrom(0, 0.5), fc.integer(), (states, panic, seed) => {
        const endpoints = states.map(([health, priority, zone, isOpen], i) => {
          const endpoint = new PlacedEndpoint(`e${i}`, { health, priority, zone });
          endpoint.isOpen = isOpen;
          return endpoint;
        });
        const { picker } = plant(endpoints, { panic, zones: { ...inA, minEndpoints: 2 } }, 'p2c_ewma', seed);
        const found = picker.pick(pickContext()) as PlacedEndpoint | null;
        const hasHealthy = endpoints.some(({ isHealthy }) => isHealthy);
        const pickable = endpoints.filter((one) => (hasHealthy ? one.isHealthy : one.spec.health === 'critical'));
        if (pickable.some(({ isOpen }) => !isOpen)) expect(found).not.toBeNull();
        if (found === null) return;
        expect(found.isOpen).toBe(false);
        expect(found.spec.health).not.toBe('maintenance');
        if (panic === 0) expect(pickable).toContain(found);
      }),
    );
  });
});

describe('panic', () => {
  const sick = [
    ...some(1, 'a', {}),
    ...some(3, 'x', { health: 'critical' }),
    ...some(1, 'm', { health: 'maintenance' }),
  ];

  it('is off unless it is asked for', () => {
    expect(plant(sick).shares(100)).toEqual({ a: expect.closeTo(100) });
  });

  it('uses all of a level but maintenance when less than the threshold is healthy', () => {
    const { levels, shares } = plant(sick, { panic: 0.5 });
    expect(levels[0]!.isPanic).toBe(true);
    const { a, x, m } = shares();
    expect(Math.abs(a! - 25)).toBeLessThan(3);
    expect(Math.abs(x! - 75)).toBeLessThan(3);
    expect(m).toBeUndefined();
  });

  it('does not come while other levels have enough', () => {
    const { levels, shares } = plant([...sick, ...some(2, 'b', { priority: 1 })], { panic: 0.5 });
    expect(levels.some(({ isPanic }) => isPanic)).toBe(false);
    expect(shares()['x']).toBeUndefined();
  });

  it('spreads traffic by size when every level is in it', () => {
    const all = [...some(4, 'x', { health: 'critical' }), ...some(12, 'y', { health: 'critical', priority: 1 })];
    expect(plant(all, { panic: 0.5 }).levels.map(({ load }) => load)).toEqual([25, 75]);
    expect(plant(all).levels.map(({ load }) => load)).toEqual([100, 0]);
  });
});

describe('zones', () => {
  const three = (a: number, b: number, c: number) => {
    return [...some(a, 'a', { zone: 'a' }), ...some(b, 'b', { zone: 'b' }), ...some(c, 'c', { zone: 'c' })];
  };

  it('keep all traffic at home where home has its part of the endpoints', () => {
    const { shares, spills } = plant(three(2, 2, 2), { zones: inA });
    expect(shares(1000)).toEqual({ a: expect.closeTo(100) });
    expect(spills.toZones).toBe(0);
  });

  it('keep what home can bear, and send the rest where there is more room than callers', () => {
    const { shares, spills } = plant(three(1, 2, 3), { zones: inA });
    // A third of the callers and a sixth of the endpoints: half stays; only c has more than its third.
    const { a, b, c } = shares(20_000);
    expect(Math.abs(a! - 50)).toBeLessThan(1.5);
    expect(b).toBeUndefined();
    expect(Math.abs(c! - 50)).toBeLessThan(1.5);
    expect(spills.toZones / 200).toBeCloseTo(c!);
  });

  it('go by where callers are, when that is known', () => {
    const callers = new Map([
      ['a', 3],
      ['b', 1],
    ]);
    const { shares } = plant(three(2, 2, 2), { zones: { ...inA, callers } });
    // 3/4 of callers have 1/3 of the endpoints: 4/9 stay; b has 1/12 to spare, c 1/3.
    const { a, b, c } = shares(20_000);
    expect(Math.abs(a! - 44.4)).toBeLessThan(1.5);
    expect(Math.abs(b! - 11.1)).toBeLessThan(1.5);
    expect(Math.abs(c! - 44.4)).toBeLessThan(1.5);
  });

  it('count endpoints by weight', () => {
    const heavy = [...some(1, 'a', { zone: 'a', weight: 5 }), ...some(5, 'b', { zone: 'b' })];
    expect(plant(heavy, { zones: inA }).shares(1000)).toEqual({ a: expect.closeTo(100) });
    const light = [...some(1, 'a', { zone: 'a', weight: 5 }), ...some(5, 'b', { zone: 'b', weight: 4 })];
    expect(Math.abs(plant(light, { zones: inA }).shares()['a']! - 40)).toBeLessThan(2);
  });

  it.each([
    ['there are too few endpoints', three(2, 2, 1)],
    ['there is one zone', some(8, 'a', { zone: 'a' })],
    ['nobody is in our own', three(0, 4, 4)],
  ])('mean nothing where %s', (_why, endpoints) => {
    const letters = new Set(endpoints.map(({ id }) => id[0]));
    expect(Object.keys(plant(endpoints, { zones: inA }).shares(2000)).sort()).toEqual([...letters].sort());
  });

  it('mean nothing to a balancer that hashes', () => {
    expect(Object.keys(plant(three(2, 2, 2), { zones: inA }, 'ring_hash').shares(2000)).sort()).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('spill at once when every circuit at home is open, evenly over all endpoints elsewhere', () => {
    const all = three(4, 1, 3);
    open(all.slice(0, 4));
    const { a, b, c } = plant(all, { zones: inA }).shares();
    expect(a).toBeUndefined();
    expect(Math.abs(b! - 25)).toBeLessThan(2);
    expect(Math.abs(c! - 75)).toBeLessThan(2);
  });

  it('come home when everything elsewhere is refused', () => {
    const all = three(1, 2, 3);
    open(all.slice(1));
    expect(plant(all, { zones: inA }).shares(100)).toEqual({ a: expect.closeTo(100) });
  });

  it('are looked for elsewhere when both home and the zone that was to help are refused', () => {
    const all = three(1, 2, 3);
    open(all.slice(0, 1));
    open(all.slice(3));
    expect(plant(all, { zones: inA }).shares(200)).toEqual({ b: expect.closeTo(100) });
  });

  describe('are left by a retry', () => {
    const four = (priority: number) => [
      ...some(2, 'a', { zone: 'a', priority }),
      ...some(2, 'b', { zone: 'b', priority }),
    ];
    const afterTrying = (endpoints: readonly PlacedEndpoint[], tried: readonly string[], name?: BalancerName) => {
      const { shares } = plant(endpoints, { zones: inA }, name);
      const avoid = endpoints.filter(({ id }) => tried.includes(id));
      return Object.keys(shares(500, avoid)).sort().join('');
    };

    it.each<readonly [string, PlacedEndpoint[], string, string]>([
      ['from home', three(3, 3, 0), 'a0', 'b'],
      ['to home', three(3, 3, 0), 'b0', 'a'],
      ['where there are too few for zones to mean anything', four(0), 'a0', 'b'],
      ['in the level behind the first', [...some(2, 'x', { zone: 'a', health: 'critical' }), ...four(1)], 'b0', 'a'],
      ['where nobody is at home', three(0, 4, 4), 'b0', 'c'],
      ['once more, to a third zone', three(3, 3, 3), 'a0 b0', 'c'],
    ])('%s', (_, endpoints, tried, letters) => {
      for (const name of ['random', 'round_robin', 'p2c_ewma'] as const) {
        expect([name, afterTrying(endpoints, tried.split(' '), name)]).toEqual([name, letters]);
      }
    });

    it('for one of a zone that was tried when no other is left, and not for one that was tried', () => {
      expect(afterTrying(four(0), ['a0', 'b0'])).toBe('ab');
      const one = some(2, 'a', { zone: 'a' });
      const alone = plant(one, { zones: inA });
      expect(alone.picker.pick(pickContext({ avoid: one.slice(0, 1) }))).toBe(one[1]);
    });

    it('only where zones are looked at', () => {
      const { shares } = plant(four(0), { zones: null });
      expect(Object.keys(shares(500, four(0).slice(0, 1))).sort()).toEqual(['a', 'b']);
    });
  });

  it('mean nothing in panic', () => {
    const sick = three(3, 3, 3).map(({ id, spec }, i) => {
      return i % 3 === 0
        ? new PlacedEndpoint(id, spec)
        : new PlacedEndpoint(id, { zone: spec.zone, health: 'critical' });
    });
    const { shares } = plant(sick, { zones: { ...inA, minEndpoints: 2 }, panic: 0.5 });
    expect(Object.keys(shares(1000)).sort()).toEqual(['a', 'b', 'c']);
  });

  it('are changed by a retry, since what is near fails together', () => {
    const all = three(2, 2, 2);
    const { picker, shares } = plant(all, { zones: inA });
    expect(Object.keys(shares(200, [all[0]!])).sort()).toEqual(['b', 'c']);
    expect(Object.keys(shares(200, [all[2]!]))).toEqual(['a']);
    expect(picker.pick(pickContext({ avoid: all.slice(2) }))!.id[0]).toBe('a');
    expect(picker.pick(pickContext({ avoid: all }))).not.toBeNull();
  });

  it('are known to the first level alone', () => {
    const second = three(2, 2, 2).map(({ id, spec }) => new PlacedEndpoint(id, { zone: spec.zone, priority: 1 }));
    expect(Object.keys(plant(second, { zones: inA }).shares(2000)).sort()).toEqual(['a', 'b', 'c']);
  });
});

it('shows every zone of every level, with the traffic it is meant to get', () => {
  const endpoints = [
    ...some(3, 'a', { zone: 'a' }),
    ...some(4, 'b', { zone: 'b' }),
    ...some(3, 'x', { zone: 'b', health: 'critical' }),
    ...some(1, 'm', { zone: 'c', health: 'maintenance' }),
    ...some(2, 'e', { priority: 1 }),
  ];
  const { levels } = plant(endpoints);
  const rows = (zones: ZoneOptions | null) =>
    partsOf(endpoints, levels, zones).map(({ level, zone, healthy, total, share }) => [
      level,
      zone,
      healthy,
      total,
      share,
    ]);
  expect(rows(null)).toEqual([
    [0, 'a', 3, 3, 38.1],
    [0, 'b', 4, 7, 50.9],
    [0, 'c', 0, 1, 0],
    [1, null, 2, 2, 11],
  ]);
  expect(rows(inA).map((row) => row[4])).toEqual([76.3, 12.7, 0, 11]);
});
