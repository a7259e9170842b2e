import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { Endpoint } from '../../src/cluster/endpoint.ts';
import type { Balancer } from '../../src/cluster/picker.ts';
import { SubsettingBalancer } from '../../src/cluster/subsetting.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { build, fakes, tally } from '../contract/balancer.ts';
import { type FakeEndpoint, IdleConnector, pickContext, spec } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The subset of a caller, in the order in which the inner balancer is given it. */
function subsetOf(caller: string, size: number, endpoints: readonly FakeEndpoint[]): string[] {
  let seen: readonly Endpoint[] = [];
  const inner: Balancer = {
    name: 'inner',
    *build(given) {
      seen = given;
      return { pick: () => null };
    },
  };
  build(new SubsettingBalancer(inner, size, caller), endpoints);
  return seen.map(({ id }) => id);
}

describe('a subset', () => {
  it('gets all the traffic, by the balancer that it is for', () => {
    const endpoints = fakes(50);
    const balancer = makeBalancer({ name: 'random', subsetSize: 5 }, new SeededRandom(1), 'web@m1:80');
    expect(balancer.name).toBe('random');
    const counts = tally(build(balancer, endpoints), 5_000);
    expect([...counts.keys()].sort()).toEqual(subsetOf('web@m1:80', 5, endpoints).sort());
    for (const count of counts.values()) expect(Math.abs(count / 1_000 - 1)).toBeLessThan(0.15);
  });

  it('is all there is where there is no more', () => {
    expect(subsetOf('web', 5, fakes(5))).toHaveLength(5);
    expect(subsetOf('web', 5, fakes(2))).toHaveLength(2);
    expect(subsetOf('web', 5, [])).toEqual([]);
  });

  it('is the same whatever the order of the snapshot and after a restart', () => {
    const endpoints = fakes(100);
    const here = subsetOf('web', 10, endpoints);
    expect(here).toHaveLength(10);
    expect(subsetOf('web', 10, [...endpoints].reverse()).sort()).toEqual([...here].sort());
    expect(subsetOf('web', 10, fakes(100))).toEqual(here);
    expect(subsetOf('shop', 10, endpoints)).not.toEqual(here);
  });

  it('changes by no more members than its cluster did', () => {
    const world = fc.record({
      caller: fc.string(),
      size: fc.integer({ min: 1, max: 20 }),
      gone: fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { maxLength: 30 }),
    });
    fc.assert(
      fc.property(world, ({ caller, size, gone }) => {
        const endpoints = fakes(60);
        const before = subsetOf(caller, size, endpoints);
        const left = endpoints.filter((_, i) => !gone.includes(i));
        const after = subsetOf(caller, size, left);
        const lost = before.filter((id) => !left.some((endpoint) => endpoint.id === id));
        expect(after).toHaveLength(Math.min(size, left.length));
        expect(before.filter((id) => !after.includes(id))).toEqual(lost);
      }),
    );
  });

  it('is spread evenly over a thousand callers', () => {
    const endpoints = fakes(100);
    const callers = new Map<string, number>(endpoints.map(({ id }) => [id, 0]));
    for (let i = 0; i < 1_000; i++) {
      for (const id of subsetOf(`web@machine-${i}:8080`, 20, endpoints)) callers.set(id, callers.get(id)! + 1);
    }
    // 200 each, and for a fair choice a standard deviation of 12.6; chi-square of 99 degrees is below 150 in all but one of a thousand worlds.
    const variance = 1_000 * 0.2 * 0.8;
    const chiSquare = [...callers.values()].reduce((sum, count) => sum + (count - 200) ** 2 / variance, 0);
    expect(chiSquare).toBeLessThan(150);
    expect(chiSquare).toBeGreaterThan(50);
  });

  it('takes in the next endpoint for a member that fails discovery, and lets it go again', () => {
    const random = new SeededRandom(1);
    const balancer = { name: 'round_robin', subsetSize: 3 } as const;
    const cluster = new Cluster({
      name: 'orders',
      options: { balancer, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses: [] },
      balancer: makeBalancer(balancer, random, 'web'),
      connectorFactory: () => new IdleConnector(),
      clock: new ManualClock(),
      random,
      listener: { onBreakerChange: () => undefined },
      later: (task) => task(),
    });
    const ids = Array.from({ length: 12 }, (_, i) => `e${i}`);
    const membersWithout = (sick: string | null): string[] => {
      const endpoints = ids.map((id) => spec(id, { health: id === sick ? 'critical' : 'passing' }));
      cluster.apply({ service: 'orders', endpoints, source: 'test' });
      const seen = new Set(Array.from({ length: 30 }, () => cluster.pick(pickContext())!.id));
      return [...seen].sort();
    };
    const all = membersWithout(null);
    expect(all).toHaveLength(3);
    const [first, ...rest] = all as [string, ...string[]];
    const after = membersWithout(first);
    expect(after).toHaveLength(3);
    expect(after).toEqual(expect.arrayContaining(rest));
    expect(membersWithout(null)).toEqual(all);
  });

  it('is chosen in slices when the cluster is large', () => {
    const slices = makeBalancer({ name: 'random', subsetSize: 20 }, new SeededRandom(1), 'web').build(fakes(10_000));
    let count = 0;
    while (!slices.next().done) count++;
    expect(count).toBeGreaterThan(8);
  });
});
