import { expect, it } from 'vitest';
import { type Overloaded, overload } from './overload.ts';

const PLACES = 10;
const FOR_MS = 5_000;
/** Between two requests a place is empty for as long as the sidecar must wait for its CPU, which is to be little of this. */
const SERVICE_MS = 500;
const PENDING_TIMEOUT_MS = 250;
const IN_LINE = { limits: { maxRequests: PLACES, maxPending: 50, pendingTimeout: `${PENDING_TIMEOUT_MS}ms` } };
/** For what a request does besides, in three processes that may each be held up as the load was. */
const SLACK_MS = 100;

/** Whoever did not get an answer was told so by the sidecar. */
function refusalsOf({ results }: Overloaded): string[] {
  return [
    ...new Set(results.filter(({ status }) => status !== 200).map(({ status, failure }) => `${status} ${failure}`)),
  ];
}

it('with a line before the limit it does nine tenths of what it can, and nobody waits longer than the line lets', async () => {
  const seen = await overload(PLACES, IN_LINE, FOR_MS, SERVICE_MS);
  expect(seen.longestLine).toBe(0);
  expect(seen.unsent).toBe(0);
  expect(seen.goodput).toBeGreaterThanOrEqual(0.9);
  expect(seen.longestWaitMs).toBeLessThan(PENDING_TIMEOUT_MS + SLACK_MS + 4 * seen.lateMs);
  for (const refusal of refusalsOf(seen)) expect(refusal).toMatch(/^503 (overloaded|pending_timeout)$/);
});
