import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { type BalancerOptions, SHARING_BALANCERS } from '../../src/cluster/options.ts';
import { type SlowStartOptions, WARM, WarmUp } from '../../src/cluster/slow-start.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { build, fakes, tally } from '../contract/balancer.ts';
import { evidence, FAILURE } from '../support/evidence.ts';
import { IdleConnector, pickContext, spec } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

const slowStart: SlowStartOptions = { windowMs: 60_000, aggression: 1, minWeight: 0.1 };

function share(warmUp: WarmUp, now: number): number {
  return shareOf(warmUp.at({ now }));
}

/** To six digits: it is kept in whole parts. */
function shareOf(warmth: number): number {
  return Math.round((warmth / WARM) * 1e6) / 1e6;
}

describe('a warm-up', () => {
  const begun = (options: SlowStartOptions | null): WarmUp => {
    const warmUp = new WarmUp();
    warmUp.reconfigure(options);
    warmUp.begin(5_000);
    return warmUp;
  };

  it('grows in a straight line from its minimum to 1, and stays there', () => {
    const warmUp = begun(slowStart);
    const at = [0, 3_000, 6_000, 15_000, 30_000, 59_999, 60_000, 3_600_000].map((ms) => share(warmUp, 5_000 + ms));
    expect(at).toEqual([0.1, 0.1, 0.1, 0.25, 0.5, expect.closeTo(1, 4), 1, 1]);
  });

  it('is quick at first with more aggression, and slow with less', () => {
    expect(share(begun({ ...slowStart, aggression: 2 }), 20_000)).toBe(0.5);
    expect(share(begun({ ...slowStart, aggression: 0.5 }), 35_000)).toBe(0.25);
  });

  it('counts the first second as a whole one', () => {
    const warmUp = begun({ windowMs: 4_000, aggression: 1, minWeight: 0.01 });
    expect([share(warmUp, 5_000), share(warmUp, 5_900), share(warmUp, 7_000)]).toEqual([0.25, 0.25, 0.5]);
    expect(share(begun({ windowMs: 500, aggression: 1, minWeight: 0.01 }), 5_000)).toBe(1);
  });

  it('is over for who never began one, and when it is off', () => {
    const warmUp = new WarmUp();
    warmUp.reconfigure(slowStart);
    expect(share(warmUp, 1)).toBe(1);
    expect(share(begun(null), 5_001)).toBe(1);
  });

  it('takes another window while it lasts', () => {
    const warmUp = begun(slowStart);
    warmUp.reconfigure({ ...slowStart, windowMs: 20_000 });
    expect(share(warmUp, 15_000)).toBe(0.5);
  });
});

const BALANCERS: readonly BalancerOptions[] = [
  ...SHARING_BALANCERS.map((name) => ({ name })),
  { name: 'least_request', leastRequest: { selection: 'full_scan', choices: 2, bias: 1 } },
  { name: 'least_request', leastRequest: { selection: 'two_choices', choices: 4, bias: 1 } },
];

describe.each(BALANCERS.map((options) => [JSON.stringify(options), options] as const))(
  'slow start of %s',
  (_, options) => {
    const picker = (endpoints: ReturnType<typeof fakes>) =>
      build(makeBalancer(options, new SeededRandom(4)), endpoints);

    it('gives a cold endpoint the part of a share that it is warm', () => {
      for (const [n, warmth] of [
        [2, 0.1],
        [10, 0.1],
        [10, 0.5],
      ] as const) {
        const endpoints = fakes(n);
        endpoints[0]!.warmth = warmth;
        const count = tally(picker(endpoints), 20_000).get(endpoints[0]!.id)!;
        const fair = (20_000 * warmth) / (n - 1 + warmth);
        expect(Math.abs(count / fair - 1), `${n} endpoints, warm to ${warmth}`).toBeLessThan(0.2);
      }
    });

    it('does so where weights differ', () => {
      const endpoints = fakes(4, (i) => i + 1);
      endpoints[3]!.warmth = 0.25;
      const count = tally(picker(endpoints), 20_000).get(endpoints[3]!.id)!;
      expect(Math.abs(count / (20_000 / 7) - 1)).toBeLessThan(0.15);
    });

    it('changes nothing where everybody is equally cold', () => {
      const endpoints = fakes(8);
      for (const endpoint of endpoints) endpoint.warmth = 0.1;
      const counts = tally(picker(endpoints), 16_000);
      for (const { id } of endpoints) expect(Math.abs(counts.get(id)! / 2000 - 1)).toBeLessThan(0.1);
    });

    it('does not drown a cold endpoint because it is idle', () => {
      const endpoints = fakes(3);
      endpoints[0]!.warmth = 0.1;
      const made = picker(endpoints);
      const random = new SeededRandom(9);
      const running: ReturnType<typeof fakes> = [];
      let count = 0;
      for (let i = 0; i < 10_000; i++) {
        const endpoint = made.pick(pickContext()) as (typeof endpoints)[0];
        endpoint.active++;
        running.push(endpoint);
        if (endpoint === endpoints[0]) count++;
        if (running.length > 60) running.splice(random.below(running.length), 1)[0]!.active--;
      }
      expect(count / 10_000).toBeLessThan(0.07);
      expect(count / 10_000).toBeGreaterThan(0.03);
    });
  },
);

it.each(['round_robin', 'client_side_wrr'] as const)('%s gives an endpoint its turns as soon as it is warm', (name) => {
  const endpoints = fakes(20);
  const picker = build(makeBalancer({ name }, new SeededRandom(4)), endpoints);
  tally(picker, 200);
  endpoints[7]!.warmth = 0.001;
  tally(picker, 200);
  endpoints[7]!.warmth = 1;
  tally(picker, 20);
  expect(Math.abs(tally(picker, 400).get(endpoints[7]!.id)! - 20)).toBeLessThanOrEqual(1);
});

describe('the slow start of a cluster', () => {
  function make() {
    const clock = new ManualClock();
    const random = new SeededRandom(11);
    const balancer = { name: 'round_robin', slowStart } as const;
    const cluster = new Cluster({
      name: 'orders',
      options: { balancer, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses: [] },
      balancer: makeBalancer(balancer, random),
      connectorFactory: () => new IdleConnector(),
      clock,
      random,
      listener: { onBreakerChange: () => undefined },
      later: (task) => task(),
    });
    const apply = (...endpoints: EndpointSpec[]) => cluster.apply({ service: 'orders', endpoints, source: 'test' });
    const warmth = () => [...cluster.endpoints].map((endpoint) => shareOf(endpoint.warmthAt({ now: clock.now() })));
    return { cluster, clock, apply, warmth };
  }

  it('leaves out the first snapshot, and begins with each endpoint that comes after it', () => {
    const { apply, warmth, clock } = make();
    apply(spec('a'), spec('b'));
    expect(warmth()).toEqual([1, 1]);
    apply(spec('a'), spec('b', { weight: 4 }), spec('c'));
    expect(warmth()).toEqual([1, 1, 0.1]);
    clock.advance(30_000);
    apply(spec('a'), spec('b'), spec('c', { tags: ['v2'] }));
    expect(warmth()).toEqual([1, 1, 0.5]);
  });

  it('begins when an endpoint is healthy again, and not when it comes sick', () => {
    const { apply, warmth, clock } = make();
    apply(spec('a'), spec('b', { health: 'critical' }));
    clock.advance(1_000);
    apply(spec('a'), spec('b', { health: 'warning' }));
    expect(warmth()).toEqual([1, 0.1]);
    clock.advance(30_000);
    apply(spec('a'), spec('b'));
    expect(warmth()).toEqual([1, 0.5]);
    apply(spec('a', { health: 'maintenance' }), spec('b'));
    apply(spec('a'), spec('b'));
    expect(warmth()).toEqual([0.1, 0.5]);
  });

  it('begins when a circuit closes again', () => {
    const { cluster, apply, warmth, clock } = make();
    apply(spec('a'), spec('b'));
    const [a] = cluster.endpoints;
    for (let i = 0; i < 5; i++) a!.gate.settle(a!.gate.admit(clock.now()), FAILURE, clock.now());
    clock.advance(10_000);
    const probe = a!.gate.admit(clock.now());
    expect(warmth()).toEqual([1, 1]);
    a!.gate.settle(probe, evidence('success', { status: 200, startedAt: clock.now() }), clock.now());
    expect(a!.gate.state).toBe('closed');
    expect(warmth()).toEqual([0.1, 1]);
  });

  it('can be switched off while it lasts', () => {
    const { cluster, apply, warmth } = make();
    apply(spec('a'));
    apply(spec('a'), spec('b'));
    expect(warmth()).toEqual([1, 0.1]);
    cluster.reconfigure({ ...cluster.options, balancer: { name: 'round_robin' } }, null);
    expect(warmth()).toEqual([1, 1]);
  });
});
