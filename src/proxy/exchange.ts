import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import { FAILURES, type FailureCode } from '../base/failure.ts';
import { invariant } from '../base/invariant.ts';
import type { Random } from '../base/random.ts';
import { failureAnswer, type LocalAnswer } from '../http/answer.ts';
import type { Client, RequestHandler } from '../http/conduit.ts';
import { Edits, NO_EDITS } from '../http/edits.ts';
import { FieldList, type Fields } from '../http/fields.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import { NO_CONNECTION } from '../http/no-connection.ts';
import { makeRequestId } from '../http/request-id.ts';
import { nextSpanId } from '../http/trace-context.ts';
import { isIdempotent, type RetryVerdict } from '../policy/classify.ts';
import { Visit } from '../policy/door.ts';
import { type Evidence, NO_EVIDENCE } from '../policy/evidence.ts';
import type { FallbackKind } from '../policy/fallback.ts';
import { type Faults, Mishap, NO_FAULTS } from '../policy/fault.ts';
import { REFUSED, type Ticket } from '../policy/gate.ts';

import { Allowance, NO_DEADLINE } from './allowance.ts';
import { AnswerMarks } from './answer-marks.ts';
import { type Attempt, type AttemptOwner, MISDIRECTED } from './attempt.ts';
import { Attempts } from './attempts.ts';
import { FaultPace, NO_PACE, type Pace, type PaceOwner } from './fault-pace.ts';
import { editRequest, editRetryAfter, isLoop, maxForwardsOf } from './forward.ts';
import { editCall } from './grpc-call.ts';
import { HedgeTimer, type HedgeTimerOwner } from './hedge-timer.ts';
import { HeldHead, type HeldHeadOwner } from './held-head.ts';

import { Journal } from './journal.ts';
import { LinePlace } from './line-place.ts';
import { OPTIONS_ANSWER } from './local-answers.ts';
import type { ProxyObserver } from './observer.ts';
import type { Parked } from './parking.ts';
import { Placed } from './placement.ts';
import { type Fallback, NO_FALLBACK, type Plan, type Router } from './plan.ts';
import { proveRefusal } from './refusal.ts';
import { Replay } from './replay.ts';
import { type AnswerCopy, NO_COPY } from './stale-cache.ts';
import { Stay } from './stay.ts';
import { type BoundsOwner, TimeBounds } from './time-bounds.ts';
import { Tried } from './tried.ts';

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
 * there is a primary, and `in_line`, until there is a place. `delayed`: by a fault that was injected. `trying`: an attempt runs and nothing of an answer has been sent. `answering`: a head has been
 * sent, so nothing can be tried again. `raw`: switched protocols.
 */
type Phase =
  | 'idle'
  | 'delayed'
  | 'backing_off'
  | 'awaiting_endpoints'
  | 'held'
  | 'in_line'
  | 'trying'
  | 'answering'
  | 'raw';

/**
 * One request and its answer, under a plan. This file is where policies and connections meet, and its order is the
 * order of policies:
 *
 *     route -> faults -> door -> place -> admit -> pick -> gate -> connect -> send ------> head -> body -> end
 *                                                  ^                 |                     |
 *                                                  +-- backoff <- retry? <- failure <------+ (a status worth another try)
 *                                                                    |
 *                                  fallback: another plan's door, a kept answer, a written one
 *
 * The books: the cluster's ticket is settled once, in `close`; each attempt closes its own. Every way out goes through
 * `close`, and after it nothing is armed, parked or in flight. One object serves all requests of a connection.
 */
export class Exchange
  implements RequestHandler, AttemptOwner, BoundsOwner, HedgeTimerOwner, HeldHeadOwner, PaceOwner, Parked, TimerOwner
{
  readonly parkTimer = new Timer(this);
  private readonly linePlace = new LinePlace(this);
  private plan!: Plan;
  private phase: Phase = 'idle';
  private admission: Ticket = REFUSED;
  private current: Attempt | null = null;
  /** The hedge: a second attempt beside `current`. The first good answer of either wins. */
  private rival: Attempt | null = null;
  /** Made when first needed: most plans hedge nothing. */
  private hedgeTimer: HedgeTimer | null = null;
  private readonly attempts: Attempts;
  private readonly journal: Journal;
  private readonly allowance = new Allowance();
  private readonly bounds: TimeBounds;
  private readonly replay = new Replay();
  private readonly edits = new Edits();
  private readonly placed: Placed;
  private readonly stay: Stay;
  private readonly visit = new Visit();
  private readonly tried: Tried;
  private readonly told: AnswerMarks;
  private readonly held: HeldHead;
  private hasEntered = false;
  /** Faults and fallbacks are those of its first plan. */
  private faults: Faults = NO_FAULTS;
  private readonly mishap = new Mishap();
  private pace: Pace = NO_PACE;
  private fallback: Fallback = NO_FALLBACK;
  private copy: AnswerCopy = NO_COPY;
  /** It is under the plan of a fallback. */
  private isMoved = false;
  private requestTrailers: Fields | null = null;
  private isRequestDone = false;
  private isEndpointDone = false;
  private isClientFull = false;
  private isUpstreamFull = false;
  private hasContinued = false;
  /** When it came, under whatever plan. */
  private beganAt = 0;

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
    this.tried = new Tried(this.journal, this.replay, this.bounds);
    this.told = new AnswerMarks(this.journal, this.attempts);
    this.held = new HeldHead(context.clock, this);
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
    if (plan.faults.choose(head, this.client.peer, random, this.mishap, now)) return this.befall(now);
    this.enter(now);
  }

  /** Under its plan, from the door on. */
  private enter(now: number): void {
    const { plan } = this;
    const { head } = this.journal;
    plan.criticality.read(head, this.visit);
    const turnedAway = plan.door.enter(head, this.client.peer, this.visit, now);
    if (turnedAway !== null) return this.fail(turnedAway, now);
    this.hasEntered = true;

    this.placed.now = now;
    const misplaced = plan.placement.place(head, this.client.peer, this.placed);
    if (misplaced !== null) return this.fail(misplaced, now);
    if (this.placed.lacksKey) plan.observer.onKeyMissing();
    this.tryNext(now);
  }

  /** Faults that were injected. */
  private befall(now: number): void {
    const { delay, delayMs, pace } = this.mishap;
    const { clock } = this.context;
    if (pace?.options.effect.kind === 'bandwidth') {
      this.pace = new FaultPace(pace.options.effect.bytesPerSecond, clock, this, now);
    }
    if (delay === null) return this.afterDelay(now);
    this.phase = 'delayed';
    clock.arm(this.parkTimer, now + delayMs);
  }

  private afterDelay(now: number): void {
    const { end } = this.mishap;
    this.phase = 'trying';
    if (end === null) return this.enter(now);
    if (end.answer === null) return this.cut('fault_injected', now);
    const kind = this.fallback.covers('fault_injected') ? this.substitute(now) : null;
    if (kind !== null) return this.fallBack(kind, 'fault_injected', now);
    this.answerLocally(end.answer, 'fault_injected', now);
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
    if (this.plan.hedge.isOn) this.hedgeLater(now);
    if (!(this.isGrpc && this.phase === 'answering')) this.bounds.boundRequest(this.allowance.requestMs, now);
  }

  onClientDrain(): void {
    this.isClientFull = false;
    this.bounds.progress(this.context.clock.now());
    if (!this.pace.isPausing) this.current?.upstream.resume();
  }

  onPaceOver(now: number): void {
    this.bounds.progress(now);
    if (!this.isClientFull) this.current?.upstream.resume();
  }

  onClientGone(code: FailureCode): void {
    if (this.phase === 'idle') {
      // A connection that ends between requests is no event; one that never managed to make a request is.
      if (code !== 'client_gone') this.context.observer.onReject(this.client.peer.listener, code);
      return;
    }
    const now = this.context.clock.now();
    this.abandon(code, now);
    this.journal.code = code;
    this.close(now);
  }

  // --- The next attempt ---

  private tryNext(now: number): void {
    const { plan, placed, attempts } = this;
    this.journal.held.end(now);
    if (attempts.count === 0 && this.isTooLate(now)) return this.fail('deadline_too_short', now);
    if (this.admission === REFUSED && !plan.line.isBefore(this.visit.criticality, now))
      this.admission = plan.admission.admit(now, this.visit.criticality);
    if (this.admission === REFUSED) return this.withoutRoom(plan.admission.refusal, now);
    placed.now = now;
    const endpoint = plan.cluster.pick(placed);
    if (endpoint === null) return this.withoutEndpoint(now);
    if (!this.stay.allows(endpoint)) return this.holdOrFail('no_primary', now);
    const ticket = endpoint.gate.admit(now);
    if (ticket === REFUSED) return this.holdOrFail(endpoint.gate.refusal, now);

    const attempt = attempts.next();
    this.current = attempt;
    this.phase = 'trying';
    attempt.begin(attempts.count, endpoint, ticket, nextSpanId(this.context.random), now);
    attempt.connect(attempts.wantsFresh, this.journal.head.version, now);
    if (attempt.upstream === NO_CONNECTION) return this.withoutConnection(attempt, now);
    if (attempts.count === 1) plan.budget.deposit(now);
    attempts.wantsFresh = false;
    this.bounds.beginAttempt(this.allowance.attemptMs, now);
    if (attempt.upstream.isReady) this.send(attempt, now);
  }

  /** No answer of late was as quick as this one's caller wants it. */
  private isTooLate(now: number): boolean {
    return this.allowance.isShort && this.plan.pace.isBeyond(this.allowance, now);
  }

  /** Writes that wait for a primary have a place to wait in, and need no other. */
  private withoutRoom(refusal: FailureCode, now: number): void {
    const { line } = this.plan;
    if (this.placed.hold !== null) return this.holdOrFail(refusal, now);
    if (!line.enter(this.linePlace, this.visit.criticality, this.replay.size, now)) return this.fail(refusal, now);
    this.phase = 'in_line';
  }

  /** It was no attempt. Whoever waits is not in flight, and makes no room for who waits for the same. */
  private withoutConnection(attempt: Attempt, now: number): void {
    attempt.end('connections_exhausted', now);
    this.attempts.takeBack();
    this.current = null;
    this.plan.admission.settle(this.admission, NO_EVIDENCE, now);
    this.admission = REFUSED;
    this.withoutRoom('connections_exhausted', now);
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
    if (this.phase === 'in_line') this.plan.line.grow(this.linePlace, bytes, now);
    if (this.phase !== 'awaiting_endpoints' || bytes === 0) return;
    if (!this.plan.parking.grow(this, bytes, now)) this.placed.refusal = 'park_full';
  }

  private send(attempt: Attempt, now: number): void {
    const { upstream } = attempt;
    editRequest(this.edits, this.journal, attempt, this.plan.trustsPeer, this.context.instanceId);
    this.plan.criticality.pass(this.visit, this.edits);
    if (this.isGrpc) editCall(this.edits, this.journal, attempt.mark - 1);
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
    // Of two attempts nobody knows yet whose answer it belongs to.
    if (this.phase !== 'trying' || this.rival !== null) return;
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
    attempt.answered(head, this.plan, now);
    this.plan.pace.learn(attempt);
    if (this.plan.hedge.isOn) this.plan.hedge.observe(now - attempt.startedAt, now);
    if (this.rival !== null) {
      if (!this.attempts.isGood(attempt, this.tried, this.plan)) return this.withdraw(attempt, head, now);
      this.win(attempt, now);
    }
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
    const kind = this.fallback.coversStatus(head.status) ? this.substitute(now) : null;
    if (kind !== null) {
      attempt.discard(head, now);
      return this.fallBack(kind, null, now);
    }
    if (this.isGrpc && attempt.awaitsStatus && this.attempts.awaitsTrailers(this.plan, this.replay.isWhole)) {
      return this.held.hold(head, now);
    }
    this.commit('answering', head, now);
    // The status of a call is at its end. A stream that has none yet when the attempt's time is up is settled then.
    if (this.allowance.attemptMs === 0 && !this.isGrpc) attempt.settle(null, now);
  }

  onAttemptBody(_attempt: Attempt, bytes: Buffer): boolean {
    const now = this.context.clock.now();
    if (this.held.isHeld) this.releaseHead(now);
    this.journal.responseBytes += bytes.length;
    this.bounds.progress(now);
    this.copy.add(bytes);
    this.isClientFull = !this.client.sendBody(bytes);
    return this.pace.spend(bytes.length, now) && !this.isClientFull;
  }

  onAttemptEnd(attempt: Attempt, trailers: Fields | null): void {
    if (this.held.isHeld && this.isRetriedByTrailers(attempt)) return;
    this.client.sendEnd(this.told.trailers(trailers, attempt, this.plan, this.context.clock));
    if (this.phase === 'raw' && !this.isRequestDone) {
      this.isEndpointDone = true;
      return;
    }
    const now = this.context.clock.now();
    if (trailers === null) this.copy.finish(now);
    this.complete(now);
  }

  onAttemptFailure(attempt: Attempt, reported: FailureCode): void {
    const now = this.context.clock.now();
    const code = this.held.lossOf(attempt.lossOf(reported, now));
    if (this.phase !== 'trying') return this.cut(code, now);
    if (this.rival !== null) {
      attempt.end(code, now);
      return this.leaveToOther(attempt, now);
    }
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
    this.attempts.answering = this.current;
    this.hedgeTimer?.stop();
    if (!this.isMoved) this.copy = this.fallback.stale.copy(this.journal.head, head, now);
    const isMarked = this.placed.isMarked || this.visit.isMarked || this.mishap.isMarked || this.isMoved;
    const isTold = isMarked || this.told.isNeeded(head, this.plan);
    this.client.sendHead(head, isTold ? this.marks(head, now) : NO_EDITS);
  }

  /** Nothing more of it may come for long: the client has what there is. */
  onHeldEnough(now: number): void {
    try {
      this.releaseHead(now);
    } catch (error) {
      this.onBug(error);
    }
  }

  private releaseHead(now: number): void {
    this.commit('answering', this.held.release(), now);
  }

  /** The call has failed, and its caller has heard nothing yet. */
  private isRetriedByTrailers(attempt: Attempt): boolean {
    const now = this.context.clock.now();
    const verdict = attempt.grpcStatus > 0 ? this.verdict(attempt, null, now) : 'no';
    if (verdict === 'no') {
      this.releaseHead(now);
      return false;
    }
    attempt.end(null, now);
    this.retry(attempt, verdict, now);
    return true;
  }

  private marks(head: ResponseHead, now: number): Edits {
    this.edits.reset();
    this.placed.answeredBy = this.current!.endpoint;
    if (this.placed.isMarked) this.plan.placement.mark(this.placed, head, this.edits);
    if (this.visit.isMarked) this.plan.door.mark(this.visit, this.edits);
    this.told.put(this.edits, this.current!, this.plan, now);
    if (this.mishap.words !== null) this.edits.append('x-remora-fault', this.mishap.words);
    if (this.isMoved) this.edits.append('x-remora-fallback', 'cluster');
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
    return this.attempts.verdict(attempt, code, this.tried, this.plan, now);
  }

  private retry(attempt: Attempt, verdict: RetryVerdict, now: number): void {
    const { plan, attempts } = this;
    plan.observer.onRetry(attempt);
    attempts.leave(attempt, verdict);
    this.current = null;
    this.isUpstreamFull = false;
    this.held.release();
    this.bounds.boundAttempt(0, now);
    if (verdict !== 'backoff') return this.tryNext(now);
    this.phase = 'backing_off';
    const delayMs = Math.max(this.backoffMs(attempt.ordinal, now), attempt.retryInMs);
    const isParked = plan.parking.sleep(this, now + delayMs);
    invariant(isParked, 'a retry is decided only where the park has room');
  }

  // --- A second attempt beside the first ---

  /** Nobody may be given twice what may not be done twice, nor what is not wholly here. */
  private get mayHedge(): boolean {
    const { plan, attempts, journal } = this;
    const { head } = journal;
    if (this.phase !== 'trying' || this.current === null || this.rival !== null || !this.isRequestDone) return false;
    if (this.placed.hold !== null || head.upgrade !== null || !attempts.mayHedge(this.tried, plan)) return false;
    return this.isGrpc ? plan.retry.grpcIdempotent : plan.hedge.covers(head.method);
  }

  /** The request is complete. Of several attempts, which follow failures, only the first is hedged. */
  private hedgeLater(now: number): void {
    const { hedge } = this.plan;
    if (!this.mayHedge || this.attempts.count > 1) return;
    hedge.onRequest(now);
    const delayMs = hedge.delayMs(now);
    if (delayMs < 0) return;
    this.hedgeTimer ??= new HedgeTimer(this.context.clock, this);
    this.hedgeTimer.arm(now + delayMs);
  }

  /** Elsewhere, or not at all: an endpoint that is late is not sooner for being asked twice. */
  onHedgeDue(now: number): void {
    const { plan, attempts, placed, current } = this;
    if (!this.mayHedge) return;
    placed.now = now;
    attempts.failed.push(current!.endpoint);
    const endpoint = plan.cluster.pick(placed);
    attempts.failed.pop();
    if (endpoint === null || endpoint === current!.endpoint) return;
    if (!attempts.tryHedge(plan, now)) return;
    const ticket = endpoint.gate.admit(now);
    if (ticket === REFUSED) return;

    const rival = attempts.next();
    this.rival = rival;
    rival.begin(attempts.count, endpoint, ticket, nextSpanId(this.context.random), now);
    rival.connect(false, this.journal.head.version, now);
    if (rival.upstream === NO_CONNECTION) return this.withoutRival(rival, now);
    if (rival.upstream.isReady) this.send(rival, now);
  }

  /** It was no attempt. */
  private withoutRival(rival: Attempt, now: number): void {
    rival.end('connections_exhausted', now);
    this.attempts.takeBack();
    this.rival = null;
  }

  /** The client gets this one's answer. The other is given up, which is no evidence but of how long it took. */
  private win(attempt: Attempt, now: number): void {
    const loser = this.other(attempt);
    if (attempt === this.rival) this.plan.hedge.onWin();
    this.current = attempt;
    this.rival = null;
    this.plan.hedge.observe(now - loser.startedAt, now);
    loser.abort('superseded', now);
  }

  /** Its answer is one that would be tried again, and another attempt is under way. */
  private withdraw(attempt: Attempt, head: ResponseHead, now: number): void {
    attempt.discard(head, now);
    this.leaveToOther(attempt, now);
  }

  private giveUp(attempt: Attempt, code: FailureCode, now: number): void {
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
    if (this.phase === 'delayed') return this.onDelayOver(now);
    this.plan.parking.leave(this);
    if (this.phase === 'backing_off') return this.onWake(now);
    try {
      if (this.phase === 'in_line') this.fail(this.plan.line.end(this.linePlace, now), now);
      else this.fail(this.phase === 'held' ? this.stay.end(now) : this.placed.refusal, now);
    } catch (error) {
      this.onBug(error);
    }
  }

  private onDelayOver(now: number): void {
    try {
      this.afterDelay(now);
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
    if (this.held.isHeld) this.releaseHead(now);
    if (this.phase === 'answering') {
      // A long answer must not keep a probe waiting for its verdict.
      current.settle(null, now);
      return bounds.boundAttempt(0, now);
    }
    const { attemptMs } = this.allowance;
    if (this.awaitsClient()) return bounds.boundAttempt(attemptMs, now);
    if (this.rival !== null) return this.giveUp(current, 'attempt_timeout', now);
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
    if (this.rival !== null) return this.giveUp(current, 'attempt_idle', now);
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
    else if (this.phase === 'answering' && this.pace.isPausing) this.cut('fault_injected', now);
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
    this.abandon(code, now);
    const kind = this.fallback.covers(code) ? this.substitute(now) : null;
    if (kind !== null) return this.fallBack(kind, code, now);
    this.journal.answer(this.isGrpc ? 200 : FAILURES[code].status, code, now);
    if (!this.isReturned(code) || !this.client.sendRefusal()) {
      this.edits.reset();
      this.edits.append('x-request-id', this.journal.requestId);
      const { visit } = this;
      if (visit.retryAfterMs >= 0) editRetryAfter(this.edits, visit.retryAfterMs, this.isGrpc);
      if (visit.isMarked) this.plan.door.mark(visit, this.edits);
      this.told.putLocal(this.edits, this.plan, now);
      if (!this.plan.trustsPeer && !this.attempts.mayBeSeen) proveRefusal(this.edits, code, this.journal.trace);
      if (this.mishap.words !== null) this.edits.append('x-remora-fault', this.mishap.words);
      this.client.sendLocal(failureAnswer(code), this.edits);
    }
    this.close(now);
    this.client.finish(true);
  }

  // --- In place of a failure ---

  /** What the client can be given instead. Nothing of an answer has been sent, and no attempt runs that could bring one. */
  private substitute(now: number): FallbackKind | null {
    const { journal, attempts, replay, isGrpc } = this;
    const isRepeatable =
      !attempts.mayBeSeen || isIdempotent(journal.head.method) || (isGrpc && this.plan.retry.grpcIdempotent);
    const mayMove = !this.isMoved && isRepeatable && replay.isWhole && !attempts.isHeard && this.bounds.leftMs(now) > 0;
    return this.fallback.choose(journal.head, isGrpc, mayMove, now);
  }

  /** `code` is null for an answer that is not good enough. */
  private fallBack(kind: FallbackKind, code: FailureCode | null, now: number): void {
    const { fallback, journal } = this;
    fallback.counts[kind] += 1;
    journal.fallback = kind;
    if (kind === 'cluster') return this.move(fallback.other()!, code, now);
    if (kind === 'static') return this.answerLocally(fallback.answer(this.isGrpc)!, code, now);
    journal.answer(200, code, now);
    journal.responseBytes = fallback.stale.answer(journal.head, this.client, this.ownEdits(), now);
    this.close(now);
    this.client.finish(true);
  }

  /** Ends the exchange with an answer that is written. */
  private answerLocally(answer: LocalAnswer, code: FailureCode | null, now: number): void {
    this.journal.answerLocally(answer, code, now);
    this.client.sendLocal(answer, this.ownEdits());
    this.close(now);
    this.client.finish(true);
  }

  private ownEdits(): Edits {
    const { edits, journal, mishap, visit } = this;
    edits.reset();
    edits.append('x-request-id', journal.requestId);
    if (journal.fallback !== null) edits.append('x-remora-fallback', journal.fallback);
    if (mishap.words !== null) edits.append('x-remora-fault', mishap.words);
    if (visit.isMarked) this.plan.door.mark(visit, edits);
    return edits;
  }

  /** The request begins anew under another plan, once; the books of the first are closed. */
  private move(other: Plan, code: FailureCode | null, now: number): void {
    this.journal.code = code;
    this.leavePlan('trying', now);
    this.isMoved = true;
    this.plan = other;
    this.journal.move(other.labels, nextSpanId(this.context.random), now);
    this.beginPlan(other, now);
    const { requestMs, isShort } = this.allowance;
    // What its caller wants begins with the request, and not again.
    const leftMs = requestMs > 0 && isShort ? Math.max(1, requestMs - (now - this.beganAt)) : requestMs;
    if (this.isRequestDone) this.bounds.boundRequest(leftMs, now);
    this.isUpstreamFull = false;
    other.observer.onExchangeOpen(now);
    this.enter(now);
  }

  /**
   * An answer, however it is worded, would say that somebody has looked: only then may no other endpoint have the call.
   */
  private isReturned(code: FailureCode): boolean {
    if (!this.plan.returnsUnseen || !this.isGrpc || this.attempts.isHeard) return false;
    return FAILURES[code].grpcStatus === GRPC_STATUSES.unavailable && !this.attempts.mayBeSeen;
  }

  private abandon(code: FailureCode, now: number): void {
    this.current?.abort(code, now);
    this.rival?.abort(code, now);
    this.rival = null;
  }

  /** Ends an exchange whose answer cannot be completed. */
  private cut(code: FailureCode, now: number): void {
    this.abandon(code, now);
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
    this.beganAt = now;
    this.faults = plan.faults;
    this.mishap.reset();
    this.fallback = plan.fallback;
    this.isMoved = false;
    this.beginPlan(plan, now);
    this.requestTrailers = null;
    this.isRequestDone = false;
    this.isEndpointDone = false;
    this.isClientFull = false;
    this.isUpstreamFull = false;
    this.hasContinued = false;
  }

  private beginPlan(plan: Plan, now: number): void {
    const { journal, allowance, bounds } = this;
    this.attempts.reset();
    this.placed.reset();
    this.visit.reset();
    this.hasEntered = false;
    allowance.read(journal.head, journal.isGrpc, plan.timeouts, this.beganAt);
    bounds.start(plan.timeouts, now);
    if (allowance.deadlineAt !== NO_DEADLINE) bounds.boundCaller(allowance);
  }

  /** Closes the books; the client is told by whoever calls. */
  private close(now: number): void {
    this.faults.leave(this.mishap);
    this.pace.stop();
    this.pace = NO_PACE;
    this.copy.drop();
    this.copy = NO_COPY;
    this.replay.reset();
    this.leavePlan('idle', now);
  }

  private leavePlan(next: Phase, now: number): void {
    const { plan, journal } = this;
    this.bounds.stop();
    if (this.phase === 'delayed') this.context.clock.disarm(this.parkTimer);
    this.hedgeTimer?.stop();
    this.held.release();
    this.attempts.close();
    if (this.phase === 'backing_off' || this.phase === 'awaiting_endpoints') plan.parking.leave(this);
    if (this.phase === 'in_line') plan.line.leave(this.linePlace);
    this.stay.leave();
    const evidence = this.current ?? NO_EVIDENCE;
    this.giveBackRoom(evidence, now);
    if (this.hasEntered) plan.door.leave(this.visit, evidence, now);
    this.phase = next;
    this.current = null;
    journal.endedAt = now;
    journal.fault = this.mishap.words;
    journal.held.end(now);
    journal.shard = this.placed.shard;
    plan.observer.onExchangeClose(journal);
  }
}
