import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceiveWindow, WindowBudget } from '../../src/http2/receive-window.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('a receive window', () => {
  it('takes what it has, and no byte more', () => {
    const window = new ReceiveWindow(100, 100, new WindowBudget(0), new ManualClock());
    expect(window.take(60)).toBe(true);
    expect(window.take(40)).toBe(true);
    expect(window.take(1)).toBe(false);
  });

  it('gives credit back when half of it has been passed on', () => {
    const window = new ReceiveWindow(100, 100, new WindowBudget(0), new ManualClock());
    window.take(100);
    expect([window.pass(49), window.pass(1), window.pass(50)]).toEqual([0, 50, 50]);
    expect(window.take(100)).toBe(true);
  });

  it('doubles when it is used up fast, to its limit', () => {
    const clock = new ManualClock();
    const budget = new WindowBudget(1_000);
    const window = new ReceiveWindow(100, 300, budget, clock);
    expect(window.pass(100)).toBe(100);
    clock.advance(99);
    expect(window.pass(100)).toBe(200);
    clock.advance(99);
    expect(window.pass(200)).toBe(300);
    clock.advance(99);
    expect(window.pass(300)).toBe(300);
    expect(budget.takenBytes).toBe(200);
    window.giveBack();
    window.giveBack();
    expect(budget.takenBytes).toBe(0);
  });

  it('stays as it is when it is used up slowly, or the budget is', () => {
    const clock = new ManualClock();
    const budget = new WindowBudget(99);
    const window = new ReceiveWindow(100, 300, budget, clock);
    window.pass(100);
    clock.advance(10);
    expect(window.pass(100)).toBe(100);
    const other = new ReceiveWindow(100, 300, new WindowBudget(1_000), clock);
    other.pass(100);
    clock.advance(100);
    expect(other.pass(100)).toBe(100);
    expect(budget.takenBytes).toBe(0);
  });

  it('never has more open than its size, and never takes more from the budget than that has', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(200), fc.boolean())), fc.nat(500), (steps, most) => {
        const clock = new ManualClock();
        const budget = new WindowBudget(most);
        const window = new ReceiveWindow(100, 800, budget, clock);
        let credit = 100;
        let owed = 0;
        for (const [bytes, ms, isPassed] of steps) {
          const taken = Math.min(bytes, credit);
          expect(window.take(taken)).toBe(true);
          credit -= taken;
          owed += taken;
          clock.advance(ms);
          if (isPassed) {
            credit += window.pass(owed);
            owed = 0;
          }
          expect(credit + owed).toBeLessThanOrEqual(100 + budget.takenBytes);
          expect(budget.takenBytes).toBeLessThanOrEqual(most);
        }
        window.reset();
        expect(budget.takenBytes).toBe(0);
      }),
    );
  });
});
