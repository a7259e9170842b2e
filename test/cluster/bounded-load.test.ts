import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { hashText } from '../../src/cluster/hash.ts';
import type { Picker } from '../../src/cluster/picker.ts';
import { build, fakes } from '../contract/balancer.ts';
import { FakeEndpoint, pickContext } from '../support/fake-endpoint.ts';

function make(name: 'ring_hash' | 'maglev', endpoints: readonly FakeEndpoint[], boundedLoad?: number): Picker {
  const options = boundedLoad === undefined ? { name } : { name, boundedLoad };
  return build(makeBalancer(options, new SeededRandom(1)), endpoints);
}

function pickFor(picker: Picker, key: string): FakeEndpoint {
  const context = pickContext({ hasHash: true });
  hashText(key, context);
  return picker.pick(context) as FakeEndpoint;
}

describe.each(['ring_hash', 'maglev'] as const)('%s with bounded load', (name) => {
  it('never takes an endpoint above its bound, whatever comes and goes', () => {
    const world = fc.record({
      weights: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }),
      percent: fc.constantFrom(101, 110, 125, 133, 200, 1000),
      /** A number below 5 ends one of those in flight; others are keys, of which few are many people's. */
      script: fc.array(fc.nat(12), { minLength: 50, maxLength: 200 }),
    });
    fc.assert(
      fc.property(world, ({ weights, percent, script }) => {
        const endpoints = fakes(weights.length, (i) => weights[i]!);
        const total = weights.reduce((a, b) => a + b);
        const picker = make(name, endpoints, percent / 100);
        const running: FakeEndpoint[] = [];
        for (const step of script) {
          if (step < 5 && running.length > 0) running.splice(step % running.length, 1)[0]!.active--;
          else {
            const endpoint = pickFor(picker, `key-${step}`);
            running.push(endpoint);
            endpoint.active++;
            // Whole numbers, so that nothing is rounded but the answer.
            const bound = Math.ceil((running.length * endpoint.spec.weight * percent) / (total * 100));
            expect(endpoint.active).toBeLessThanOrEqual(bound);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('looks at few endpoints, however many there are', () => {
    let looks = 0;
    class Watched extends FakeEndpoint {
      override get active(): number {
        looks += 1;
        return super.active;
      }

      override set active(count: number) {
        super.active = count;
      }
    }
    const endpoints = Array.from({ length: 2000 }, (_, i) => new Watched(`10.0.${i >> 8}.${i & 255}:80/e${i}`));
    const picker = make(name, endpoints, 1.25);
    for (let i = 0; i < 4000; i++) pickFor(picker, `k${i % 500}`).inFlight.count++;
    expect(looks).toBeLessThan(4000 * 20);
  });

  it('counts what was in flight before its first pick, and after everyone was made to leave', () => {
    const endpoints = fakes(4);
    const picker = make(name, endpoints, 1.25);
    for (const endpoint of endpoints) endpoint.active = 2;
    // With the ninth, three each: anybody has room.
    const own = pickFor(make(name, endpoints), 'a');
    expect(pickFor(picker, 'a')).toBe(own);
    own.active = 4;
    for (let i = 0; i < 3; i++) {
      expect(pickFor(picker, 'a')).not.toBe(own);
      for (const endpoint of endpoints) endpoint.inFlight.leaveAll();
      expect(endpoints.map(({ inFlight }) => inFlight.tallyCount)).toEqual([0, 0, 0, 0]);
    }
  });

  it('sends a key to its own endpoint while that has room', () => {
    const endpoints = fakes(8);
    const [plain, bounded] = [make(name, endpoints), make(name, endpoints, 1.25)];
    for (let i = 0; i < 200; i++) expect(pickFor(bounded, `k${i}`)).toBe(pickFor(plain, `k${i}`));
  });

  it('spreads the keys of a full endpoint over all others, each to the same one every time', () => {
    const endpoints = fakes(8);
    const picker = make(name, endpoints, 1.25);
    const full = endpoints[3]!;
    const keys = Array.from({ length: 800 }, (_, i) => `k${i}`).filter((key) => pickFor(picker, key) === full);
    full.active = 4;
    const others = keys.map((key) => pickFor(picker, key));
    expect(others).not.toContain(full);
    expect(new Set(others).size).toBe(7);
    const reversed = make(name, [...endpoints].reverse(), 1.25);
    expect(keys.map((key) => pickFor(reversed, key))).toEqual(others);
  });

  it('sends a key to its own endpoint when whoever has room is refused', () => {
    const endpoints = fakes(4);
    const picker = make(name, endpoints, 1.1);
    const own = pickFor(picker, 'a');
    own.active = 5;
    for (const endpoint of endpoints) endpoint.isOpen = endpoint !== own;
    expect(pickFor(picker, 'a')).toBe(own);
  });

  it('has the fingerprint of the ring that it bounds', () => {
    expect(make(name, fakes(3), 2).facts).toEqual(make(name, fakes(3)).facts);
  });
});
