import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { RetryBudget } from '../../src/policy/budget.ts';
import { DEFAULT_HEDGE, LiveHedge } from '../../src/policy/hedge.ts';
import { DEFAULT_BUDGET } from '../../src/policy/options.ts';
import { allocatedPer } from '../support/allocated.ts';

const PLENTY = new RetryBudget({ ...DEFAULT_BUDGET, minPerSecond: 100_000 });

describe('a hedge', () => {
  it('waits for the percentile of what was seen, and for nothing before enough was seen', () => {
    const hedge = new LiveHedge({ ...DEFAULT_HEDGE, percentile: 0.9 });
    for (let i = 1; i <= 99; i++) hedge.observe(i, i);
    expect(hedge.delayMs(100)).toBe(-1);
    hedge.observe(100, 101);
    expect(hedge.delayMs(101), 'looked at less than 3 s ago').toBe(-1);
    expect(hedge.delayMs(3_100)).toBeGreaterThanOrEqual(90);
    expect(hedge.delayMs(3_100)).toBeLessThanOrEqual(96);
  });

  it('is never sooner than it may be', () => {
    const hedge = new LiveHedge({ ...DEFAULT_HEDGE, minDelayMs: 25 });
    for (let i = 0; i < 200; i++) hedge.observe(1, i);
    expect(hedge.delayMs(5_000)).toBe(25);
  });

  it('has a delay of its own where one is given', () => {
    expect(new LiveHedge({ ...DEFAULT_HEDGE, delayMs: 40 }).delayMs(0)).toBe(40);
  });

  it('adds at most its share of load and one, in any ten seconds', () => {
    const random = new SeededRandom(5);
    const hedge = new LiveHedge({ ...DEFAULT_HEDGE, delayMs: 10, maxExtraLoad: 0.05 });
    const requests: number[] = [];
    const hedges: number[] = [];
    for (let now = 0; now < 60_000; now += 1 + random.below(20)) {
      requests.push(now);
      hedge.onRequest(now);
      if (hedge.tryWithdraw(PLENTY, now)) hedges.push(now);
    }
    expect(hedges.length).toBeGreaterThan(100);
    for (const at of hedges) {
      const within = (times: readonly number[]): number => times.filter((t) => t > at - 10_000 && t <= at).length;
      expect(within(hedges)).toBeLessThanOrEqual(0.05 * within(requests) + 1);
    }
    expect([hedge.sent, hedge.sent + hedge.refused]).toEqual([hedges.length, requests.length]);
  });

  it('takes one from the budget of retries, and nothing from either where one has none', () => {
    const retries = new RetryBudget({ ratio: 0, minPerSecond: 0.1, windowMs: 10_000 });
    const hedge = new LiveHedge({ ...DEFAULT_HEDGE, delayMs: 10 });
    for (let i = 0; i < 100; i++) hedge.onRequest(0);
    expect(hedge.tryWithdraw(retries, 0)).toBe(true);
    expect(hedge.tryWithdraw(retries, 0)).toBe(false);
    expect(retries.tryWithdraw(0)).toBe(false);

    const poor = new LiveHedge({ ...DEFAULT_HEDGE, delayMs: 10 });
    const rich = new RetryBudget({ ratio: 0, minPerSecond: 0.2, windowMs: 10_000 });
    expect([poor.tryWithdraw(rich, 0), poor.tryWithdraw(rich, 0)]).toEqual([true, false]);
    expect(rich.tryWithdraw(0)).toBe(true);
  });

  it('allocates nothing for a request', () => {
    const hedge = new LiveHedge(DEFAULT_HEDGE);
    const now = 1_000;
    const bytes = allocatedPer((times) => {
      for (let i = 0; i < times; i++) {
        hedge.onRequest(now);
        hedge.observe(i & 63, now);
        if (hedge.delayMs(now) > 1e9) throw new Error('never');
      }
    });
    expect(bytes).toBeLessThan(1);
  });
});
