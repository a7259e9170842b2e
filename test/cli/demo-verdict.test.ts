import { expect, it } from 'vitest';
import { Tally } from '../../src/cli/demo/tally.ts';
import { verdict } from '../../src/cli/demo/verdict.ts';

function run({ succeeded, failed }: { readonly succeeded: number; readonly failed: number }): Tally {
  const tally = new Tally(0);
  tally.sent = succeeded + failed;
  for (let i = 0; i < succeeded; i++) tally.success(2, 1);
  for (let i = 0; i < failed; i++) tally.failure('503 circuit_open', 1);
  return tally;
}

const web = { retries: 7, trips: 1 };

it('is good at 99.9 %, and ends with the numbers', () => {
  const { code, lines } = verdict(run({ succeeded: 999, failed: 1 }), web);
  expect(code).toBe(0);
  expect(lines.at(-1)).toBe('1000 requests, 1 failed, 7 retried, 1 breaker trips');
  expect(lines[0]).toMatch(/^the caller saw 99\.900 % success, p50 2\.0 ms/);
});

it('is bad below, says why, and still ends with the numbers', () => {
  const { code, lines } = verdict(run({ succeeded: 998, failed: 2 }), web);
  expect(code).toBe(1);
  expect(lines).toContain('what failed: 2x 503 circuit_open');
  expect(lines.at(-2)).toBe('that is less than the 99.9 % the demo promises, so it exits with 1');
  expect(lines.at(-1)).toBe('1000 requests, 2 failed, 7 retried, 1 breaker trips');
});

it('is bad when nothing was sent', () => {
  expect(verdict(run({ succeeded: 0, failed: 0 }), web).code).toBe(1);
});
