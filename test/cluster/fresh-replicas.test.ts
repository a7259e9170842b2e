import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { type FreshOptions, FreshReplicas } from '../../src/cluster/pickers/fresh-replicas.ts';
import { RandomBalancer } from '../../src/cluster/pickers/random.ts';
import { RendezvousBalancer } from '../../src/cluster/pickers/rendezvous.ts';
import { balancerContract, build, fakes, tally } from '../contract/balancer.ts';
import { pickContext } from '../support/fake-endpoint.ts';

const NO_BOUND: FreshOptions = { maxLagMs: Number.POSITIVE_INFINITY, minEndpoints: 2 };

balancerContract('random', (random) => new FreshReplicas(new RandomBalancer(random), NO_BOUND), { slack: 0.1 });

function replicas(n: number, options: Partial<FreshOptions> = {}) {
  const endpoints = fakes(n);
  const balancer = new FreshReplicas(new RandomBalancer(new SeededRandom(3)), { ...NO_BOUND, ...options });
  const picker = build(balancer, endpoints);
  const picked = (more: Parameters<typeof pickContext>[0] = {}) =>
    [...tally(picker, 500, pickContext(more)).keys()].sort().map((id) => id.slice(-1));
  return { endpoints, picker, picked };
}

describe('replicas with a bound on lag', () => {
  it('leave out who is later, until it says better or has not said for a while', () => {
    const { endpoints, picked } = replicas(4, { maxLagMs: 1000, minEndpoints: 1 });
    endpoints[2]!.freshness.reportLag(1500, 1000);
    expect(picked({ now: 1000 })).toEqual(['0', '1', '3']);
    endpoints[2]!.freshness.reportLag(900, 2000);
    expect(picked({ now: 2000 })).toEqual(['0', '1', '2', '3']);
    endpoints[2]!.freshness.reportLag(1500, 3000);
    expect(picked({ now: 3000 })).toEqual(['0', '1', '3']);
    expect(picked({ now: 13_001 })).toEqual(['0', '1', '2', '3']);
  });

  it('keep a minimum, the least late', () => {
    const { endpoints, picked } = replicas(4, { maxLagMs: 1000, minEndpoints: 2 });
    for (const [i, lag] of [9000, 2000, 3000, 8000].entries()) endpoints[i]!.freshness.reportLag(lag, 1000);
    expect(picked({ now: 1000 })).toEqual(['1', '2']);
  });

  it('take discovery at its word where an endpoint says nothing itself', () => {
    const { endpoints, picked } = replicas(3, { maxLagMs: 1000, minEndpoints: 1 });
    Object.assign(endpoints[0]!.spec, { lagMs: 5000 });
    expect(picked({ now: 1000 })).toEqual(['1', '2']);
    endpoints[0]!.freshness.reportLag(10, 1000);
    expect(picked({ now: 1200 })).toEqual(['0', '1', '2']);
  });
});

describe('replicas by a key', () => {
  const LATE = { maxLagMs: 1000, minEndpoints: 1 };
  const picker = (endpoints: ReturnType<typeof fakes>) =>
    build(new FreshReplicas(new RendezvousBalancer(new SeededRandom(3)), LATE), endpoints);
  const keyed = (hashLow: number) => pickContext({ now: 1000, hasHash: true, hashHigh: 7, hashLow });

  it('send a key whose own is late to one other, the same one from every sidecar', () => {
    const endpoints = fakes(8);
    const here = picker(endpoints);
    const others = new Set<string>();
    for (let key = 1; key <= 40; key++) {
      const own = here.pick(keyed(key))!;
      own.freshness.reportLag(9000, 1000);
      const [judged, there] = [picker(endpoints), picker([...endpoints].reverse())];
      const other = judged.pick(keyed(key))!;
      expect(other).not.toBe(own);
      for (let i = 0; i < 5; i++) expect([judged.pick(keyed(key)), there.pick(keyed(key))]).toEqual([other, other]);
      expect(own.freshness.tooLate, 'counted once for each').toBe(11);
      own.freshness.forget();
      own.freshness.tooLate = 0;
      others.add(other.id);
    }
    expect(others.size).toBeGreaterThan(5);
  });
});

describe('replicas for a client that has written', () => {
  it('are those that have said to have its write', () => {
    const { endpoints, picked } = replicas(4);
    endpoints[1]!.freshness.reportPosition(50);
    endpoints[3]!.freshness.reportPosition(49);
    expect(picked({ minPosition: 50 })).toEqual(['1']);
    endpoints[3]!.freshness.reportPosition(60);
    endpoints[3]!.freshness.reportPosition(55);
    expect(picked({ minPosition: 60 })).toEqual(['3']);
    expect(picked({ minPosition: 0 })).toEqual(['0', '1', '2', '3']);
  });

  it('are none when only the primary will do, or when nobody is there yet', () => {
    const { endpoints, picker } = replicas(3);
    for (const endpoint of endpoints) endpoint.freshness.reportPosition(10);
    for (const minPosition of [11, Number.POSITIVE_INFINITY]) {
      const context = pickContext({ minPosition });
      expect(picker.pick(context)).toBeNull();
      expect(context.refusal).toBe('no_endpoint');
    }
  });

  it('never are who is not there yet, whatever else is tried or open', () => {
    const states = fc.array(fc.record({ position: fc.integer({ min: 0, max: 3 }), isOpen: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(states, fc.integer({ min: 1, max: 3 }), (all, minPosition) => {
        const { endpoints, picker } = replicas(all.length);
        for (const [i, { position, isOpen }] of all.entries()) {
          endpoints[i]!.freshness.reportPosition(position);
          endpoints[i]!.isOpen = isOpen;
        }
        const found = picker.pick(pickContext({ minPosition }));
        const fit = endpoints.filter(({ isOpen, freshness }) => !isOpen && freshness.position >= minPosition);
        if (fit.length === 0) expect(found).toBeNull();
        else expect(fit).toContain(found);
      }),
    );
  });
});
