import type { Clock } from '../base/clock.ts';
import { FAILURES, type FailureCode } from '../base/failure.ts';
import { failureAnswer, type LocalAnswer } from '../http/answer.ts';
import type { Client } from '../http/conduit.ts';
import { type Edits, NO_EDITS } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { ResponseHead } from '../http/head.ts';
import { sendCookie } from '../http/set-cookie.ts';
import type { Visit } from '../policy/door.ts';
import type { Mishap } from '../policy/fault.ts';
import { AnswerMarks } from './answer-marks.ts';
import type { Attempt } from './attempt.ts';
import type { Attempts } from './attempts.ts';
import { NO_PACE, type Pace } from './fault-pace.ts';
import { editRetryAfter } from './forward.ts';
import { HeldHead, type HeldHeadOwner } from './held-head.ts';
import type { Instead } from './instead.ts';
import type { Journal } from './journal.ts';
import type { Placed } from './placement.ts';
import type { Plan } from './plan.ts';
import { proveRefusal } from './refusal.ts';
import type { Routed } from './routed.ts';

/**
 * What the client of one exchange is told: an endpoint's answer, or one of our own, and what either says besides (how
 * its limits stand, where it was placed, what befell it, that nobody should try again). Decides nothing about the
 * exchange; whoever calls ends it. Most answers say nothing besides, and are passed on with no edits at all.
 */
export class Answering {
  /** The client takes no more for now. */
  isFull = false;
  /** How fast the answer goes to it. */
  pace: Pace = NO_PACE;
  private hasContinued = false;
  /** Made when first needed: only heads of calls are held, where they can be tried again. */
  private held: HeldHead | null = null;
  private readonly told: AnswerMarks;

  constructor(
    private readonly client: Client,
    private readonly clock: Clock,
    private readonly owner: HeldHeadOwner,
    private readonly journal: Journal,
    private readonly attempts: Attempts,
    private readonly instead: Instead,
    private readonly placed: Placed,
    private readonly visit: Visit,
    private readonly mishap: Mishap,
    private readonly edits: Edits,
    private readonly routed: Routed,
  ) {
    this.told = new AnswerMarks(journal, attempts);
  }

  reset(): void {
    this.isFull = false;
    this.hasContinued = false;
  }

  /** No more comes. */
  stop(): void {
    this.pace.stop();
    this.pace = NO_PACE;
  }

  // --- Of an endpoint ---

  interim(head: ResponseHead): void {
    if (head.status === 100) {
      // Nobody asked, or an earlier attempt has said it already.
      if (!this.journal.head.wantsContinue || this.hasContinued) return;
      this.hasContinued = true;
    } else {
      this.attempts.isHeard = true;
    }
    this.client.sendInterim(head, NO_EDITS);
  }

  head(head: ResponseHead, attempt: Attempt, plan: Plan, now: number): void {
    this.attempts.answering = attempt;
    this.journal.answer(head.status, null, now);
    this.instead.keep(head, now);
    const isRouted = this.journal.effects.marksAnswers || this.routed.setCookie !== null;
    const isTold = isRouted || this.isMarked || this.told.isNeeded(head, plan);
    this.client.sendHead(head, isTold ? this.marks(head, attempt, plan, now) : NO_EDITS);
  }

  /** False: no more for now, of the client or of its pace. */
  body(bytes: Buffer, now: number): boolean {
    this.journal.responseBytes += bytes.length;
    this.instead.copy.add(bytes);
    this.isFull = !this.client.sendBody(bytes);
    return this.pace.spend(bytes.length, now) && !this.isFull;
  }

  end(trailers: Fields | null, attempt: Attempt, plan: Plan, now: number): void {
    this.client.sendEnd(this.told.trailers(trailers, attempt, plan, this.clock));
    if (trailers === null) this.instead.copy.finish(now);
  }

  // --- A head that waits for what follows it ---

  get isHeld(): boolean {
    return this.held !== null && this.held.isHeld;
  }

  hold(head: ResponseHead, now: number): void {
    this.held ??= new HeldHead(this.clock, this.owner);
    this.held.hold(head, now);
  }

  /** Only of one that is held: it goes to the client. */
  release(): ResponseHead {
    return this.held!.release();
  }

  /** It goes to nobody. Harmless where none is held. */
  letGo(): void {
    this.held?.release();
  }

  /** To its client, an answer that breaks off while its head is held has not begun. */
  lossOf(code: FailureCode): FailureCode {
    return this.held === null ? code : this.held.lossOf(code);
  }

  // --- Of our own ---

  /** Nothing of another has been sent. */
  fail(code: FailureCode, plan: Plan, now: number): void {
    const { journal, visit } = this;
    journal.answer(journal.isGrpc ? 200 : FAILURES[code].status, code, now);
    if (this.isReturned(code, plan) && this.client.sendRefusal()) return;
    const { edits } = this;
    edits.reset();
    edits.append('x-request-id', journal.requestId);
    if (visit.retryAfterMs >= 0) editRetryAfter(edits, visit.retryAfterMs, journal.isGrpc);
    if (visit.isMarked) plan.door.mark(visit, edits);
    this.told.putLocal(edits, plan, now);
    if (!plan.trustsPeer && !this.attempts.mayBeSeen) proveRefusal(edits, code, journal.trace);
    if (this.mishap.words !== null) edits.append('x-remora-fault', this.mishap.words);
    this.route(null);
    this.client.sendLocal(failureAnswer(code), edits);
  }

  /** An answer that was written beforehand; `code` is null where it is in place of an answer. */
  give(answer: LocalAnswer, code: FailureCode | null, plan: Plan, now: number): void {
    this.journal.answerLocally(answer, code, now);
    this.client.sendLocal(answer, this.ownEdits(plan));
  }

  /** An answer that was kept. */
  giveKept(code: FailureCode | null, plan: Plan, now: number): void {
    const { journal } = this;
    journal.answer(200, code, now);
    journal.responseBytes = this.instead.fallback.stale.answer(journal.head, this.client, this.ownEdits(plan), now);
  }

  /**
   * An answer, however it is worded, would say that somebody has looked: only then may no other endpoint have the call.
   */
  private isReturned(code: FailureCode, plan: Plan): boolean {
    if (!plan.returnsUnseen || !this.journal.isGrpc || this.attempts.isHeard) return false;
    return FAILURES[code].grpcStatus === GRPC_STATUSES.unavailable && !this.attempts.mayBeSeen;
  }

  private get isMarked(): boolean {
    return this.placed.isMarked || this.visit.isMarked || this.mishap.isMarked || this.instead.isMoved;
  }

  private marks(head: ResponseHead, attempt: Attempt, plan: Plan, now: number): Edits {
    const { edits, placed, visit, mishap } = this;
    edits.reset();
    placed.answeredBy = attempt.endpoint;
    if (placed.isMarked) plan.placement.mark(placed, head, edits);
    if (visit.isMarked) plan.door.mark(visit, edits);
    this.told.put(edits, attempt, plan, now);
    if (mishap.words !== null) edits.append('x-remora-fault', mishap.words);
    if (this.instead.isMoved) edits.append('x-remora-fallback', 'cluster');
    this.route(head);
    return edits;
  }

  /** What its route changes, of an answer of our own (null) too. */
  private route(answer: ResponseHead | null): void {
    const { edits, journal, routed } = this;
    if (routed.setCookie !== null) sendCookie(routed.setCookie, answer, edits);
    if (journal.effects.marksAnswers) journal.effects.editAnswer(journal, answer, edits);
  }

  private ownEdits(plan: Plan): Edits {
    const { edits, journal, mishap, visit } = this;
    edits.reset();
    edits.append('x-request-id', journal.requestId);
    if (journal.fallback !== null) edits.append('x-remora-fallback', journal.fallback);
    if (mishap.words !== null) edits.append('x-remora-fault', mishap.words);
    if (visit.isMarked) plan.door.mark(visit, edits);
    this.route(null);
    return edits;
  }
}
