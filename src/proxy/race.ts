import type { Clock } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import { invariant } from '../base/invariant.ts';
import type { Random } from '../base/random.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { ResponseHead } from '../http/head.ts';
import { NO_CONNECTION } from '../http/no-connection.ts';
import { nextSpanId } from '../http/trace-context.ts';
import type { RetryVerdict } from '../policy/classify.ts';
import { REFUSED, type Ticket } from '../policy/gate.ts';
import type { Allowance } from './allowance.ts';
import type { Attempt } from './attempt.ts';
import type { Attempts } from './attempts.ts';
import { HedgeTimer, type HedgeTimerOwner } from './hedge-timer.ts';
import type { Placed } from './placement.ts';
import type { Plan } from './plan.ts';
import type { TimeBounds } from './time-bounds.ts';
import type { Tried } from './tried.ts';

/**
 * The attempts of one exchange that are under way: none between attempts, one mostly, and for a while two where
 * requests are hedged.
 *
 *     (none) --start--> current --hedge--> current + rival --the first good answer--> current (who gave it)
 *                          ^                    |
 *                          +---one is lost------+
 *
 * The law: a rival is made of nothing that may not be done twice or is not wholly here, elsewhere than the first, and
 * before any head has come; so whoever answers is alone. Of two, whoever is lost leaves the other alone, and no failure
 * of his is one of the exchange.
 */
export class Race {
  /** Whose answer the client gets if there is no rival; null between attempts. */
  current: Attempt | null = null;
  rival: Attempt | null = null;
  /** Made when first needed: most plans hedge nothing. */
  private timer: HedgeTimer | null = null;

  constructor(
    private readonly owner: HedgeTimerOwner,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly attempts: Attempts,
    private readonly tried: Tried,
    private readonly placed: Placed,
    private readonly allowance: Allowance,
    private readonly bounds: TimeBounds,
  ) {}

  /** The next attempt; `ticket` is of the endpoint's gate. Null: there was no connection for it, and it was none. */
  start(endpoint: Endpoint, ticket: Ticket, now: number): Attempt | null {
    const { attempts } = this;
    const attempt = attempts.next();
    this.current = attempt;
    if (!this.connect(attempt, endpoint, ticket, attempts.wantsFresh, now)) {
      this.current = null;
      return null;
    }
    attempts.wantsFresh = false;
    return attempt;
  }

  /** May another follow this one, which showed `code`, or an answer? Asking takes from budgets. */
  verdict(attempt: Attempt, code: FailureCode | null, plan: Plan, now: number): RetryVerdict {
    return this.attempts.verdict(attempt, code, this.tried, plan, now);
  }

  /** Ends all, since the exchange ends so. What the last one showed can still be read. */
  abandon(code: FailureCode, now: number): void {
    this.current?.abort(code, now);
    this.rival?.abort(code, now);
    this.rival = null;
  }

  /** The attempt is over, and so is its part in this. */
  clear(): void {
    this.current = null;
  }

  // --- A second attempt beside the first ---

  /** The request is complete. Of several attempts, which follow failures, only the first is hedged. */
  hedgeLater(plan: Plan, now: number): void {
    const { hedge } = plan;
    if (!this.mayHedge(plan) || this.attempts.count > 1) return;
    hedge.onRequest(now);
    const delayMs = hedge.delayMs(now);
    if (delayMs < 0) return;
    this.timer ??= new HedgeTimer(this.clock, this.owner);
    // A whole number, which is not put on the heap on its way; timers go by longer steps.
    this.timer.arm(Math.ceil(now) + delayMs);
  }

  /** An answer began, or nothing can any more. */
  stopHedging(): void {
    this.timer?.stop();
  }

  /** Elsewhere, or not at all (null): an endpoint that is late is not sooner for being asked twice. */
  hedge(plan: Plan, now: number): Attempt | null {
    const { attempts, placed, current } = this;
    if (current === null || attempts.count > 1 || !this.mayHedge(plan)) return null;
    placed.now = now;
    attempts.failed.push(current.endpoint);
    const endpoint = plan.cluster.pick(placed);
    attempts.failed.pop();
    if (endpoint === null || endpoint === current.endpoint || !attempts.tryHedge(plan, now)) return null;
    const ticket = endpoint.gate.admit(now);
    if (ticket === REFUSED) return null;

    const rival = attempts.next();
    this.rival = rival;
    if (!this.connect(rival, endpoint, ticket, false, now)) this.rival = null;
    return this.rival;
  }

  /**
   * An answer began while two are under way. True: it is the client's, and the other is given up, which is no evidence
   * but of how long it took. False: it would be tried again, and the other may do better.
   */
  isWon(attempt: Attempt, head: ResponseHead, plan: Plan, now: number): boolean {
    if (!this.attempts.isGood(attempt, this.tried, plan)) {
      attempt.discard(head, now);
      this.leaveToOther(attempt, now);
      return false;
    }
    const loser = this.other(attempt);
    if (attempt === this.rival) plan.hedge.onWin();
    this.current = attempt;
    this.rival = null;
    plan.hedge.observe(now - loser.startedAt, now);
    loser.abort('superseded', now);
    return true;
  }

  /** Of two, this one has failed. */
  lose(attempt: Attempt, code: FailureCode, now: number): void {
    attempt.end(code, now);
    this.leaveToOther(attempt, now);
  }

  /** Of two, this one is not waited for any longer. */
  giveUp(attempt: Attempt, code: FailureCode, now: number): void {
    attempt.abort(code, now);
    this.leaveToOther(attempt, now);
  }

  private leaveToOther(attempt: Attempt, now: number): void {
    const other = this.other(attempt);
    this.attempts.failed.push(attempt.endpoint);
    this.current = other;
    this.rival = null;
    const { attemptMs } = this.allowance;
    this.bounds.boundAttempt(attemptMs > 0 ? Math.max(1, other.startedAt + attemptMs - now) : 0, now);
  }

  private other(attempt: Attempt): Attempt {
    const { current, rival } = this;
    invariant(current !== null && rival !== null, 'of one attempt there is no other');
    return attempt === current ? rival : current;
  }

  private mayHedge(plan: Plan): boolean {
    const { attempts, placed, tried, current } = this;
    const { head } = tried;
    // Whose head has come, if only to be held, has answered.
    if (current === null || current.status > 0 || this.rival !== null) return false;
    if (placed.hold !== null || head.upgrade !== null || !attempts.mayHedge(tried, plan)) return false;
    return tried.isGrpc ? plan.retry.grpcIdempotent : plan.hedge.covers(head.method);
  }

  private connect(attempt: Attempt, endpoint: Endpoint, ticket: Ticket, wantsFresh: boolean, now: number): boolean {
    const { attempts, random, tried } = this;
    attempt.begin(attempts.count, endpoint, ticket, nextSpanId(random), now);
    attempt.connect(wantsFresh, tried.head.version, now);
    if (attempt.upstream !== NO_CONNECTION) return true;
    attempt.end('connections_exhausted', now);
    attempts.takeBack();
    return false;
  }
}
