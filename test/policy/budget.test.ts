import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../src/policy/budget.ts';
import { DEFAULT_BUDGET } from '../../src/policy/options.ts';

function withdrawAll(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.tryWithdraw(now)) taken++;
  return taken;
}

describe('RetryBudget', () => {
  it('lets a quiet cluster retry from its reserve', () => {
    expect(withdrawAll(new RetryBudget(DEFAULT_BUDGET), 1000)).toBe(100); // 10 per second for 10 s
  });

  it('adds a share of the first attempts', () => {
    const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 0, windowMs: 10_000 });
    for (let i = 0; i < 4; i++) budget.deposit(1000);
    expect(budget.tryWithdraw(1000)).toBe(false);
    budget.deposit(1000);
    expect(budget.tryWithdraw(1000)).toBe(true);
    expect(budget.tryWithdraw(1000)).toBe(false);
  });

  it('loses nothing to rounding', () => {
    const budget = new RetryBudget({ ratio: 0.29, minPerSecond: 0, windowMs: 10_000 });
    for (let i = 0; i < 100; i++) budget.deposit(1000);
    expect(withdrawAll(budget, 1000)).toBe(29);
  });

  it('takes nothing when it refuses', () => {
    const budget = new RetryBudget({ ratio: 0.5, minPerSecond: 0, windowMs: 10_000 });
    budget.deposit(1000);
    for (let i = 0; i < 10; i++) expect(budget.tryWithdraw(1000)).toBe(false);
    budget.deposit(1000);
    expect(budget.tryWithdraw(1000)).toBe(true);
  });

  it('forgets first attempts after the window', () => {
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, windowMs: 10_000 });
    for (let i = 0; i < 50; i++) budget.deposit(1000);
    expect(budget.balance(10_500)).toBeCloseTo(50);
    expect(budget.balance(11_000)).toBeCloseTo(0);
  });

  it('has neither debts nor savings after an idle hour', () => {
    const spent = new RetryBudget(DEFAULT_BUDGET);
    withdrawAll(spent, 1000);
    expect(withdrawAll(spent, 3_601_000)).toBe(100);
    const saved = new RetryBudget(DEFAULT_BUDGET);
    for (let i = 0; i < 10_000; i++) saved.deposit(1000);
    expect(withdrawAll(saved, 3_601_000)).toBe(100);
  });

  it('never allows more than share and minimum within any stretch of the window', () => {
    const event = fc.record({ isRetry: fc.boolean(), afterMs: fc.oneof(fc.nat(3), fc.nat(700), fc.nat(20_000)) });
    const options = fc.record({
      ratio: fc.constantFrom(0, 0.1, 0.2, 0.5, 1),
      minPerSecond: fc.constantFrom(0, 0.3, 1),
      windowMs: fc.constantFrom(1000, 7777, 10_000),
    });
    fc.assert(
      fc.property(options, fc.array(event, { maxLength: 300, size: 'max' }), (given, events) => {
        const budget = new RetryBudget(given);
        const firsts: number[] = [];
        const retries: number[] = [];
        let now = 1000;
        for (const { isRetry, afterMs } of events) {
          now += afterMs;
          if (!isRetry) {
            budget.deposit(now);
            firsts.push(now);
          } else if (budget.tryWithdraw(now)) {
            retries.push(now);
            const since = now - given.windowMs;
            const allowed =
              given.ratio * firsts.filter((at) => at > since).length + (given.minPerSecond * given.windowMs) / 1000;
            expect(retries.filter((at) => at > since).length).toBeLessThanOrEqual(allowed + 1e-6);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
