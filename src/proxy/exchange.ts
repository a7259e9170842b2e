import { FAILURES, type FailureCode } from '../base/failure.ts';
import { failureAnswer } from '../http/answer.ts';
import type { Client, RequestHandler } from '../http/conduit.ts';
import { Edits, NO_EDITS } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import { makeRequestId } from '../http/request-id.ts';
import { nextSpanId } from '../http/trace-context.ts';
import type { RetryVerdict } from '../policy/classify.ts';
import { NO_EVIDENCE } from '../policy/evidence.ts';
import type { FallbackKind } from '../policy/fallback.ts';
import { type Faults, Mishap, NO_FAULTS } from '../policy/fault.ts';
import { REFUSED } from '../policy/gate.ts';
import { Admitted } from './admitted.ts';
import { Allowance, NO_DEADLINE } from './allowance.ts';
import { Answering } from './answering.ts';
import { type Attempt, type AttemptOwner, MISDIRECTED } from './attempt.ts';
import { Attempts } from './attempts.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { type PaceOwner, paceOf } from './fault-pace.ts';
import { isLoop, maxForwardsOf } from './forward.ts';
import type { HedgeTimerOwner } from './hedge-timer.ts';
import type { HeldHeadOwner } from './held-head.ts';
import { Instead } from './instead.ts';
import { Journal } from './journal.ts';
import { OPTIONS_ANSWER } from './local-answers.ts';
import { Placed } from './placement.ts';
import type { Plan, Router } from './plan.ts';
import { Race } from './race.ts';
import { Replay } from './replay.ts';
import type { RouteAnswer } from './route-effects.ts';
import { Routed } from './routed.ts';
import { Sending } from './sending.ts';
import { type BoundsOwner, TimeBounds } from './time-bounds.ts';
import { Tried } from './tried.ts';
import { Wait, type WaitOwner } from './wait.ts';

/**
 * `idle`: between requests. `waiting`: with no attempt, see `Wait`. `trying`: nothing of an answer has been sent.
 * `answering`: a head has been sent, so nothing can be tried again. `raw`: switched protocols.
 */
type Phase = 'idle' | 'waiting' | 'trying' | 'answering' | 'raw';

/**
 * One request and its answer, under a plan. This file is where policies and connections meet, and its order is the
 * order of policies:
 *
 *     route -> faults -> door -> place -> admit -> pick -> gate -> connect -> send ------> head -> body -> end
 *                                           ^                        |                 |
 *                                           +-- backoff <- retry? <- failure <---------+ (or a status worth it)
 *                                                                    |
 *                                  fallback: another plan's door, a kept answer, a written one
 *
 * Its parts keep their own laws: `Admitted` (door and admit), `Race` (the attempts under way), `Sending` (the request),
 * `Answering` (the answer), `Instead` (the fallback), `Wait` (every arrow that takes time), `TimeBounds`.
 *
 * The books: the cluster's ticket is settled once, in `close`; each attempt closes its own. Every way out goes through
 * `close`, and after it nothing is armed, parked or in flight. One object serves all requests of a connection.
 */
export class Exchange
  implements RequestHandler, AttemptOwner, BoundsOwner, HedgeTimerOwner, HeldHeadOwner, PaceOwner, WaitOwner
{
  private plan!: Plan;
  private phase: Phase = 'idle';
  /** Of its first plan. */
  private faults: Faults = NO_FAULTS;
  private readonly mishap = new Mishap();
  private readonly admitted = new Admitted();
  private readonly allowance = new Allowance();
  private readonly replay = new Replay();
  private readonly attempts: Attempts;
  private readonly journal: Journal;
  private readonly bounds: TimeBounds;
  private readonly placed: Placed;
  private readonly race: Race;
  private readonly wait: Wait;
  private readonly sending: Sending;
  private readonly instead: Instead;
  private readonly answering: Answering;
  /** Filled by the router, also by one that is asked before this exchange. */
  readonly routed = new Routed();
  private isEndpointDone = false;
  /** When it came, under whatever plan. */
  private beganAt = 0;

  constructor(
    private readonly context: ExchangeContext,
    private readonly router: Router,
    private readonly client: Client,
  ) {
    const { clock, random, instanceId } = context;
    const { visit } = this.admitted;
    const { allowance, mishap, replay } = this;
    const attempts = (this.attempts = new Attempts(this, clock));
    const journal = (this.journal = new Journal(client.peer, attempts));
    const bounds = (this.bounds = new TimeBounds(clock, this));
    const placed = (this.placed = new Placed(attempts.failed));
    const instead = (this.instead = new Instead(journal, attempts, replay, bounds));
    const tried = new Tried(journal, replay, bounds);
    const edits = new Edits();
    this.race = new Race(this, clock, random, attempts, tried, placed, allowance, bounds);
    this.wait = new Wait(clock, this, placed, journal.held);
    this.sending = new Sending(client, journal, replay, allowance, bounds, visit, edits, instanceId);
    this.answering = new Answering(
      client,
      clock,
      this,
      journal,
      attempts,
      instead,
      placed,
      visit,
      mishap,
      edits,
      this.routed,
    );
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
    const plan = this.router.route(head, this.client.peer, this.routed);
    if (plan === null) return this.reject(this.routed.refusal);

    this.begin(head, plan, now);
    this.journal.trace.continueOrBegin(head.get('traceparent'), plan.sampleRatio, random);
    this.journal.requestId = head.get('x-request-id') ?? makeRequestId(random);
    plan.observer.onExchangeOpen(now);
    if (now >= this.allowance.deadlineAt) return this.fail('deadline_exceeded', now);
    if (head.method === 'OPTIONS' && maxForwardsOf(head) === 0) return this.answerOptions(now);
    const answer = plan.effects.answer(head, this.client.peer);
    if (answer !== null) return this.answerByRoute(answer, now);
    if (plan.faults.choose(head, this.client.peer, random, this.mishap, now)) return this.befall(now);
    this.enter(now);
  }

  /** Under its plan, from the door on. */
  private enter(now: number): void {
    const { plan, placed } = this;
    const { head } = this.journal;
    const turnedAway = this.admitted.enter(head, this.client.peer, plan, now);
    if (turnedAway !== null) return this.fail(turnedAway, now);

    placed.now = now;
    const misplaced = plan.placement.place(head, this.client.peer, placed);
    if (misplaced !== null) return this.fail(misplaced, now);
    if (placed.lacksKey) plan.observer.onKeyMissing();
    this.tryNext(now);
  }

  /** Faults that were injected. */
  private befall(now: number): void {
    const { mishap } = this;
    this.answering.pace = paceOf(mishap, this.context.clock, this, now);
    if (mishap.delay === null) return this.onDelayOver(now);
    this.phase = 'waiting';
    this.wait.forDelay(mishap.delayMs, now);
  }

  onDelayOver(now: number): void {
    const { end } = this.mishap;
    this.phase = 'trying';
    if (end === null) return this.enter(now);
    if (end.answer === null) return this.cut('fault_injected', now);
    const kind = this.instead.ofFailure('fault_injected', this.plan, now);
    if (kind !== null) return this.fallBack(kind, 'fault_injected', now);
    this.answering.give(end.answer, 'fault_injected', this.plan, now);
    this.finish(now);
  }

  onRequestBody(bytes: Buffer): boolean {
    if (this.phase === 'idle') return true;
    const now = this.context.clock.now();
    this.journal.requestBytes += bytes.length;
    this.bounds.progress(now);
    const { current } = this.race;
    if (current === null || !current.isSent) {
      this.replay.hold(bytes);
      this.wait.grow(bytes.length, now);
      return false;
    }
    if (this.phase === 'trying') this.replay.keep(bytes, this.plan.retry.replayBytes);
    return this.sending.pass(bytes, current);
  }

  onRequestEnd(trailers: Fields | null): void {
    if (this.phase === 'idle') return;
    const { plan, race, bounds, allowance } = this;
    const { current } = race;
    const now = this.context.clock.now();
    this.sending.isDone = true;
    if (this.phase === 'raw') {
      current!.upstream.sendEnd(null);
      if (this.isEndpointDone) this.complete(now);
      return;
    }
    this.sending.finish(trailers, current, now);
    bounds.progress(now);
    // The endpoint's time begins now, whatever the client took for its body.
    if (current !== null) bounds.boundAttempt(allowance.attemptMs, now);
    if (plan.hedge.isOn && this.phase === 'trying') race.hedgeLater(plan, now);
    if (!(this.isGrpc && this.phase === 'answering')) bounds.boundRequest(allowance.requestMs, now);
    plan.mirrors.copy(this.context, this.journal, this.replay, trailers);
  }

  onClientDrain(): void {
    this.answering.isFull = false;
    this.bounds.progress(this.context.clock.now());
    if (!this.answering.pace.isPausing) this.race.current?.upstream.resume();
  }

  onPaceOver(now: number): void {
    this.bounds.progress(now);
    if (!this.answering.isFull) this.race.current?.upstream.resume();
  }

  onClientGone(code: FailureCode): void {
    if (this.phase === 'idle') {
      // A connection that ends between requests is no event; one that never managed to make a request is.
      if (code !== 'client_gone') this.context.observer.onReject(this.client.peer.listener, code);
      return;
    }
    const now = this.context.clock.now();
    this.race.abandon(code, now);
    this.journal.code = code;
    this.close(now);
  }

  // --- The next attempt ---

  private tryNext(now: number): void {
    const { plan, placed, attempts, admitted, race, wait } = this;
    if (attempts.count === 0 && this.isTooLate(now)) return this.fail('deadline_too_short', now);
    if (!admitted.takeRoom(plan, now)) return this.withoutRoom(plan.admission.refusal, now);
    placed.now = now;
    const endpoint = plan.cluster.pick(placed);
    if (endpoint === null) return this.withoutEndpoint(now);
    if (!wait.allows(endpoint)) return this.holdOrFail('no_primary', now);
    const ticket = endpoint.gate.admit(now);
    if (ticket === REFUSED) return this.holdOrFail(endpoint.gate.refusal, now);

    this.phase = 'trying';
    const attempt = race.start(endpoint, ticket, now);
    if (attempt === null) return this.withoutConnection(now);
    if (attempts.count === 1) plan.budget.deposit(now);
    this.bounds.beginAttempt(this.allowance.attemptMs, now);
    if (attempt.upstream.isReady) this.sending.send(attempt, plan, now);
  }

  /** No answer of late was as quick as this one's caller wants it. */
  private isTooLate(now: number): boolean {
    return this.allowance.isShort && this.plan.pace.isBeyond(this.allowance, now);
  }

  /** Writes that wait for a primary have a place to wait in, and need no other. */
  private withoutRoom(refusal: FailureCode, now: number): void {
    if (this.placed.hold !== null) return this.holdOrFail(refusal, now);
    const { criticality } = this.admitted.visit;
    if (!this.wait.forRoom(criticality, this.replay.size, now)) return this.fail(refusal, now);
    this.phase = 'waiting';
  }

  private withoutConnection(now: number): void {
    this.admitted.giveUpRoom(this.plan, now);
    this.withoutRoom('connections_exhausted', now);
  }

  private withoutEndpoint(now: number): void {
    const { refusal, heldUntil } = this.placed;
    const isPassing = now < heldUntil || refusal === 'discovery_pending';
    if (!isPassing) return this.holdOrFail(refusal, now);
    const isFull = this.wait.forEndpoints(this.replay.size, now);
    if (isFull !== null) return this.fail(isFull, now);
    this.phase = 'waiting';
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
    this.admitted.giveRoomBack(this.plan, NO_EVIDENCE, now);
    this.withoutAttempt(now);
    this.attempts.failed.length = 0;
    const refusal = this.wait.forPrimary(hold, this.replay.size, now);
    if (refusal !== null) return this.fail(refusal, now);
    this.phase = 'waiting';
  }

  private withoutAttempt(now: number): void {
    this.race.clear();
    this.sending.isFull = false;
    this.bounds.boundAttempt(0, now);
  }

  onWaitOver(now: number): void {
    this.tryNext(now);
  }

  onWaitInVain(code: FailureCode, now: number): void {
    this.fail(code, now);
  }

  // --- From the attempt ---

  onAttemptConnected(attempt: Attempt): void {
    const now = this.context.clock.now();
    attempt.connectedAt = now;
    this.bounds.progress(now);
    if (this.wait.allows(attempt.endpoint)) return this.sending.send(attempt, this.plan, now);
    // Another is by now, and what has not been sent has no business with the old one.
    attempt.abort('no_primary', now);
    this.race.clear();
    this.tryNext(now);
  }

  onAttemptInterim(_attempt: Attempt, head: ResponseHead): void {
    // Of two attempts nobody knows yet whose answer it belongs to.
    if (this.phase === 'trying' && this.race.rival === null) this.answering.interim(head);
  }

  onAttemptHead(attempt: Attempt, head: ResponseHead): void {
    const { plan, race, attempts } = this;
    const now = this.context.clock.now();
    attempt.answered(head, plan, now);
    plan.pace.learn(attempt);
    if (plan.hedge.isOn) plan.hedge.observe(now - attempt.startedAt, now);
    if (race.rival !== null && !race.isWon(attempt, head, plan, now)) return;
    if (head.status === 101) return this.switchProtocols(attempt, head, now);
    if (head.status === MISDIRECTED && this.placed.hold !== null && this.isUnseen) {
      attempt.discard(head, now);
      return this.holdOrFail('no_primary', now);
    }
    const verdict = race.verdict(attempt, null, plan, now);
    if (verdict !== 'no') {
      attempt.discard(head, now);
      return this.retry(attempt, verdict, now);
    }
    const kind = this.instead.ofStatus(head.status, plan, now);
    if (kind !== null) {
      attempt.discard(head, now);
      return this.fallBack(kind, null, now);
    }
    if (this.isGrpc && attempt.awaitsStatus && attempts.awaitsTrailers(plan, this.replay.isWhole)) {
      this.bounds.progress(now);
      return this.answering.hold(head, now);
    }
    this.commit('answering', head, now);
    // The status of a call is at its end. A stream that has none yet when the attempt's time is up is settled then.
    if (this.allowance.attemptMs === 0 && !this.isGrpc) attempt.settle(null, now);
  }

  onAttemptBody(_attempt: Attempt, bytes: Buffer): boolean {
    const now = this.context.clock.now();
    if (this.answering.isHeld) this.releaseHead(now);
    this.bounds.progress(now);
    return this.answering.body(bytes, now);
  }

  onAttemptEnd(attempt: Attempt, trailers: Fields | null): void {
    const now = this.context.clock.now();
    if (this.answering.isHeld && this.isRetriedByTrailers(attempt, now)) return;
    this.answering.end(trailers, attempt, this.plan, now);
    if (this.phase === 'raw' && !this.sending.isDone) this.isEndpointDone = true;
    else this.complete(now);
  }

  onAttemptFailure(attempt: Attempt, reported: FailureCode): void {
    const now = this.context.clock.now();
    const code = this.answering.lossOf(attempt.lossOf(reported, now));
    if (this.phase !== 'trying') return this.cut(code, now);
    const { race } = this;
    if (race.rival !== null) return race.lose(attempt, code, now);
    const verdict = race.verdict(attempt, code, this.plan, now);
    attempt.end(code, now);
    if (verdict !== 'no') this.retry(attempt, verdict, now);
    else if (FAILURES[code].retry === 'never') this.fail(code, now);
    else this.holdOrFail(code, now);
  }

  onAttemptDrain(_attempt: Attempt): void {
    this.sending.isFull = false;
    this.bounds.progress(this.context.clock.now());
    this.client.resume();
  }

  private commit(phase: 'answering' | 'raw', head: ResponseHead, now: number): void {
    this.phase = phase;
    // A call may be a stream, which has no end but its own or its caller's.
    if (this.isGrpc) this.bounds.boundRequest(0, now);
    this.bounds.endAttempts();
    this.bounds.progress(now);
    this.replay.drop();
    this.wait.answered();
    this.race.stopHedging();
    this.answering.head(head, this.race.current!, this.plan, now);
  }

  /** Nothing more of it may come for long: the client has what there is. */
  onHeldEnough(now: number): void {
    this.releaseHead(now);
  }

  private releaseHead(now: number): void {
    this.commit('answering', this.answering.release(), now);
  }

  /** The call has failed, and its caller has heard nothing yet. */
  private isRetriedByTrailers(attempt: Attempt, now: number): boolean {
    const verdict = attempt.grpcStatus > 0 ? this.race.verdict(attempt, null, this.plan, now) : 'no';
    if (verdict === 'no') {
      this.releaseHead(now);
      return false;
    }
    attempt.end(null, now);
    this.retry(attempt, verdict, now);
    return true;
  }

  private switchProtocols(attempt: Attempt, head: ResponseHead, now: number): void {
    attempt.settle(null, now);
    this.bounds.unbound();
    this.bounds.boundSilence(this.plan.timeouts.tunnelIdleMs, now);
    this.sending.isDone = false;
    this.commit('raw', head, now);
  }

  // --- Another attempt ---

  private retry(attempt: Attempt, verdict: RetryVerdict, now: number): void {
    this.plan.observer.onRetry(attempt);
    this.attempts.leave(attempt, verdict);
    this.withoutAttempt(now);
    this.answering.letGo();
    if (verdict !== 'backoff') return this.tryNext(now);
    this.phase = 'waiting';
    this.wait.forBackoff(attempt, this.bounds.leftMs(now), now);
  }

  /** The first attempt has been alone for its time. */
  onHedgeDue(now: number): void {
    if (this.phase !== 'trying' || !this.sending.isDone) return;
    const rival = this.race.hedge(this.plan, now);
    if (rival !== null && rival.upstream.isReady) this.sending.send(rival, this.plan, now);
  }

  // --- Time is up ---

  onDeadline(now: number): void {
    if (this.phase === 'answering') this.cut('deadline_exceeded', now);
    else this.fail('deadline_exceeded', now);
  }

  onAttemptDue(now: number): void {
    const { bounds, race } = this;
    const { current } = race;
    if (current === null) return bounds.boundAttempt(0, now);
    if (this.answering.isHeld) this.releaseHead(now);
    if (this.phase === 'answering') {
      // A long answer must not keep a probe waiting for its verdict.
      current.settle(null, now);
      return bounds.boundAttempt(0, now);
    }
    const { attemptMs } = this.allowance;
    if (this.sending.awaitsClient(current)) return bounds.boundAttempt(attemptMs, now);
    if (race.rival !== null) return race.giveUp(current, 'attempt_timeout', now);
    const isStalled = !this.sending.isDone && current.isSent;
    const silentMs = bounds.silentMs(now);
    if (isStalled && silentMs < attemptMs) return bounds.boundAttempt(attemptMs - silentMs, now);
    if (!this.isFollowed(current, 'attempt_timeout', now)) this.withoutNext(isStalled, silentMs, now);
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
    const { race, sending } = this;
    const { current } = race;
    if (this.phase !== 'trying' || current === null || !current.isSent || sending.awaitsClient(current)) return;
    if (race.rival !== null) return race.giveUp(current, 'attempt_idle', now);
    if (!this.isFollowed(current, 'attempt_idle', now)) this.fail('attempt_idle', now);
  }

  /** Gives it up, if another attempt can follow. */
  private isFollowed(attempt: Attempt, code: FailureCode, now: number): boolean {
    const verdict = this.race.verdict(attempt, code, this.plan, now);
    if (verdict === 'no') return false;
    attempt.abort(code, now);
    this.retry(attempt, verdict, now);
    return true;
  }

  onOverdue(now: number): void {
    if (this.phase === 'answering' || this.phase === 'raw') this.cut('max_duration', now);
    else this.fail('max_duration', now);
  }

  onIdle(now: number): void {
    const { phase, answering, sending } = this;
    if (phase === 'raw') this.cut('tunnel_idle', now);
    else if (phase === 'answering' && answering.pace.isPausing) this.cut('fault_injected', now);
    else if (phase === 'answering') this.cut(answering.isFull ? 'client_idle' : 'response_idle', now);
    else if (phase === 'trying')
      this.fail(sending.awaitsClient(this.race.current) ? 'body_timeout' : 'attempt_timeout', now);
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
    this.routed.reset();
    this.client.sendLocal(failureAnswer(code), NO_EDITS);
    this.client.finish(true);
  }

  private answerByRoute(answer: RouteAnswer, now: number): void {
    this.journal.routeAnswer = answer.kind;
    this.answering.give(answer, answer.code, this.plan, now);
    this.finish(now);
  }

  private answerOptions(now: number): void {
    this.journal.answer(OPTIONS_ANSWER.status, null, now);
    this.client.sendLocal(OPTIONS_ANSWER, NO_EDITS);
    this.finish(now);
  }

  /** Ends the exchange with an answer of our own. Nothing of another has been sent. */
  private fail(code: FailureCode, now: number): void {
    this.race.abandon(code, now);
    const kind = this.instead.ofFailure(code, this.plan, now);
    if (kind !== null) return this.fallBack(kind, code, now);
    this.answering.fail(code, this.plan, now);
    this.finish(now);
  }

  /** `code` is null for an answer that is not good enough. */
  private fallBack(kind: FallbackKind, code: FailureCode | null, now: number): void {
    const { answering, instead, plan } = this;
    const { fallback } = instead;
    instead.count(kind);
    if (kind === 'cluster') return this.move(fallback.other()!, code, now);
    if (kind === 'stale') answering.giveKept(code, plan, now);
    else answering.give(fallback.answer(this.isGrpc)!, code, plan, now);
    this.finish(now);
  }

  /** The request begins anew under another plan, once; the books of the first are closed. */
  private move(other: Plan, code: FailureCode | null, now: number): void {
    this.journal.code = code;
    this.leavePlan('trying', now);
    this.instead.isMoved = true;
    this.plan = other;
    this.journal.move(other.labels, nextSpanId(this.context.random), now);
    this.beginPlan(other, now);
    const { requestMs, isShort } = this.allowance;
    // What its caller wants begins with the request, and not again.
    const leftMs = requestMs > 0 && isShort ? Math.max(1, requestMs - (now - this.beganAt)) : requestMs;
    if (this.sending.isDone) this.bounds.boundRequest(leftMs, now);
    this.sending.isFull = false;
    other.observer.onExchangeOpen(now);
    this.enter(now);
  }

  /** Ends an exchange whose answer cannot be completed. */
  private cut(code: FailureCode, now: number): void {
    this.race.abandon(code, now);
    this.journal.code = code;
    this.close(now);
    this.client.finish(false);
  }

  private complete(now: number): void {
    this.race.current?.end(null, now);
    this.finish(now);
  }

  private finish(now: number): void {
    this.close(now);
    this.client.finish(true);
  }

  private begin(head: RequestHead, plan: Plan, now: number): void {
    this.plan = plan;
    this.phase = 'trying';
    this.journal.begin(head, plan.labels, now);
    this.journal.effects = plan.effects;
    this.journal.overrideOf = this.routed.overrideOf;
    this.beganAt = now;
    this.isEndpointDone = false;
    this.faults = plan.faults;
    this.mishap.reset();
    this.instead.begin(plan.fallback);
    this.sending.reset();
    this.answering.reset();
    this.beginPlan(plan, now);
  }

  private beginPlan(plan: Plan, now: number): void {
    const { journal, allowance, bounds } = this;
    this.attempts.reset();
    this.placed.reset();
    this.admitted.reset();
    this.wait.begin(plan);
    allowance.read(journal.head, journal.isGrpc, plan.timeouts, this.beganAt);
    bounds.start(plan.timeouts, now);
    if (allowance.deadlineAt !== NO_DEADLINE) bounds.boundCaller(allowance);
  }

  /** Closes the books; the client is told by whoever calls. */
  private close(now: number): void {
    this.faults.leave(this.mishap);
    this.answering.stop();
    this.instead.drop();
    this.replay.reset();
    this.leavePlan('idle', now);
    this.routed.reset();
  }

  private leavePlan(next: 'idle' | 'trying', now: number): void {
    const { plan, journal, race } = this;
    this.bounds.stop();
    race.stopHedging();
    this.answering.letGo();
    this.attempts.close();
    this.wait.leave(now);
    this.admitted.leave(plan, race.current ?? NO_EVIDENCE, now);
    race.clear();
    this.phase = next;
    journal.endedAt = now;
    journal.fault = this.mishap.words;
    journal.shard = this.placed.shard;
    plan.observer.onExchangeClose(journal);
  }
}
