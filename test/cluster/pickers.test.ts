import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { hashText } from '../../src/cluster/hash.ts';
import { DEFAULT_ENVOY_RING } from '../../src/cluster/hashing-options.ts';
import type { BalancerName } from '../../src/cluster/options.ts';
import type { Picker } from '../../src/cluster/picker.ts';
import { DEFAULT_LEAST_REQUEST, type LeastRequestOptions } from '../../src/cluster/pickers/least-request.ts';
import { build, fakes, tally } from '../contract/balancer.ts';
import { FakeEndpoint, pickContext } from '../support/fake-endpoint.ts';

function make(name: BalancerName, endpoints: readonly FakeEndpoint[], seed = 3): Picker {
  return build(makeBalancer({ name }, new SeededRandom(seed)), endpoints);
}

function sequence(picker: Picker, picks: number): string[] {
  return Array.from({ length: picks }, () => picker.pick(pickContext())!.id);
}

describe('round_robin', () => {
  it('gives everyone exactly one turn in each round', () => {
    const picker = make('round_robin', fakes(5));
    const first = sequence(picker, 5);
    expect(new Set(first).size).toBe(5);
    for (let round = 0; round < 50; round++) expect(sequence(picker, 5)).toEqual(first);
  });

  it('gives exactly the share of a weight, and never in a bunch', () => {
    const endpoints = fakes(3, (i) => [1, 2, 5][i]!);
    const picker = make('round_robin', endpoints);
    const order = sequence(picker, 800);
    for (const { id, spec } of endpoints) {
      const count = order.filter((other) => other === id).length;
      expect(Math.abs(count - 100 * spec.weight)).toBeLessThanOrEqual(1);
    }
    const heavy = endpoints[2]!.id;
    for (let i = 0; i + 4 <= order.length; i++) expect(order.slice(i, i + 4).every((id) => id === heavy)).toBe(false);
  });

  it('does not begin with the same endpoint in every sidecar', () => {
    const firsts = Array.from({ length: 400 }, (_, seed) => sequence(make('round_robin', fakes(4), seed), 1)[0]);
    for (const { id } of fakes(4)) expect(firsts.filter((first) => first === id).length).toBeGreaterThan(60);
  });

  it('keeps the turns of others while one refuses', () => {
    const endpoints = fakes(4);
    endpoints[0]!.isOpen = true;
    const counts = tally(make('round_robin', endpoints), 3000);
    expect([...counts.values()]).toEqual([1000, 1000, 1000]);
  });
});

describe.each(['p2c_ewma', 'least_request'] as const)('%s', (name) => {
  it('never takes the busier of two', () => {
    const endpoints = fakes(2);
    endpoints[0]!.active = 3;
    endpoints[1]!.active = 2;
    expect(tally(make(name, endpoints), 1000).get(endpoints[0]!.id)).toBeUndefined();
  });

  it('never takes the worst of many', () => {
    const endpoints = fakes(10);
    endpoints.forEach((endpoint, i) => (endpoint.active = i));
    const counts = tally(make(name, endpoints), 10_000);
    expect(counts.get(endpoints[9]!.id)).toBeUndefined();
    expect(counts.get(endpoints[0]!.id)).toBeGreaterThan(counts.get(endpoints[5]!.id)!);
  });

  it('holds attempts in flight in proportion to weight under load', () => {
    const endpoints = fakes(3, (i) => [10, 20, 70][i]!);
    const picker = make(name, endpoints);
    const random = new SeededRandom(1);
    const running: FakeEndpoint[] = [];
    let sums = [0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      const endpoint = picker.pick(pickContext()) as FakeEndpoint;
      endpoint.active++;
      running.push(endpoint);
      if (running.length > 100) running.splice(random.below(running.length), 1)[0]!.active--;
      sums = sums.map((sum, k) => sum + endpoints[k]!.active);
    }
    const total = sums.reduce((a, b) => a + b);
    [0.1, 0.2, 0.7].forEach((share, k) => expect(Math.abs(sums[k]! / total / share - 1)).toBeLessThan(0.1));
  });
});

describe('p2c_ewma', () => {
  it('leaves an endpoint that is far slower, whatever its weight', () => {
    for (const weight of [1, 3]) {
      const endpoints = fakes(2, (i) => (i === 0 ? weight : 1));
      endpoints[0]!.cost = 100;
      endpoints[1]!.cost = 2;
      expect(tally(make('p2c_ewma', endpoints), 1000).get(endpoints[0]!.id)).toBeUndefined();
    }
  });

  it('compares what is left when most refuse, and does not take a slow one for want of a rival', () => {
    const endpoints = fakes(5);
    for (const endpoint of endpoints.slice(0, 3)) endpoint.isOpen = true;
    endpoints[3]!.cost = 50;
    const order = sequence(make('p2c_ewma', endpoints), 1000);
    expect(order.filter((id) => id === endpoints[3]!.id).length).toBeLessThan(120);
  });

  it('takes an endpoint that costs nothing', () => {
    const endpoints = fakes(2);
    endpoints[0]!.cost = 0;
    expect(tally(make('p2c_ewma', endpoints), 100).get(endpoints[1]!.id)).toBeUndefined();
  });
});

describe('least_request', () => {
  const withOptions = (options: Partial<LeastRequestOptions>, endpoints: readonly FakeEndpoint[], seed = 3): Picker => {
    const leastRequest = { ...DEFAULT_LEAST_REQUEST, ...options };
    return build(makeBalancer({ name: 'least_request', leastRequest }, new SeededRandom(seed)), endpoints);
  };

  /** The share of attempts in flight that each endpoint has, with so many of them at any time. */
  function sharesInFlight(picker: Picker, endpoints: readonly FakeEndpoint[], atOnce: number): number[] {
    const random = new SeededRandom(1);
    const running: FakeEndpoint[] = [];
    const sums = endpoints.map(() => 0);
    for (let i = 0; i < 20_000; i++) {
      const endpoint = picker.pick(pickContext()) as FakeEndpoint;
      endpoint.active++;
      running.push(endpoint);
      if (running.length > atOnce) running.splice(random.below(running.length), 1)[0]!.active--;
      endpoints.forEach(({ active }, k) => (sums[k]! += active));
    }
    const total = sums.reduce((a, b) => a + b);
    return sums.map((sum) => sum / total);
  }

  describe('with a full scan', () => {
    it('always finds the least busy of all, where two choices may not', () => {
      const endpoints = fakes(50);
      for (const endpoint of endpoints) endpoint.active = 3;
      endpoints[31]!.active = 2;
      expect(tally(withOptions({ selection: 'full_scan' }, endpoints), 500)).toEqual(
        new Map([[endpoints[31]!.id, 500]]),
      );
      expect(tally(withOptions({}, endpoints), 500).size).toBeGreaterThan(1);
    });

    it('takes any of those that are equally busy', () => {
      const endpoints = fakes(6);
      endpoints.forEach((endpoint, i) => (endpoint.active = i % 2));
      const counts = tally(withOptions({ selection: 'full_scan' }, endpoints), 3_000);
      expect([...counts.keys()].sort()).toEqual([0, 2, 4].map((i) => endpoints[i]!.id));
      for (const count of counts.values()) expect(Math.abs(count / 1_000 - 1)).toBeLessThan(0.15);
    });

    it('holds attempts in flight in proportion to weight', () => {
      const endpoints = fakes(3, (i) => [10, 20, 70][i]!);
      const shares = sharesInFlight(withOptions({ selection: 'full_scan' }, endpoints), endpoints, 100);
      [0.1, 0.2, 0.7].forEach((share, i) => expect(Math.abs(shares[i]! / share - 1)).toBeLessThan(0.1));
    });
  });

  it('compares as many as it is told', () => {
    const busiestTaken = (choices: number): number => {
      const endpoints = fakes(10);
      endpoints.forEach((endpoint, i) => (endpoint.active = i));
      return tally(withOptions({ choices }, endpoints), 10_000).get(endpoints[0]!.id)!;
    };
    // The least busy is among k of ten with a chance of k / 10; the third and later may repeat another.
    expect(Math.abs(busiestTaken(2) / 10_000 - 0.2)).toBeLessThan(0.02);
    expect(busiestTaken(4)).toBeGreaterThan(3_000);
    expect(busiestTaken(10)).toBeGreaterThan(5_500);
  });

  describe('with a bias, where weights differ', () => {
    it('is plain round robin at 0, however busy anybody is', () => {
      const endpoints = fakes(3, (i) => [1, 2, 5][i]!);
      endpoints[2]!.active = 50;
      const counts = tally(withOptions({ bias: 0 }, endpoints), 800);
      endpoints.forEach(({ id, spec }) => expect(Math.abs(counts.get(id)! - 100 * spec.weight)).toBeLessThanOrEqual(1));
    });

    it('gives turns by weight / (active + 1) ^ bias', () => {
      const endpoints = fakes(3, (i) => [4, 4, 8][i]!);
      endpoints[1]!.active = 1;
      endpoints[2]!.active = 3;
      for (const [bias, shares] of [
        [0.5, [4, 4 / Math.SQRT2, 4]],
        [2, [4, 1, 0.5]],
      ] as const) {
        const counts = tally(withOptions({ bias }, endpoints), 10_000);
        const total = shares[0] + shares[1] + shares[2];
        endpoints.forEach(({ id }, i) => expect(counts.get(id)! / 10_000).toBeCloseTo(shares[i]! / total, 3));
      }
    });

    it('lets weights say the less about attempts in flight the greater it is', () => {
      const heaviest = (bias: number): number => {
        const endpoints = fakes(3, (i) => [10, 20, 70][i]!);
        return sharesInFlight(withOptions({ bias }, endpoints), endpoints, 100)[2]!;
      };
      // In balance attempts in flight are as weight ^ (1 / (1 + bias)).
      expect(heaviest(0)).toBeCloseTo(0.7, 1);
      expect(heaviest(0.5)).toBeCloseTo(0.585, 1);
      expect(heaviest(3)).toBeCloseTo(0.413, 1);
    });

    it('does not keep an endpoint waiting for how busy it was', () => {
      const endpoints = fakes(4, (i) => 1 + i);
      const picker = withOptions({ bias: 10 }, endpoints);
      endpoints[3]!.active = 30;
      tally(picker, 100);
      endpoints[3]!.active = 0;
      tally(picker, 8);
      expect(tally(picker, 100).get(endpoints[3]!.id)).toBeGreaterThanOrEqual(39);
    });

    it('is not asked where weights are equal', () => {
      const endpoints = fakes(2);
      endpoints[0]!.active = 5;
      expect(tally(withOptions({ bias: 0 }, endpoints), 100).get(endpoints[0]!.id)).toBeUndefined();
    });
  });

  it('does not look at latency', () => {
    const endpoints = fakes(2);
    endpoints[0]!.cost = 1000;
    expect(tally(make('least_request', endpoints), 1000).get(endpoints[0]!.id)).toBeGreaterThan(400);
  });
});

describe('first', () => {
  const first = (endpoints: readonly FakeEndpoint[], maxActive: number): Picker =>
    build(makeBalancer({ name: 'first', first: { maxActive } }, new SeededRandom(1)), endpoints);
  const fill = (picker: Picker, count: number): void => {
    for (let i = 0; i < count; i++) (picker.pick(pickContext()) as FakeEndpoint).active++;
  };

  it('fills one endpoint after the other, in the order of their names', () => {
    const endpoints = fakes(4);
    const picker = first([...endpoints].reverse(), 3);
    fill(picker, 7);
    expect(endpoints.map(({ active }) => active)).toEqual([3, 3, 1, 0]);
    endpoints[0]!.active = 2;
    fill(picker, 1);
    expect(endpoints.map(({ active }) => active)).toEqual([3, 3, 1, 0]);
  });

  it('does not look at weights', () => {
    const endpoints = fakes(2, (i) => 1 + 9 * i);
    fill(first(endpoints, 3), 4);
    expect(endpoints.map(({ active }) => active)).toEqual([3, 1]);
  });

  it('goes on to the least busy when all are full', () => {
    const endpoints = fakes(3);
    const picker = first(endpoints, 2);
    fill(picker, 9);
    expect(endpoints.map(({ active }) => active)).toEqual([3, 3, 3]);
    endpoints[1]!.isOpen = true;
    fill(picker, 2);
    expect(endpoints.map(({ active }) => active)).toEqual([4, 3, 4]);
  });
});

describe('ring_hash', () => {
  const keys = Array.from({ length: 5000 }, (_, i) => `user-${i}`);

  function owners(picker: Picker, avoid: readonly FakeEndpoint[] = []): string[] {
    return keys.map((key) => {
      const context = pickContext({ hasHash: true, avoid });
      hashText(key, context);
      return picker.pick(context)!.id;
    });
  }

  function moved(before: readonly string[], after: readonly string[]): number {
    return before.filter((id, i) => id !== after[i]).length / before.length;
  }

  it('sends a key to the same endpoint whatever the order of the snapshot, the seed and the process', () => {
    const endpoints = fakes(7, (i) => 1 + (i % 3));
    const here = owners(make('ring_hash', endpoints, 1));
    expect(owners(make('ring_hash', [...endpoints].reverse(), 2))).toEqual(here);
    expect(
      owners(
        make(
          'ring_hash',
          fakes(7, (i) => 1 + (i % 3)).sort((a, b) => a.spec.weight - b.spec.weight),
        ),
      ),
    ).toEqual(here);
  });

  it('moves only the keys of an endpoint that leaves', () => {
    const endpoints = fakes(10);
    const before = owners(make('ring_hash', endpoints));
    const after = owners(make('ring_hash', endpoints.slice(1)));
    before.forEach((id, i) => {
      if (id !== endpoints[0]!.id) expect(after[i]).toBe(id);
    });
    expect(moved(before, after)).toBeLessThan(1 / 10 + 0.03);
    expect(after).not.toContain(endpoints[0]!.id);
  });

  it('moves only the keys that an endpoint gets when it comes', () => {
    const endpoints = fakes(10);
    const before = owners(make('ring_hash', endpoints.slice(1)));
    const after = owners(make('ring_hash', endpoints));
    before.forEach((id, i) => {
      if (after[i] !== id) expect(after[i]).toBe(endpoints[0]!.id);
    });
    expect(moved(before, after)).toBeGreaterThan(0.05);
  });

  it('does not move the keys of others when an endpoint of another weight comes', () => {
    const heavy = fakes(5, () => 10);
    const before = owners(make('ring_hash', heavy));
    const after = owners(make('ring_hash', [...heavy, new FakeEndpoint('10.9.9.9:80/light', 1)]));
    expect(moved(before, after)).toBeLessThan(1 / 51 + 0.02);
  });

  it('goes on to the next endpoint of the ring, the same one for all, when one was tried or refuses', () => {
    const endpoints = fakes(6);
    const picker = make('ring_hash', endpoints);
    const whole = owners(picker);
    const without = owners(make('ring_hash', endpoints.slice(1)));
    expect(owners(picker, [endpoints[0]!])).toEqual(without);
    endpoints[0]!.isOpen = true;
    expect(owners(picker)).toEqual(without);
    endpoints[0]!.isOpen = false;
    expect(owners(picker)).toEqual(whole);
  });

  it('spreads requests without a key', () => {
    const endpoints = fakes(4);
    const picker = make('ring_hash', endpoints);
    const ids = sequence(picker, 4000);
    for (const { id } of endpoints) expect(ids.filter((other) => other === id).length).toBeGreaterThan(700);
  });

  it('keeps a large ring bounded, and its shares', () => {
    const endpoints = fakes(50, (i) => (i % 2 === 0 ? 100 : 300));
    const counts = tally(make('ring_hash', endpoints), 40_000);
    const light = endpoints.filter((_, i) => i % 2 === 0).reduce((sum, { id }) => sum + counts.get(id)!, 0);
    expect(Math.abs(light / 10_000 - 1)).toBeLessThan(0.1);
  });

  it('tells two places apart by all of their 64 bits', () => {
    const [earlier, later] = findNeighbours();
    const endpoints = [earlier, later].map(({ id }) => new FakeEndpoint(id));
    for (const ring of [endpoints, [...endpoints].reverse()]) {
      const picker = make('ring_hash', ring);
      const owner = ({ hashHigh, hashLow }: Point) =>
        picker.pick(pickContext({ hasHash: true, hashHigh, hashLow }))!.id;
      expect([owner(earlier), owner(later)]).toEqual([earlier.id, later.id]);
      expect(owner({ ...earlier, hashLow: earlier.hashLow + 1 })).toBe(later.id);
    }
  });

  it('gives the places that two instances at one address share to the same one, whatever their order', () => {
    const [a, b] = [new FakeEndpoint('10.0.0.1:80/a'), new FakeEndpoint('10.0.0.1:80/b')];
    const rest = fakes(2).slice(0, 1);
    const ring = (endpoints: readonly FakeEndpoint[]) =>
      owners(
        build(makeBalancer({ name: 'ring_hash', ring: DEFAULT_ENVOY_RING }, new SeededRandom(1)), [
          ...endpoints,
          ...rest,
        ]),
      );
    expect(ring([a, b])).toEqual(ring([b, a]));
    expect(new Set(ring([a, b]))).toEqual(new Set([a.id, rest[0]!.id]));
  });

  it('is built in slices, whose number is bounded', () => {
    const sliceCount = (endpoints: readonly FakeEndpoint[]) => {
      const slices = makeBalancer({ name: 'ring_hash' }, new SeededRandom(1)).build(endpoints);
      let count = 0;
      while (!slices.next().done) count++;
      return count;
    };
    expect(sliceCount(fakes(400))).toBeGreaterThan(30);
    expect(sliceCount(fakes(50, () => 300))).toBeLessThanOrEqual(40);
  });
});

interface Point {
  readonly id: string;
  readonly hashHigh: number;
  readonly hashLow: number;
}

/**
 * Two points of two endpoints whose places have the upper half in common, the one that lies further made first; among
 * 160,000 points there are three such pairs or so, and half of them are of this order.
 */
function findNeighbours(): [Point, Point] {
  const seen = new Map<number, Point>();
  const hash = { hashHigh: 0, hashLow: 0 };
  for (let endpoint = 0; ; endpoint++) {
    const id = `e${endpoint}`;
    for (let i = 0; i < 160; i++) {
      hashText(`${id}_${i}`, hash);
      const other = seen.get(hash.hashHigh);
      const here = { id, ...hash };
      if (other !== undefined && other.id < id && other.hashLow > here.hashLow) return [here, other];
      seen.set(hash.hashHigh, here);
    }
  }
}
