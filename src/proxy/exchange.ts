import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import { FAILURES, type FailureCode } from '../base/failure.ts';
import { invariant } from '../base/invariant.ts';
import type { Random } from '../base/random.ts';
import { failureAnswer } from '../http/answer.ts';
import type { Client, RequestHandler } from '../http/conduit.ts';
import { Edits, NO_EDITS } from '../http/edits.ts';
import { FieldList, type Fields } from '../http/fields.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import { makeRequestId } from '../http/request-id.ts';
import { nextSpanId } from '../http/trace-context.ts';
import type { RetryVerdict } from '../policy/classify.ts';
import { Visit } from '../policy/door.ts';
import { type Evidence, NO_EVIDENCE } from '../policy/evidence.ts';
import { REFUSED, type Ticket } from '../policy/gate.ts';
import { Allowance, NO_DEADLINE } from './allowance.ts';
import { type Attempt, type AttemptOwner, MISDIRECTED } from './attempt.ts';
import { Attempts } from './attempts.ts';
import { editRequest, isLoop, maxForwardsOf } from './forward.ts';
import { editCall } from './grpc-call.ts';
import { Journal } from './journal.ts';
import { OPTIONS_ANSWER } from './local-answers.ts';
import type { ProxyObserver } from './observer.ts';
import type { Parked } from './parking.ts';
import { Placed } from './placement.ts';
import type { Plan, Router } from './plan.ts';
import { Replay } from './replay.ts';
import { Stay } from './stay.ts';
import { type BoundsOwner, TimeBounds } from './time-bounds.ts';

/** What all exchanges of a process share. */
export interface ExchangeContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Tells this sidecar's requests from all others; 16 hex digits. */
  readonly instanceId: string;
  readonly observer: ProxyObserver;
}

/**
 * `idle`: between requests. `backing_off` and `awaiting_endpoints`: parked, with no attempt; `held` likewise, until
 * there is a primary, and `in_line`, until there is a place. `trying`: an attempt runs and nothing of an answer has been sent. `answering`: a head has been
 * sent, so nothing can be tried again. `raw`: switched protocols.
 */
type Phase = 'idle' | 'backing_off' | 'awaiting_endpoints' | 'held' | 'in_line' | 'trying' | 'answering' | 'raw';

/**
 * One request and its answer, under a plan. This file is where policies and connections meet, and its order is the
 * order of policies:
 *
 *     route -> door -> place -> admit -> pick -> gate -> connect -> send ------> head -> body -> end
 *                                         ^                 |                     |
 *                                         +-- backoff <- retry? <- failure <------+ (a status worth another try)
 *
 * The books: the cluster's ticket is settled once, in `close`; each attempt closes its own. Every way out goes through
 * `close`, and after it nothing is armed, parked or in flight. One object serves all requests of a connection.
 */
export class Exchange implements RequestHandler, AttemptOwner, BoundsOwner, Parked, TimerOwner {
  readonly parkTimer = new Timer(this);
  private plan!: Plan;
  private phase: Phase = 'idle';
  private admission: Ticket = REFUSED;
  private current: Attempt | null = null;
  private readonly attempts: Attempts;
  private readonly journal: Journal;
  private readonly allowance = new Allowance();
  private readonly bounds: TimeBounds;
  private readonly replay = new Replay();
  private readonly edits = new Edits();
  private readonly placed: Placed;
  private readonly stay: Stay;
  private readonly visit = new Visit();
  private hasEntered = false;
  private requestTrailers: Fields | null = null;
  private isRequestDone = false;
  private isEndpointDone = false;
  private isClientFull = false;
  private isUpstreamFull = false;
  private hasContinued = false;

  constructor(
    private readonly context: ExchangeContext,
    private readonly router: Router,
    private readonly client: Client,
  ) {
    this.attempts = new Attempts(this, context.clock);
    this.journal = new Journal(client.peer, this.attempts);
    this.bounds = new TimeBounds(context.clock, this);
    this.placed = new Placed(this.attempts.failed);
    this.stay = new Stay(this, this.placed);
  }

  get startedAt(): number {
    return this.journal.startedAt;
  }

  get isGrpc(): boolean {
    return this.journal.isGrpc;
  }

  /** The deadline of a call is part of its protocol, and callers agree on it with their servers. */
  get isHurried(): boolean {
    return this.allowance.isShort && !this.journal.isGrpc;
  }

  // --- From the client ---

  onRequest(head: RequestHead): void {
    const { clock, random, instanceId } = this.context;
    const now = clock.now();
    if (isLoop(head, instanceId)) return this.reject('loop_detected');
    const plan = this.router.route(head);
    if (plan === null) return this.reject('no_route');

    this.begin(head, plan, now);
    this.journal.trace.continueOrBegin(head.get('traceparent'), plan.sampleRatio, random);
    this.journal.requestId = head.get('x-request-id') ?? makeRequestId(random);
    plan.observer.onExchangeOpen(now);
    if (now >= this.allowance.deadlineAt) return this.fail('deadline_exceeded', now);
    if (head.method === 'OPTIONS' && maxForwardsOf(head) === 0) return this.answerOptions(now);

    const turnedAway = plan.door.enter(head, this.client.peer, this.visit, now);
    if (turnedAway !== null) return this.fail(turnedAway, now);
    this.hasEntered = true;

    this.placed.now = now;
    const misplaced = plan.placement.place(head, this.client.peer, this.placed);
    if (misplaced !== null) return this.fail(misplaced, now);
    if (this.placed.lacksKey) plan.observer.onKeyMissing();
    this.tryNext(now);
  }

  onRequestBody(bytes: Buffer): boolean {
    if (this.phase === 'idle') return true;
    this.journal.requestBytes += bytes.length;
    this.bounds.progress(this.context.clock.now());
    const { current } = this;
    if (current === null || !current.isSent) {
      this.replay.hold(bytes);
      this.grow(bytes.length, this.context.clock.now());
      return false;
    }
    if (this.phase === 'trying') this.replay.keep(bytes, this.plan.retry.replayBytes);
    this.isUpstreamFull = !current.upstream.sendBody(bytes);
    return !this.isUpstreamFull;
  }

  onRequestEnd(trailers: Fields | null): void {
    if (this.phase === 'idle') return;
    this.isRequestDone = true;
    const now = this.context.clock.now();
    const { current } = this;
    if (this.phase === 'raw') {
      current!.upstream.sendEnd(null);
      if (this.isEndpointDone) this.complete(now);
      return;
    }
    if (trailers !== null) this.requestTrailers = FieldList.copyOf(trailers);
    if (current?.isSent) this.sendEnd(current, now);
    this.bounds.progress(now);
    // The endpoint's time begins now, whatever the client took for its body.
    if (current !== null) this.bounds.boundAttempt(this.allowance.attemptMs, now);
    if (!(this.isGrpc && this.phase === 'answering')) this.bounds.boundRequest(this.allowance.requestMs, now);
  }

  onClientDrain(): void {
    this.isClientFull = false;
    this.bounds.progress(this.context.clock.now());
    this.current?.upstream.resume();
  }

  onClientGone(code: FailureCode): void {
    if (this.phase === 'idle') {
      // A connection that ends between requests is no event; one that never managed to make a request is.
      if (code !== 'client_gone') this.context.observer.onReject(this.client.peer.listener, code);
      return;
    }
    const now = this.context.clock.now();
    this.current?.abort(code, now);
    this.journal.code = code;
    this.close(now);
  }

  // --- The next attempt ---

  private tryNext(now: number): void {
    const { plan, placed, attempts } = this;
    this.journal.held.end(now);
    if (attempts.count === 0 && this.isTooLate(now)) return this.fail('deadline_too_short', now);
    if (this.admission === REFUSED) this.admission = plan.admission.admit(now, this.visit.criticality);
    if (this.admission === REFUSED) return this.withoutRoom(now);
    placed.now = now;
    const endpoint = plan.cluster.pick(placed);
    if (endpoint === null) return this.withoutEndpoint(now);
    if (!this.stay.allows(endpoint)) return this.holdOrFail('no_primary', now);
    const ticket = endpoint.gate.admit(now);
    if (ticket === REFUSED) return this.holdOrFail(endpoint.gate.refusal, now);

    if (attempts.count === 0) plan.budget.deposit(now);
    const attempt = attempts.next();
    this.current = attempt;
    this.phase = 'trying';
    attempt.begin(attempts.count, endpoint, ticket, nextSpanId(this.context.random), now);
    attempt.connect(attempts.wantsFresh, this.journal.head.version, now);
    attempts.wantsFresh = false;
    this.bounds.beginAttempt(this.allowance.attemptMs, now);
    if (attempt.upstream.isReady) this.send(attempt, now);
  }

  /** No answer of late was as quick as this one's caller wants it. */
  private isTooLate(now: number): boolean {
    return this.allowance.isShort && this.plan.pace.isBeyond(this.allowance, now);
  }

  /** Writes that wait for a primary have a place to wait in, and need no other. */
  private withoutRoom(now: number): void {
    const { admission, line } = this.plan;
    if (this.placed.hold !== null) return this.holdOrFail(admission.refusal, now);
    if (!line.enter(this, this.visit.criticality, this.replay.size, now)) return this.fail(admission.refusal, now);
    this.phase = 'in_line';
  }

  private withoutEndpoint(now: number): void {
    const { refusal, heldUntil } = this.placed;
    const { parking } = this.plan;
    if (now < heldUntil) {
      this.journal.held.begin(now);
      return this.await(parking.hold(this, heldUntil), now);
    }
    if (refusal !== 'discovery_pending') return this.holdOrFail(refusal, now);
    this.await(parking.wait(this, now), now);
  }

  private await(isParked: boolean, now: number): void {
    if (!isParked) return this.fail('park_full', now);
    this.phase = 'awaiting_endpoints';
    this.grow(this.replay.size, now);
  }

  /** More of the body is kept while it waits. */
  private grow(bytes: number, now: number): void {
    if (this.phase === 'held') this.stay.grow(bytes, now);
    if (this.phase === 'in_line') this.plan.line.grow(this, bytes, now);
    if (this.phase !== 'awaiting_endpoints' || bytes === 0) return;
    if (!this.plan.parking.grow(this, bytes, now)) this.placed.refusal = 'park_full';
  }

  private send(attempt: Attempt, now: number): void {
    const { upstream } = attempt;
    editRequest(this.edits, this.journal, attempt, this.plan.trustsPeer, this.context.instanceId);
    if (this.isGrpc) editCall(this.edits, this.journal);
    this.tellTime(now);
    upstream.sendHead(this.journal.head, this.edits);
    attempt.isSent = true;
    const hasRoom = this.replay.sendTo(upstream);
    this.isUpstreamFull = !hasRoom;
    if (this.isRequestDone) this.sendEnd(attempt, now);
    else if (hasRoom && this.replay.size > 0) this.client.resume();
  }

  private tellTime(now: number): void {
    const { allowance, edits, journal, bounds, plan } = this;
    if (this.isGrpc) return allowance.tellCall(edits, now);
    const isComplete = this.isRequestDone || journal.head.body === 'none';
    allowance.tell(edits, bounds.tellableMs(now), isComplete, plan.timeTexts);
  }

  private sendEnd(attempt: Attempt, now: number): void {
    attempt.upstream.sendEnd(this.requestTrailers);
    attempt.sentAt = now;
  }

  // --- From the attempt ---

  onAttemptConnected(attempt: Attempt): void {
    const now = this.context.clock.now();
    attempt.connectedAt = now;
    this.bounds.progress(now);
    if (this.stay.allows(attempt.endpoint)) return this.send(attempt, now);
    // Another is by now, and what has not been sent has no business with the old one.
    attempt.abort('no_primary', now);
    this.current = null;
    this.tryNext(now);
  }

  onAttemptInterim(_attempt: Attempt, head: ResponseHead): void {
    if (this.phase !== 'trying') return;
    if (head.status === 100) {
      // Nobody asked, or an earlier attempt has said it already.
      if (!this.journal.head.wantsContinue || this.hasContinued) return;
      this.hasContinued = true;
    } else {
      this.attempts.isHeard = true;
    }
    this.client.sendInterim(head, NO_EDITS);
  }

  onAttemptHead(attempt: Attempt, head: ResponseHead): void {
    const now = this.context.clock.now();
    attempt.answered(head, now);
    this.plan.pace.learn(attempt);
    if (head.status === 101) return this.switchProtocols(attempt, head, now);
    if (head.status === MISDIRECTED && this.placed.hold !== null && this.isUnseen) {
      attempt.discard(head, now);
      return this.holdOrFail('no_primary', now);
    }
    const verdict = this.verdict(attempt, null, now);
    if (verdict !== 'no') {
      attempt.discard(head, now);
      return this.retry(attempt, verdict, now);
    }
    this.commit('answering', head, now);
    // The status of a call is at its end. A stream that has none yet when the attempt's time is up is settled then.
    if (this.allowance.attemptMs === 0 && !this.isGrpc) attempt.settle(null, now);
  }

  onAttemptBody(_attempt: Attempt, bytes: Buffer): boolean {
    this.journal.responseBytes += bytes.length;
    this.bounds.progress(this.context.clock.now());
    this.isClientFull = !this.client.sendBody(bytes);
    return !this.isClientFull;
  }

  onAttemptEnd(_attempt: Attempt, trailers: Fields | null): void {
    this.client.sendEnd(trailers);
    if (this.phase === 'raw' && !this.isRequestDone) {
      this.isEndpointDone = true;
      return;
    }
    this.complete(this.context.clock.now());
  }

  onAttemptFailure(attempt: Attempt, reported: FailureCode): void {
    const now = this.context.clock.now();
    const code = attempt.lossOf(reported, now);
    if (this.phase !== 'trying') return this.cut(code, now);
    const verdict = this.verdict(attempt, code, now);
    attempt.end(code, now);
    if (verdict !== 'no') this.retry(attempt, verdict, now);
    else if (FAILURES[code].retry === 'never') this.fail(code, now);
    else this.holdOrFail(code, now);
  }

  onAttemptDrain(_attempt: Attempt): void {
    this.isUpstreamFull = false;
    this.bounds.progress(this.context.clock.now());
    this.client.resume();
  }

  private commit(phase: 'answering' | 'raw', head: ResponseHead, now: number): void {
    this.phase = phase;
    // A call may be a stream, which has no end but its own or its caller's.
    if (this.isGrpc) this.bounds.boundRequest(0, now);
    this.bounds.endAttempts();
    this.journal.answer(head.status, null, now);
    this.bounds.progress(now);
    this.replay.drop();
    this.stay.leave();
    this.client.sendHead(head, this.placed.isMarked || this.visit.isMarked ? this.marks(head) : NO_EDITS);
  }

  private marks(head: ResponseHead): Edits {
    this.edits.reset();
    this.placed.answeredBy = this.current!.endpoint;
    if (this.placed.isMarked) this.plan.placement.mark(this.placed, head, this.edits);
    if (this.visit.isMarked) this.plan.door.mark(this.visit, this.edits);
    return this.edits;
  }

  private switchProtocols(attempt: Attempt, head: ResponseHead, now: number): void {
    attempt.settle(null, now);
    this.bounds.unbound();
    this.bounds.boundSilence(this.plan.timeouts.tunnelIdleMs, now);
    this.isRequestDone = false;
    this.commit('raw', head, now);
  }

  // --- Another attempt ---

  private verdict(attempt: Attempt, code: FailureCode | null, now: number): RetryVerdict {
    const { attempts, journal, replay, plan } = this;
    if (attempt.retryInMs + plan.pace.leastMs(now) >= this.bounds.leftMs(now)) return 'no';
    return attempts.verdict(attempt, code, journal.head.method, replay.isWhole, plan, now);
  }

  private retry(attempt: Attempt, verdict: RetryVerdict, now: number): void {
    const { plan, attempts } = this;
    plan.observer.onRetry(attempt);
    attempts.leave(attempt, verdict);
    this.current = null;
    this.isUpstreamFull = false;
    this.bounds.boundAttempt(0, now);
    if (verdict !== 'backoff') return this.tryNext(now);
    this.phase = 'backing_off';
    const delayMs = Math.max(this.backoffMs(attempt.ordinal, now), attempt.retryInMs);
    const isParked = plan.parking.sleep(this, now + delayMs);
    invariant(isParked, 'a retry is decided only where the park has room');
  }

  /** No wait is so long that no answer could come after it. */
  private backoffMs(ordinal: number, now: number): number {
    const leastMs = this.plan.pace.leastMs(now);
    const delayMs = this.plan.backoff.delayMs(ordinal);
    return leastMs > 0 ? Math.min(delayMs, this.bounds.leftMs(now) - leastMs) : delayMs;
  }

  /** No application has looked at it, and all of it is here to be sent for the first time. */
  private get isUnseen(): boolean {
    return !this.attempts.mayBeSeen && !this.attempts.isHeard && this.replay.isWhole;
  }

  /** Nobody can take it now. A write of which nothing has been seen waits for its primary; all else ends. */
  private holdOrFail(code: FailureCode, now: number): void {
    const { hold } = this.placed;
    if (hold === null || !this.isUnseen) return this.fail(code, now);
    // Whoever waits is not in flight: reads must not be refused for writes that nobody can take.
    this.giveBackRoom(NO_EVIDENCE, now);
    this.current = null;
    this.isUpstreamFull = false;
    this.attempts.failed.length = 0;
    this.bounds.boundAttempt(0, now);
    const refusal = this.stay.wait(hold, this.replay.size, now);
    if (refusal !== null) return this.fail(refusal, now);
    this.phase = 'held';
    this.journal.held.begin(now);
  }

  /** Woken by the cluster, which may have endpoints now, or by another configuration. */
  onWake(now: number): void {
    try {
      this.tryNext(now);
    } catch (error) {
      this.onBug(error);
    }
  }

  /** The stay in the park is over. */
  onTimer(_timer: Timer, now: number): void {
    this.plan.parking.leave(this);
    if (this.phase === 'backing_off') return this.onWake(now);
    try {
      if (this.phase === 'in_line') this.fail('pending_timeout', now);
      else this.fail(this.phase === 'held' ? this.stay.end(now) : this.placed.refusal, now);
    } catch (error) {
      this.onBug(error);
    }
  }

  // --- Time is up ---

  onDeadline(now: number): void {
    if (this.phase === 'answering') this.cut('deadline_exceeded', now);
    else this.fail('deadline_exceeded', now);
  }

  onAttemptDue(now: number): void {
    const { current, bounds } = this;
    if (current === null) return bounds.boundAttempt(0, now);
    if (this.phase === 'answering') {
      // A long answer must not keep a probe waiting for its verdict.
      current.settle(null, now);
      return bounds.boundAttempt(0, now);
    }
    const { attemptMs } = this.allowance;
    if (this.awaitsClient()) return bounds.boundAttempt(attemptMs, now);
    const isStalled = !this.isRequestDone && current.isSent;
    const silentMs = bounds.silentMs(now);
    if (isStalled && silentMs < attemptMs) return bounds.boundAttempt(attemptMs - silentMs, now);
    const verdict = this.verdict(current, 'attempt_timeout', now);
    if (verdict === 'no') return this.withoutNext(isStalled, silentMs, now);
    current.abort('attempt_timeout', now);
    this.retry(current, verdict, now);
  }

  /**
   * Nothing can follow this attempt, and giving up early would only turn a slow answer into none: the deadline decides.
   * It does not run before the request is complete, so an endpoint that takes no more of one has as long as the
   * deadline.
   */
  private withoutNext(isStalled: boolean, silentMs: number, now: number): void {
    const { requestMs } = this.allowance;
    if (isStalled && requestMs > 0 && silentMs >= requestMs) return this.fail('attempt_timeout', now);
    this.bounds.boundAttempt(isStalled && requestMs > 0 ? requestMs - silentMs : 0, now);
  }

  /** Unlike the time of an attempt this ends one that no other can follow: who sets it says that silence is death. */
  onAttemptIdle(now: number): void {
    const { current } = this;
    if (this.phase !== 'trying' || current === null || !current.isSent || this.awaitsClient()) return;
    const verdict = this.verdict(current, 'attempt_idle', now);
    if (verdict === 'no') return this.fail('attempt_idle', now);
    current.abort('attempt_idle', now);
    this.retry(current, verdict, now);
  }

  onOverdue(now: number): void {
    if (this.phase === 'answering' || this.phase === 'raw') this.cut('max_duration', now);
    else this.fail('max_duration', now);
  }

  onIdle(now: number): void {
    if (this.phase === 'raw') this.cut('tunnel_idle', now);
    else if (this.phase === 'answering') this.cut(this.isClientFull ? 'client_idle' : 'response_idle', now);
    else if (this.phase === 'trying') this.fail(this.awaitsClient() ? 'body_timeout' : 'attempt_timeout', now);
  }

  private awaitsClient(): boolean {
    return !this.isRequestDone && !this.isUpstreamFull && this.current !== null && this.current.isSent;
  }

  // --- The ways out ---

  /** A bug in what a timer or the cluster called: no connection is there to catch it. */
  onBug(error: unknown): void {
    const { observer, clock } = this.context;
    observer.onBug(error);
    if (this.phase === 'idle') return;
    try {
      this.cut('internal_error', clock.now());
    } catch (worse) {
      observer.onBug(worse);
    }
  }

  /** A request that never comes under a plan. */
  private reject(code: FailureCode): void {
    this.context.observer.onReject(this.client.peer.listener, code);
    this.client.sendLocal(failureAnswer(code), NO_EDITS);
    this.client.finish(true);
  }

  private answerOptions(now: number): void {
    this.journal.answer(OPTIONS_ANSWER.status, null, now);
    this.client.sendLocal(OPTIONS_ANSWER, NO_EDITS);
    this.close(now);
    this.client.finish(true);
  }

  /** Ends the exchange with an answer of our own. Nothing of another has been sent. */
  private fail(code: FailureCode, now: number): void {
    this.current?.abort(code, now);
    this.journal.answer(this.isGrpc ? 200 : FAILURES[code].status, code, now);
    if (!this.isReturned(code) || !this.client.sendRefusal()) {
      this.edits.reset();
      this.edits.append('x-request-id', this.journal.requestId);
      const { visit } = this;
      if (visit.retryAfterMs >= 0) this.edits.append('retry-after', String(Math.ceil(visit.retryAfterMs / 1000)));
      if (visit.isMarked) this.plan.door.mark(visit, this.edits);
      this.client.sendLocal(failureAnswer(code), this.edits);
    }
    this.close(now);
    this.client.finish(true);
  }

  /**
   * An answer, however it is worded, would say that somebody has looked: only then may no other endpoint have the call.
   */
  private isReturned(code: FailureCode): boolean {
    if (!this.plan.returnsUnseen || !this.isGrpc || this.attempts.isHeard) return false;
    return FAILURES[code].grpcStatus === GRPC_STATUSES.unavailable && !this.attempts.mayBeSeen;
  }

  /** Ends an exchange whose answer cannot be completed. */
  private cut(code: FailureCode, now: number): void {
    this.current?.abort(code, now);
    this.journal.code = code;
    this.close(now);
    this.client.finish(false);
  }

  private giveBackRoom(evidence: Evidence, now: number): void {
    if (this.admission === REFUSED) return;
    this.plan.admission.settle(this.admission, evidence, now);
    this.admission = REFUSED;
    this.plan.line.roomMade();
  }

  private complete(now: number): void {
    this.current?.end(null, now);
    this.close(now);
    this.client.finish(true);
  }

  private begin(head: RequestHead, plan: Plan, now: number): void {
    this.plan = plan;
    this.phase = 'trying';
    this.journal.begin(head, plan.labels, now);
    this.attempts.reset();
    this.placed.reset();
    this.visit.reset();
    this.hasEntered = false;
    this.allowance.read(head, this.journal.isGrpc, plan.timeouts, now);
    this.bounds.start(plan.timeouts, now);
    if (this.allowance.deadlineAt !== NO_DEADLINE) this.bounds.boundCaller(this.allowance);
    this.requestTrailers = null;
    this.isRequestDone = false;
    this.isEndpointDone = false;
    this.isClientFull = false;
    this.isUpstreamFull = false;
    this.hasContinued = false;
  }

  /** Closes the books; the client is told by whoever calls. */
  private close(now: number): void {
    const { plan, journal } = this;
    this.bounds.stop();
    if (this.phase === 'backing_off' || this.phase === 'awaiting_endpoints') plan.parking.leave(this);
    if (this.phase === 'in_line') plan.line.leave(this);
    this.stay.leave();
    const evidence = this.current ?? NO_EVIDENCE;
    this.giveBackRoom(evidence, now);
    if (this.hasEntered) plan.door.leave(this.visit, evidence, now);
    this.phase = 'idle';
    this.current = null;
    this.replay.reset();
    journal.endedAt = now;
    journal.held.end(now);
    journal.shard = this.placed.shard;
    plan.observer.onExchangeClose(journal);
  }
}
