import type { Clock } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { RequestHead } from '../http/head.ts';
import { markOf } from '../http/retry-mark.ts';
import {
  type FailedAttempt,
  isIdempotent,
  isWorthAnother,
  type RetryVerdict,
  retryVerdict,
} from '../policy/classify.ts';
import type { RetrySlots } from '../policy/retry-slots.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { ClientWish } from './client-wish.ts';
import type { RetryRefusal } from './observer.ts';
import type { Plan } from './plan.ts';
import type { Tried } from './tried.ts';

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
  /** Whose answer the client gets; null before, and when it is our own. */
  answering: Attempt | null = null;
  /** The client has been told something by one of them, other than to go on with its body: no other may follow. */
  isHeard = false;
  /** Retries did not help, or were refused to protect the endpoints: nobody further up should try either. */
  isSpent = false;
  private hasUsedFresh = false;
  /** Somebody took it in and gave it back: nobody does that twice. */
  private wasGivenBack = false;
  /** What nobody had been sent was sent again, which is free once. */
  private hasResent = false;
  private slots: RetrySlots | null = null;
  private readonly end: Writable<FailedAttempt> = {
    code: null,
    status: 0,
    grpcStatus: 0,
    bytesWritten: 0,
    isRateLimited: false,
    isHeaderListed: false,
    isIdempotent: false,
    isAnswered: false,
    isReplayable: true,
    ordinal: 0,
  };
  private readonly wish = new ClientWish();

  constructor(
    private readonly owner: AttemptOwner,
    private readonly clock: Clock,
  ) {}

  reset(): void {
    this.count = 0;
    this.failed.length = 0;
    this.wantsFresh = false;
    this.isHeard = false;
    this.answering = null;
    this.isSpent = false;
    this.hasUsedFresh = false;
    this.wasGivenBack = false;
    this.hasResent = false;
  }

  /** The exchange is over. */
  close(): void {
    this.slots?.giveBack();
    this.slots = null;
  }

  /** Once all are over: could an application have looked at the request? */
  get mayBeSeen(): boolean {
    for (let i = 0; i < this.count; i++) if (this.list[i]!.mayBeSeen) return true;
    return false;
  }

  next(): Attempt {
    const index = this.count++;
    const used = this.list[index];
    const attempt = used !== undefined && !used.isDiscarded ? used : new Attempt(this.owner, this.clock);
    this.list[index] = attempt;
    attempt.mark = 1 + this.seenBefore(index);
    return attempt;
  }

  /** The newest was none: there was no connection for it. */
  takeBack(): void {
    this.count--;
  }

  /**
   * Is an answer to a call worth waiting for its trailers? Another attempt could follow them, or its caller is to hear
   * that the last one did not help either.
   */
  awaitsTrailers({ retry, retrying }: Plan, isReplayable: boolean): boolean {
    if (!retry.grpcIdempotent || !isReplayable || this.isHeard) return false;
    return (this.count < retry.maxAttempts || this.count > 1) && retrying.rules.readsGrpc;
  }

  /** Is what this one showed good enough to end the exchange with, while another attempt is still under way? */
  isGood(attempt: Attempt, tried: Tried, plan: Plan): boolean {
    const end = this.look(attempt, null, tried, plan);
    return end.isAnswered || !isWorthAnother(end, plan.retrying.rules, plan.retrying.rules.words);
  }

  /**
   * May a second attempt be made beside the first one? A retry of somebody else's is not, nor what its client wants
   * once.
   */
  mayHedge(tried: Tried, plan: Plan): boolean {
    if (this.isHeard || this.isSpent || !tried.isReplayable) return false;
    this.wish.read(tried.head, plan.trustsPeer, plan.retry.maxAttempts);
    return this.count < this.wish.maxAttempts && markOf(tried.head, tried.isGrpc, tried.isTraced) <= 1;
  }

  /** Takes what a second attempt costs: a place among those that run beside first ones, and of two budgets. */
  tryHedge({ retrying, hedge, budget }: Plan, now: number): boolean {
    const isFirst = this.slots === null;
    if (isFirst && !retrying.slots.tryTake()) return false;
    this.slots = retrying.slots;
    if (hedge.tryWithdraw(budget, now)) return true;
    if (isFirst) this.close();
    return false;
  }

  /**
   * May another follow this one, which showed `reported` or an answer with its status? Nothing of an answer may have
   * been sent. The bounds of the whole cluster are asked last, since asking takes from them.
   */
  verdict(attempt: Attempt, reported: FailureCode | null, tried: Tried, plan: Plan, now: number): RetryVerdict {
    const { retry, retrying, parking, budget } = plan;
    const end = this.look(attempt, reported, tried, plan);
    // The end of what every good answer costs here.
    if (end.isAnswered || !isWorthAnother(end, retrying.rules, retrying.rules.words)) return 'no';
    this.wish.read(tried.head, plan.trustsPeer, retry.maxAttempts);
    const verdict = retryVerdict(end, retrying.rules, this.wish.maxAttempts);
    const isUnsent = end.bytesWritten === 0 && end.code !== null;
    // What had not been written on a connection that was dying before it came is sent for the first time now.
    if (verdict === 'fresh' && isUnsent && tried.isReplayable) return 'fresh';
    if (verdict !== 'fresh' && !isWorthAnother(end, retrying.rules, this.wish.words)) return 'no';
    if (verdict === 'no') {
      this.isSpent ||= this.wish.maxAttempts > 1;
      return 'no';
    }
    if (!tried.isReplayable) {
      plan.observer.onRetryRefused('body');
      return 'no';
    }
    const isGivenBack = end.code === 'refused_unseen' || end.code === 'stream_refused';
    const isFirstSending = isUnsent || (isGivenBack && !this.wasGivenBack);
    if (!isFirstSending && markOf(tried.head, tried.isGrpc, tried.isTraced) > 1) return this.refused(plan, 'marked');
    if (attempt.asksNotTo && !isGivenBack) return this.refused(plan, 'asked_not_to');
    const waitMs = attempt.retryInMs;
    const leftMs = tried.leftMs(now);
    if (waitMs > 0 && (waitMs > retry.maxRetryAfterMs || waitMs >= leftMs)) return this.refused(plan, 'asked_not_to');
    if (Math.max(waitMs, 0) + plan.pace.leastMs(now) >= leftMs) return this.refused(plan, 'time');
    if (verdict === 'backoff' && !parking.hasRoom) return this.refused(plan, 'parking');
    // It adds nothing to anybody's load: a burst after a rest, which has no budget yet, outlives an endpoint that is
    // gone.
    if (isUnsent && !this.hasResent) return verdict;
    const isFirst = this.slots === null;
    if (isFirst && !retrying.slots.tryTake()) return this.refused(plan, 'concurrent');
    this.slots = retrying.slots;
    if (budget.tryWithdraw(now)) return verdict;
    if (isFirst) this.close();
    return this.refused(plan, 'budget');
  }

  /** Another attempt follows this one, which is over. */
  leave(attempt: Attempt, verdict: RetryVerdict): void {
    this.hasResent ||= attempt.wasUnsent;
    this.wasGivenBack ||= attempt.code === 'refused_unseen' || attempt.code === 'stream_refused';
    if (verdict !== 'fresh') {
      this.failed.push(attempt.endpoint);
      return;
    }
    this.hasUsedFresh = true;
    this.wantsFresh = true;
  }

  /** Attempts that an application has seen, or may still: by these a load is multiplied. */
  private seenBefore(index: number): number {
    let seen = 0;
    for (let i = 0; i < index; i++) if (this.list[i]!.mayBeSeen) seen += 1;
    return seen;
  }

  private look(attempt: Attempt, reported: FailureCode | null, { head }: Tried, { retry }: Plan): FailedAttempt {
    const { end } = this;
    // The second time it is an answer like others: elsewhere they may give it back as well.
    end.code = reported === null && attempt.refusal !== null && !this.wasGivenBack ? 'refused_unseen' : reported;
    end.status = attempt.status;
    end.grpcStatus = attempt.grpcStatus;
    end.bytesWritten = attempt.upstream.bytesWritten;
    end.isRateLimited = attempt.isRateLimited;
    end.isHeaderListed = attempt.isHeaderListed;
    end.isIdempotent = isIdempotent(head.method) || this.isSaidIdempotent(head, retry);
    end.isAnswered = this.isHeard;
    end.ordinal = this.hasUsedFresh ? this.count - 1 : this.count;
    return end;
  }

  private isSaidIdempotent(head: RequestHead, { grpcIdempotent, idempotencyKey }: Plan['retry']): boolean {
    return (this.owner.isGrpc && grpcIdempotent) || (idempotencyKey && head.count('idempotency-key') > 0);
  }

  private refused(plan: Plan, why: RetryRefusal): 'no' {
    plan.observer.onRetryRefused(why);
    this.isSpent = true;
    return 'no';
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
