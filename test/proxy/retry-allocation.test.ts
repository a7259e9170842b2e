import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../src/policy/budget.ts';
import { DEFAULT_RETRY, type RetryOptions } from '../../src/policy/options.ts';
import { RetrySlots } from '../../src/policy/retry-slots.ts';
import { AnswerMarks } from '../../src/proxy/answer-marks.ts';
import type { Attempt, AttemptOwner } from '../../src/proxy/attempt.ts';
import { Attempts } from '../../src/proxy/attempts.ts';
import { HeldHead } from '../../src/proxy/held-head.ts';
import type { Journal } from '../../src/proxy/journal.ts';
import type { Plan } from '../../src/proxy/plan.ts';
import { Retrying } from '../../src/proxy/retrying.ts';
import { SpentTraces } from '../../src/proxy/spent-traces.ts';
import type { Tried } from '../../src/proxy/tried.ts';
import { allocatedPer } from '../support/allocated.ts';
import { requestHead, responseHead } from '../support/exchange-script.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The smallest thing on the heap takes 12 bytes. */
const NOTHING = 1;

function planWith(retry: RetryOptions): Plan {
  const retrying = new Retrying(retry, new RetrySlots(retry.maxConcurrent), new SpentTraces());
  return { retry, retrying, budget: new RetryBudget(retry.budget), trustsPeer: true } as unknown as Plan;
}

const EVERYTHING: RetryOptions = {
  ...DEFAULT_RETRY,
  on: ['5xx', 'retriable-4xx', 'retriable-status-codes', 'retriable-grpc-statuses', 'unavailable'],
  grpcIdempotent: true,
  idempotencyKey: true,
};

describe('an answer that is no reason to try again', () => {
  it.each([
    ['by default', DEFAULT_RETRY],
    ['with every condition', EVERYTHING],
  ])('costs no memory %s', (_title, retry) => {
    const clock = new ManualClock();
    const owner = { startedAt: 0, isGrpc: false } as unknown as AttemptOwner;
    const attempts = new Attempts(owner, clock);
    const plan = planWith(retry);
    const tried = { head: requestHead(), isGrpc: false, isTraced: true, isReplayable: true } as unknown as Tried;
    const head = responseHead(200);
    const marks = new AnswerMarks({ isGrpc: false } as unknown as Journal, attempts);
    let said = 0;
    const answer = (times: number): void => {
      for (let i = 0; i < times; i++) {
        attempts.reset();
        const attempt: Attempt = attempts.next();
        attempt.status = 200;
        if (attempts.verdict(attempt, null, tried, plan, 1) !== 'no') said += 1;
        if (marks.isNeeded(head, plan)) said += 1;
        attempts.close();
      }
    };
    expect(allocatedPer(answer)).toBeLessThan(NOTHING);
    expect(said).toBe(0);
  });
});

it('keeping a head back costs no memory once the lists are there', () => {
  const clock = new ManualClock();
  const held = new HeldHead(clock, { onHeldEnough: () => undefined, onBug: () => undefined });
  const fields = ['content-type', 'x-request-id', 'server'];
  const head = Object.assign(responseHead(200), {
    forEach: (visit: (name: string, value: string) => void) => {
      for (let i = 0; i < fields.length; i++) visit(fields[i]!, 'value');
    },
  });
  const hold = (times: number): void => {
    for (let i = 0; i < times; i++) {
      held.hold(head, 1);
      held.release();
    }
  };
  expect(allocatedPer(hold)).toBeLessThan(NOTHING);
});
