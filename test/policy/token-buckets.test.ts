import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../src/policy/token-buckets.ts';

function bucketOf(requests: number, windowMs: number, burst = requests): TokenBuckets {
  const buckets = new TokenBuckets({ requests, windowMs, burst }, 1);
  buckets.fill(0, 1000);
  return buckets;
}

/** How many of so many come in. */
function letIn(buckets: TokenBuckets, count: number, now: number): number {
  let entered = 0;
  for (let i = 0; i < count; i++) {
    if (buckets.left(0, now) < 1) continue;
    buckets.take(0);
    entered += 1;
  }
  return entered;
}

describe('TokenBuckets', () => {
  it('let in their burst at once, and then one each time there is a token', () => {
    const buckets = bucketOf(10, 1000, 5);
    expect(letIn(buckets, 100, 1000)).toBe(5);
    expect(letIn(buckets, 100, 1099)).toBe(0);
    expect(letIn(buckets, 100, 1100)).toBe(1);
    expect(letIn(buckets, 100, 1300)).toBe(2);
  });

  it('hold no more than their burst after an idle hour', () => {
    const buckets = bucketOf(10, 1000, 5);
    letIn(buckets, 5, 1000);
    expect(letIn(buckets, 100, 3_601_000)).toBe(5);
  });

  it('say when there is a token, and it is there then', () => {
    const buckets = bucketOf(3, 1000);
    expect(letIn(buckets, 9, 1000)).toBe(3);
    expect(buckets.left(0, 1001)).toBe(0);
    const waitMs = buckets.waitMs(0);
    expect(waitMs).toBe(333);
    expect(buckets.left(0, 1001 + waitMs)).toBe(1);
    expect(buckets.fillMs(0)).toBe(666);
  });

  it('lose nothing to rounding when they are asked often', () => {
    const buckets = bucketOf(7, 1000);
    let entered = letIn(buckets, 7, 1000);
    for (let i = 1; i <= 100_000; i++) entered += letIn(buckets, 1, 1000 + i / 10);
    expect(entered).toBe(7 + 70);
  });

  it('keep what they have when the rate changes, up to the new burst', () => {
    const buckets = bucketOf(100, 1000);
    letIn(buckets, 40, 1000);
    buckets.reconfigure({ requests: 10, windowMs: 1000, burst: 10 });
    expect(letIn(buckets, 100, 1000)).toBe(10);
    expect(letIn(buckets, 100, 1500)).toBe(5);
  });

  it('are as many as wanted, and each is its own', () => {
    const buckets = bucketOf(2, 1000);
    letIn(buckets, 2, 1000);
    buckets.grow(4);
    buckets.fill(3, 1000);
    expect(buckets.left(0, 1000)).toBe(0);
    expect(buckets.left(3, 1000)).toBe(2);
  });

  it('keep their law over every stretch of time, whenever requests come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 }),
        (requests, burst, gaps) => {
          const buckets = bucketOf(requests, 1000, burst);
          const entered: number[] = [];
          let now = 1000;
          for (const gap of gaps) {
            now += gap;
            if (letIn(buckets, 1, now) === 1) entered.push(now);
          }
          for (let from = 0; from < entered.length; from++) {
            for (let to = from; to < entered.length; to++) {
              const most = burst + (requests * (entered[to]! - entered[from]!)) / 1000;
              expect(to - from + 1).toBeLessThanOrEqual(most + 1e-6);
            }
          }
        },
      ),
    );
  });
});
