import { describe, expect, it } from 'vitest';
import type { Result } from '../e2e/load.ts';
import { figures, recovery, worst } from './figures.ts';

const NAMES = ['a', 'b', 'c'];

/** One request each 10 ms from `from` to `to`, answered 2 ms later by whom `who` says, or by nobody. */
function load(from: number, to: number, who: (n: number) => string): Result[] {
  return Array.from({ length: (to - from) / 10 }, (_, n) => {
    const [sentAt, origin] = [from + n * 10, who(n)];
    const status = origin === '' ? 503 : 200;
    return { id: `GET-${sentAt}`, method: 'GET', status, failure: '', origin, sentAt, tookMs: 2 };
  });
}

const fairly = (n: number): string => NAMES[n % 3]!;
const withoutA = (n: number): string => NAMES[1 + (n % 2)]!;

describe('recovery', () => {
  it('is seconds from the end of the fault to the first answer, and to the first second of fair shares', () => {
    const results = [...load(0, 1000, withoutA), ...load(1000, 3500, withoutA), ...load(3500, 6000, fairly)];
    const { firstS, fairS } = recovery(results, 1000, ['a'], 3);
    expect(firstS).toBeCloseTo(2.502, 2);
    // The first second that has at least four fifths of a share in it begins a little earlier.
    expect(fairS).toBeCloseTo(2.3, 1);
  });

  it('is never where a victim stays away', () => {
    expect(recovery(load(0, 5000, withoutA), 1000, ['a'], 3)).toEqual({ firstS: Infinity, fairS: Infinity });
  });

  it('takes no time where nobody had anything', () => {
    expect(recovery(load(0, 5000, fairly), 1000, [], 3)).toEqual({ firstS: 0, fairS: 0 });
  });
});

it('a run counts what failed, what was tried again and how long it was felt', () => {
  const results = [...load(0, 2000, fairly), ...load(2000, 2100, () => ''), ...load(2100, 6000, fairly)];
  const attempted = results.flatMap(({ id, sentAt }, i) => [
    { id, at: sentAt + 1, ordinal: 1 },
    ...(i >= 100 && i < 160 ? [{ id, at: sentAt + 2, ordinal: 2 }] : []),
  ]);
  const span = { from: 1000, faultAt: 2000, endAt: 3000, victims: ['a'], servers: 3 };
  const seen = figures(results, attempted, span);
  expect(seen).toMatchObject({
    requests: 500,
    failed: 10,
    retried: 60,
    attempts: 1.1,
    resent: 0,
    hurtMs: 250,
    returnMs: 0,
  });
  expect(seen.excess).toBeLessThanOrEqual(0);
});

it('the worst of several runs is that figure by figure, and what failed is counted together', () => {
  const run = (p99: number, failed: number) => ({
    p99,
    failed,
    problems: Array(failed).fill('503 circuit_open'),
    remark: ['odd'],
  });
  expect(worst([run(5, 1), run(3, 2)])).toEqual({
    p99: 5,
    failed: 2,
    problems: ['3 x 503 circuit_open'],
    remarks: ['odd'],
  });
});
