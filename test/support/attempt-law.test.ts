import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { type Allowance, accountOf, excessOf } from './attempt-law.ts';

const LAW: Allowance = { ratio: 1.2, perSecond: 10, windowMs: 10_000 };

/** So many events from `from` on, one each `everyMs`. */
function steady(count: number, everyMs: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i * everyMs);
}

describe('the law of retries', () => {
  it('is kept by one attempt for each request', () => {
    const times = steady(3000, 10);
    expect(excessOf(times, times, LAW)).toBeLessThanOrEqual(0);
  });

  it('is at its limit with a fifth more attempts and ten a second', () => {
    const requests = steady(1000, 10);
    const attempts = [...requests, ...steady(200, 50, 0.5), ...steady(100, 100, 0.25)];
    // A stretch may begin between a request and its attempt.
    const excess = excessOf(requests, attempts, LAW);
    expect(excess).toBeGreaterThanOrEqual(0);
    expect(excess).toBeLessThan(2);
    expect(excessOf(requests, [...attempts, ...steady(50, 1, 5_000.1)], LAW)).toBeCloseTo(excess + 50, 0);
  });

  it('sees a burst that a quiet time before and after it hides in the whole', () => {
    const requests = steady(6000, 10);
    const attempts = [...requests, ...steady(400, 1, 30_000)];
    expect(attempts.length / requests.length).toBeLessThan(1.1);
    expect(excessOf(requests, attempts, LAW)).toBeGreaterThan(50);
  });

  it('sees a burst that lies across the bounds of round tens of seconds', () => {
    const requests = steady(2000, 10);
    const attempts = [...requests, ...steady(350, 1, 9_825.5)];
    expect(excessOf(requests, attempts, LAW)).toBeCloseTo(350 - 300, -1);
  });

  it('sees attempts that go on when requests have ended', () => {
    expect(excessOf(steady(100, 1), steady(200, 10, 20_000), LAW)).toBeCloseTo(100);
  });

  it('finds what looking at every stretch finds', () => {
    const random = new SeededRandom(7);
    const law: Allowance = { ratio: 1.5, perSecond: 10, windowMs: 300 };
    for (let round = 0; round < 20; round++) {
      // Whole ms, so that every stretch there is begins at a whole one or half of one later.
      const some = (count: number): number[] => Array.from({ length: count }, () => random.below(1000));
      const [requests, attempts] = [some(40), some(90)];
      let most = Number.NEGATIVE_INFINITY;
      for (let from = -400; from < 1100; from += 0.5) {
        const count = (times: readonly number[]): number =>
          times.filter((at) => at >= from && at < from + law.windowMs).length;
        most = Math.max(most, count(attempts) - law.ratio * count(requests) - 3);
      }
      expect(excessOf(requests, attempts, law)).toBeCloseTo(most);
    }
  });
});

describe('an account of requests and attempts', () => {
  const asked = steady(3, 10).map((sentAt, i) => ({ id: `r-${i}`, sentAt, tookMs: 5 }));

  it('counts attempts apart from what was sent again for the first time', () => {
    const account = accountOf(asked, [
      { id: 'r-0', at: 1, ordinal: 1 },
      { id: 'r-1', at: 11, ordinal: 1 },
      { id: 'r-1', at: 12, ordinal: 1 },
      { id: 'r-2', at: 21, ordinal: 1 },
      { id: 'r-2', at: 22, ordinal: 2 },
      { id: 'stranger', at: 1, ordinal: 1 },
    ]);
    expect(account).toMatchObject({ attempts: 4, resent: 1, mostResent: 1, repeated: ['r-1', 'r-2'] });
    expect(account.ratio).toBeCloseTo(4 / 3);
  });

  it('counts a first attempt that an endpoint is late to look at with its request', () => {
    const late = asked.map(({ id }) => ({ id, at: 100_000, ordinal: 1 }));
    expect(accountOf(asked, late, { ratio: 1, perSecond: 0, windowMs: 1 }).excess).toBe(0);
  });

  it('counts what a frozen endpoint reads late for the time in which it was sent', () => {
    const late = asked.map(({ id }) => ({ id, at: 100_000, ordinal: 2 }));
    const { excess } = accountOf(asked, late, { ratio: 1, perSecond: 0, windowMs: 1_000 });
    expect(excess).toBeLessThanOrEqual(1);
  });
});
