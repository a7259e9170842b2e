import { expect, it } from 'vitest';
import { Pace } from '../../src/policy/pace.ts';
import { allocatedPer } from '../support/allocated.ts';

/** So many answers that took so long, the last of them at `at`. */
function answers(pace: Pace, count: number, tookMs: number, at: number): void {
  for (let i = 0; i < count; i++) pace.learn({ startedAt: at - tookMs, firstByteAt: at });
}

const due = (deadlineAt: number, requestMs = 0) => ({ deadlineAt, requestMs });

it('knows nothing before enough answers have come, so that a cold start refuses nobody', () => {
  const pace = new Pace();
  answers(pace, 19, 50, 1_000);
  expect(pace.leastMs(1_000)).toBe(0);
  expect(pace.isBeyond(due(1_001, 1), 1_000)).toBe(false);
  answers(pace, 1, 60, 1_000);
  expect(pace.leastMs(1_000)).toBe(50);
});

it('is the least of them, whatever most take', () => {
  const pace = new Pace();
  answers(pace, 100, 80, 1_000);
  answers(pace, 1, 5, 1_000);
  expect(pace.leastMs(1_000)).toBe(5);
});

it('is not below what a caller could mean', () => {
  const pace = new Pace();
  answers(pace, 100, 0.2, 1_000);
  expect(pace.leastMs(1_000)).toBe(1);
});

it('forgets what is older than its window, and all of it after an idle hour', () => {
  const pace = new Pace();
  answers(pace, 100, 5, 1_000);
  answers(pace, 100, 50, 17_000);
  expect(pace.leastMs(17_000)).toBe(5);
  answers(pace, 100, 50, 33_000);
  expect(pace.leastMs(33_000)).toBe(50);
  expect(pace.leastMs(3_600_000)).toBe(0);
  answers(pace, 19, 70, 3_600_000);
  expect(pace.leastMs(3_600_001)).toBe(0);
});

it('tells who cannot be answered in time, by either bound', () => {
  const pace = new Pace();
  answers(pace, 100, 50, 1_000);
  expect(pace.isBeyond(due(1_049), 1_000)).toBe(true);
  expect(pace.isBeyond(due(1_050), 1_000)).toBe(false);
  expect(pace.isBeyond(due(Number.POSITIVE_INFINITY), 1_000)).toBe(false);
  expect(pace.isBeyond(due(Number.POSITIVE_INFINITY, 49), 1_000)).toBe(true);
  expect(pace.isBeyond(due(Number.POSITIVE_INFINITY, 50), 1_000)).toBe(false);
});

it('allocates nothing to learn and to be asked', () => {
  const pace = new Pace();
  const answered = { startedAt: 1_000.5, firstByteAt: 1_010.25 };
  const wanted = due(2_000.5, 500);
  let refused = 0;
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      answered.startedAt += 0.25;
      answered.firstByteAt += 0.25;
      wanted.deadlineAt += 0.25;
      pace.learn(answered);
      if (pace.isBeyond(wanted, answered.firstByteAt)) refused += 1;
    }
  };
  expect(allocatedPer(run)).toBeLessThan(1);
  expect(refused).toBe(0);
});
