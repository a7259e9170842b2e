import type { Clock } from '../base/clock.ts';
import type { Edits } from '../http/edits.ts';
import { FieldList, type Fields } from '../http/fields.ts';
import type { ResponseHead } from '../http/head.ts';
import type { Attempt } from './attempt.ts';
import type { Journal } from './journal.ts';
import type { Plan } from './plan.ts';
import { dropClaims, RETRY_FIELD } from './refusal.ts';

/**
 * What an answer of an endpoint says to whoever asked, beyond what it says itself: that nobody should try again, and
 * nothing in our name that we have not said. `isSpent`: another attempt of this exchange was wanted and not made.
 */
export class AnswerMarks {
  constructor(
    private readonly journal: Journal,
    private readonly attempts: { readonly isSpent: boolean },
  ) {}

  /** Has anything to be said? Of good answers to other requests than calls there never is. */
  isNeeded(head: ResponseHead, plan: Plan): boolean {
    if (head.status < 400 && !this.journal.isGrpc) return false;
    return !plan.trustsPeer || this.attempts.isSpent;
  }

  put(edits: Edits, attempt: Attempt, plan: Plan, now: number): void {
    if (!this.journal.isGrpc && attempt.status < 400) return;
    if (!plan.trustsPeer) dropClaims(edits);
    if (isFailure(attempt) && this.forbidsRetry(plan, now)) edits.set(RETRY_FIELD, 'no');
  }

  /** For an answer of our own. */
  putLocal(edits: Edits, plan: Plan, now: number): void {
    if (this.attempts.isSpent && this.forbidsRetry(plan, now)) edits.append(RETRY_FIELD, 'no');
  }

  /** The status of a call may come when its head is gone. */
  trailers(trailers: Fields | null, attempt: Attempt, plan: Plan, clock: Clock): Fields | null {
    if (trailers === null || plan.trustsPeer || !this.journal.isGrpc || !isFailure(attempt)) return trailers;
    return this.forbidsRetry(plan, clock.now()) ? FieldList.copyOf(trailers).add(RETRY_FIELD, 'no') : trailers;
  }

  /** Outbound knows it, and tells inbound by the trace. */
  private forbidsRetry({ retrying, trustsPeer }: Plan, now: number): boolean {
    const { spent } = retrying;
    const { traceId } = this.journal.trace;
    if (this.attempts.isSpent && trustsPeer) spent.add(traceId, now);
    return this.attempts.isSpent || (!trustsPeer && spent.size > 0 && spent.has(traceId, now));
  }
}

function isFailure({ status, grpcStatus }: Attempt): boolean {
  return status >= 500 || status === 429 || grpcStatus > 0;
}
