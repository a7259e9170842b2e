import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { CoolDown, FullJitter } from '../../src/policy/backoff.ts';
import { DEFAULT_BREAKER, DEFAULT_RETRY } from '../../src/policy/options.ts';

const fixed = (fraction: number) => ({ uint32: () => 0, next: () => fraction, below: () => 0 });

describe('FullJitter', () => {
  it('draws from 0 up to a bound that grows to the maximum', () => {
    const bounds = (random: ReturnType<typeof fixed>) =>
      [1, 2, 3, 4, 5, 50].map((n) => new FullJitter(DEFAULT_RETRY, random).delayMs(n));
    expect(bounds(fixed(1))).toEqual([25, 75, 175, 250, 250, 250]);
    expect(bounds(fixed(0))).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('is spread evenly', () => {
    const backoff = new FullJitter(DEFAULT_RETRY, new SeededRandom(1));
    const delays = Array.from({ length: 10_000 }, () => backoff.delayMs(4));
    expect(delays.reduce((a, b) => a + b) / delays.length).toBeCloseTo(125, -1);
  });

  it('is a finite time for any attempt', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer(), (n, seed) => {
        const delay = new FullJitter(DEFAULT_RETRY, new SeededRandom(seed)).delayMs(n);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(250);
      }),
    );
  });
});

describe('CoolDown', () => {
  it('doubles from the first one up to the maximum', () => {
    const coolDown = new CoolDown(DEFAULT_BREAKER, fixed(0));
    expect([1, 2, 3, 4, 5, 6, 2000].map((n) => coolDown.delayMs(n))).toEqual([1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3]);
  });

  it('is never longer than stated and never shorter than three quarters of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer(), (n, seed) => {
        const stated = Math.min(1000 * 2 ** (n - 1), 30_000);
        const delay = new CoolDown(DEFAULT_BREAKER, new SeededRandom(seed)).delayMs(n);
        expect(delay).toBeLessThanOrEqual(stated);
        expect(delay).toBeGreaterThanOrEqual(0.75 * stated);
      }),
    );
  });
});
