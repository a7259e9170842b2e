import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import type { Balancer, PickContext, Picker } from '../../src/cluster/picker.ts';
import { FakeEndpoint, pickContext } from '../support/fake-endpoint.ts';

export interface BalancerTolerance {
  /** How far an endpoint's share of traffic may be from its fair one, relative to it; null for one that gives no shares. */
  readonly slack: number | null;
}

/** Drives a balancer's build to its end. */
export function build(balancer: Balancer, endpoints: readonly FakeEndpoint[]): Picker {
  const slices = balancer.build(endpoints);
  for (;;) {
    const step = slices.next();
    if (step.done) return step.value;
  }
}

export function fakes(n: number, weight: (index: number) => number = () => 1): FakeEndpoint[] {
  return Array.from({ length: n }, (_, i) => new FakeEndpoint(`10.0.0.${i}:80/e${i}`, weight(i)));
}

/** Picks with idle endpoints and, where a balancer looks at it, a random key each time; the number of picks per endpoint. */
export function tally(picker: Picker, picks: number, context: PickContext = pickContext()): Map<string, number> {
  const random = new SeededRandom(99);
  const counts = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    context.hasHash = true;
    context.hashHigh = random.uint32();
    context.hashLow = random.uint32();
    const id = picker.pick(context)?.id ?? 'none';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** What every balancer promises. */
export function balancerContract(name: string, make: (random: Random) => Balancer, tolerance: BalancerTolerance): void {
  const slack = tolerance.slack ?? 0;
  const sharing = tolerance.slack === null ? () => undefined : it;
  const picker = (endpoints: readonly FakeEndpoint[], seed = 5) => build(make(new SeededRandom(seed)), endpoints);

  describe(`${name} as a balancer`, () => {
    it('is called what the configuration calls it', () => {
      expect(make(new SeededRandom(1)).name).toBe(name);
    });

    sharing('spreads traffic evenly over equal endpoints', () => {
      const counts = tally(picker(fakes(8)), 16_000);
      expect(counts.size).toBe(8);
      for (const count of counts.values()) expect(Math.abs(count - 2000) / 2000).toBeLessThan(slack);
    });

    sharing('spreads traffic in proportion to weight', () => {
      const counts = tally(picker(fakes(4, (i) => i + 1)), 20_000);
      for (let i = 0; i < 4; i++) {
        const fair = 2000 * (i + 1);
        expect(Math.abs(counts.get(`10.0.0.${i}:80/e${i}`)! - fair) / fair, `weight ${i + 1}`).toBeLessThan(slack);
      }
    });

    sharing('keeps a small share of two small', () => {
      const counts = tally(picker(fakes(2, (i) => (i === 0 ? 5 : 95))), 20_000);
      expect(Math.abs(counts.get('10.0.0.0:80/e0')! - 1000) / 1000).toBeLessThan(2 * slack);
    });

    it('avoids what was tried, while there is another', () => {
      const endpoints = fakes(3);
      const counts = tally(picker(endpoints), 1000, pickContext({ avoid: [endpoints[0]!, endpoints[2]!] }));
      expect([...counts.keys()]).toEqual([endpoints[1]!.id]);
    });

    it('takes an endpoint that was tried when nothing else is left', () => {
      const endpoints = fakes(3);
      endpoints[1]!.isOpen = true;
      const counts = tally(picker(endpoints), 100, pickContext({ avoid: [endpoints[0]!, endpoints[2]!] }));
      expect(counts.get('none')).toBeUndefined();
      expect(counts.get(endpoints[1]!.id)).toBeUndefined();
    });

    it('never picks an endpoint to avoid that is not its own', () => {
      const stranger = new FakeEndpoint('stranger');
      expect(picker([]).pick(pickContext({ avoid: [stranger] }))).toBeNull();
      const [own] = fakes(1);
      expect(picker([own!]).pick(pickContext({ avoid: [stranger] }))).toBe(own);
    });

    it('works with one endpoint, tried before or not', () => {
      const [only] = fakes(1);
      expect(picker([only!]).pick(pickContext())).toBe(only);
      expect(picker([only!]).pick(pickContext({ avoid: [only!] }))).toBe(only);
    });

    it('refuses with circuit_open when every gate refuses', () => {
      for (const n of [1, 2, 3, 50]) {
        const endpoints = fakes(n, (i) => 1 + (i % 3));
        for (const endpoint of endpoints) endpoint.isOpen = true;
        const context = pickContext({ avoid: [endpoints[0]!] });
        expect(picker(endpoints).pick(context)).toBeNull();
        expect(context.refusal).toBe('circuit_open');
      }
    });

    it('refuses with no_endpoint when there is none', () => {
      const context = pickContext();
      expect(picker([]).pick(context)).toBeNull();
      expect(context.refusal).toBe('no_endpoint');
    });

    it('finds the one endpoint that admits among many that do not', () => {
      const endpoints = fakes(200, (i) => 1 + (i % 5));
      for (const endpoint of endpoints) endpoint.isOpen = true;
      endpoints[137]!.isOpen = false;
      expect(tally(picker(endpoints), 200)).toEqual(new Map([[endpoints[137]!.id, 200]]));
    });

    sharing('shares among the rest what refused endpoints would have got', () => {
      const endpoints = fakes(10);
      for (const i of [2, 3, 4, 8]) endpoints[i]!.isOpen = true;
      const counts = tally(picker(endpoints), 12_000);
      expect(counts.size).toBe(6);
      // One that follows a row of refused ones may get somewhat more, but not all of theirs.
      for (const count of counts.values()) expect(count).toBeLessThan(2000 * (1 + slack) * 1.5);
    });

    it('picks only what admits and was not tried, whenever there is such an endpoint', () => {
      const world = fc.array(
        fc.record({ weight: fc.integer({ min: 1, max: 9 }), isOpen: fc.boolean(), isTried: fc.boolean() }),
        {
          minLength: 1,
          maxLength: 40,
        },
      );
      fc.assert(
        fc.property(world, fc.integer(), (states, seed) => {
          const endpoints = fakes(states.length, (i) => states[i]!.weight);
          for (const [i, endpoint] of endpoints.entries()) endpoint.isOpen = states[i]!.isOpen;
          const avoid = endpoints.filter((_, i) => states[i]!.isTried);
          const choice = picker(endpoints, seed).pick(pickContext({ avoid }));
          const usable = endpoints.filter((endpoint) => !endpoint.isOpen && !avoid.includes(endpoint));
          if (usable.length > 0) expect(usable).toContain(choice);
          else if (endpoints.some((endpoint) => !endpoint.isOpen)) expect((choice as FakeEndpoint).isOpen).toBe(false);
          else expect(choice).toBeNull();
        }),
      );
    });

    it('makes the same choices from the same seed', () => {
      const run = () => [...tally(picker(fakes(5, (i) => i + 1)), 50)];
      expect(run()).toEqual(run());
    });
  });
}
