import type { Clock } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import { isIdempotent, type RetryVerdict, retryVerdict } from '../policy/classify.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { Plan } from './plan.ts';

/**
 * The attempts of one exchange: what was tried, and whether another may follow. Objects are used again by the
 * connection's next exchange.
 */
export class Attempts {
  /** `list[0 .. count-1]` in order; beyond that lie objects of earlier exchanges. */
  readonly list: Attempt[] = [];
  count = 0;
  /** Endpoints that failed this exchange, for the picker to avoid. */
  readonly failed: Endpoint[] = [];
  /** The next attempt must not use a connection that has carried an answer before. */
  wantsFresh = false;
  /** The client has been told something by one of them, other than to go on with its body: no other may follow. */
  isHeard = false;
  private hasUsedFresh = false;

  constructor(
    private readonly owner: AttemptOwner,
    private readonly clock: Clock,
  ) {}

  reset(): void {
    this.count = 0;
    this.failed.length = 0;
    this.wantsFresh = false;
    this.isHeard = false;
    this.hasUsedFresh = false;
  }

  /** Once all are over: could an application have looked at the request? */
  get mayBeSeen(): boolean {
    for (let i = 0; i < this.count; i++) if (this.list[i]!.mayBeSeen) return true;
    return false;
  }

  next(): Attempt {
    const index = this.count++;
    const used = this.list[index];
    if (used !== undefined && !used.isDiscarded) return used;
    const made = new Attempt(this.owner, this.clock);
    this.list[index] = made;
    return made;
  }

  /** The newest was none: there was no connection for it. */
  takeBack(): void {
    this.count--;
  }

  /**
   * May another follow this one, which showed `code` or an answer with its status? Nothing of an answer may have been sent.
   * The bounds of the whole cluster are asked last, since asking takes from them.
   */
  verdict(
    attempt: Attempt,
    code: FailureCode | null,
    method: string,
    isReplayable: boolean,
    plan: Plan,
    now: number,
  ): RetryVerdict {
    const failed = {
      code,
      status: attempt.status,
      grpcStatus: attempt.grpcStatus,
      isIdempotent: isIdempotent(method) || (this.owner.isGrpc && plan.retry.grpcIdempotent),
      bytesWritten: attempt.upstream.bytesWritten,
      isAnswered: this.isHeard,
      isReplayable,
      ordinal: this.hasUsedFresh ? this.count - 1 : this.count,
    };
    const verdict = retryVerdict(failed, plan.retry);
    if (!isReplayable && retryVerdict({ ...failed, isReplayable: true }, plan.retry) !== 'no')
      plan.observer.onRetryRefused('body');
    if (verdict === 'no') return 'no';
    if (verdict === 'backoff' && !plan.parking.hasRoom) return refused(plan, 'parking');
    // What had not been written on a connection that was dying before it came is sent for the first time now.
    const isFirstSending = verdict === 'fresh' && attempt.upstream.bytesWritten === 0;
    return isFirstSending || plan.budget.tryWithdraw(now) ? verdict : refused(plan, 'budget');
  }

  /** Another attempt follows this one. */
  leave(attempt: Attempt, verdict: RetryVerdict): void {
    if (verdict !== 'fresh') {
      this.failed.push(attempt.endpoint);
      return;
    }
    this.hasUsedFresh = true;
    this.wantsFresh = true;
  }
}

function refused(plan: Plan, why: 'budget' | 'parking'): 'no' {
  plan.observer.onRetryRefused(why);
  return 'no';
}
