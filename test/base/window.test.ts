import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingSum } from '../../src/base/window.ts';

describe('SlidingSum', () => {
  it('holds what happened within the window and lets it go bucket by bucket', () => {
    const sum = new SlidingSum(1000, 10);
    sum.add(1, 1000);
    sum.add(2, 1350);
    expect(sum.at(1999)).toBe(3);
    expect(sum.at(2000)).toBe(2);
    expect(sum.at(2299)).toBe(2);
    expect(sum.at(2300)).toBe(0);
  });

  it('is empty after an idle hour, and after a reset', () => {
    const sum = new SlidingSum(1000, 10);
    sum.add(5, 1000);
    expect(sum.at(3_601_000)).toBe(0);
    sum.add(5, 3_601_000);
    sum.reset();
    expect(sum.at(3_601_000)).toBe(0);
  });

  it('covers between n - 1 and n slices, whenever it is asked', () => {
    const event = fc.record({ amount: fc.integer({ min: 1, max: 9 }), after: fc.oneof(fc.nat(50), fc.nat(3000)) });
    fc.assert(
      fc.property(
        fc.array(event),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5000 }),
        (events, n, windowMs) => {
          const sum = new SlidingSum(windowMs, n);
          const seen: { at: number; amount: number }[] = [];
          let now = 0;
          const since = (at: number) => seen.filter((e) => e.at > at).reduce((total, e) => total + e.amount, 0);
          for (const { amount, after } of events) {
            now += after;
            sum.add(amount, now);
            seen.push({ at: now, amount });
            expect(sum.at(now)).toBeLessThanOrEqual(since(now - windowMs - 1e-6));
            expect(sum.at(now)).toBeGreaterThanOrEqual(since(now - windowMs + windowMs / n));
          }
        },
      ),
    );
  });
});
