import type { FailureCode } from '../base/failure.ts';
import type { ResponseHead } from '../http/head.ts';
import { isIdempotent } from '../policy/classify.ts';
import type { FallbackKind } from '../policy/fallback.ts';
import type { Attempts } from './attempts.ts';
import type { Journal } from './journal.ts';
import { type Fallback, NO_FALLBACK, type Plan } from './plan.ts';
import type { Replay } from './replay.ts';
import { type AnswerCopy, NO_COPY } from './stale-cache.ts';
import type { TimeBounds } from './time-bounds.ts';

/**
 * What the client of one exchange can be given instead of a failure, or of an answer that is not good enough, and the
 * copy of a good one for those who come later. It is that of the first plan, and asked only while nothing of an answer
 * has been sent and no attempt runs that could bring one. Under another plan the request begins anew once, if it may be
 * done twice and is wholly here; answers of that plan are not kept as this one's.
 */
export class Instead {
  /** It is under the plan of a fallback. */
  isMoved = false;
  fallback: Fallback = NO_FALLBACK;
  /** Of the answer that goes to the client now. */
  copy: AnswerCopy = NO_COPY;

  constructor(
    private readonly journal: Journal,
    private readonly attempts: Attempts,
    private readonly replay: Replay,
    private readonly bounds: TimeBounds,
  ) {}

  begin(fallback: Fallback): void {
    this.fallback = fallback;
    this.isMoved = false;
  }

  /** Null: there is nothing. */
  ofFailure(code: FailureCode, plan: Plan, now: number): FallbackKind | null {
    return this.fallback.covers(code) ? this.choose(plan, now) : null;
  }

  /** The same of an answer of an endpoint that nothing is tried again for. */
  ofStatus(status: number, plan: Plan, now: number): FallbackKind | null {
    return this.fallback.coversStatus(status) ? this.choose(plan, now) : null;
  }

  /** It is given, whatever becomes of it. */
  count(kind: FallbackKind): void {
    this.fallback.counts[kind] += 1;
    this.journal.fallback = kind;
  }

  /** The head of a good answer goes to the client. */
  keep(head: ResponseHead, now: number): void {
    if (!this.isMoved) this.copy = this.fallback.stale.copy(this.journal.head, head, now);
  }

  /** Of what has not come to its end nothing is kept. */
  drop(): void {
    this.copy.drop();
    this.copy = NO_COPY;
  }

  private choose({ retry }: Plan, now: number): FallbackKind | null {
    const { attempts, bounds, journal, replay } = this;
    const { head, isGrpc } = journal;
    const isRepeatable = !attempts.mayBeSeen || isIdempotent(head.method) || (isGrpc && retry.grpcIdempotent);
    const mayMove = !this.isMoved && isRepeatable && replay.isWhole && !attempts.isHeard && bounds.leftMs(now) > 0;
    return this.fallback.choose(head, isGrpc, mayMove, now);
  }
}
