import { Timer, type TimerOwner } from '../base/clock.ts';
import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type {
  Peer,
  Tunnel,
  TunnelAcceptor,
  TunnelClient,
  TunnelClientHandler,
  TunnelHandler,
} from '../http/conduit.ts';
import { NO_TUNNEL } from '../http/no-connection.ts';
import { outcomeOf } from '../policy/classify.ts';
import { Visit } from '../policy/door.ts';
import { NO_EVIDENCE, type Outcome } from '../policy/evidence.ts';
import { Mishap } from '../policy/fault.ts';
import { REFUSED, type Ticket } from '../policy/gate.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { HeldTime } from './held-time.ts';
import type { PlanLabels } from './labels.ts';
import { LinePlace } from './line-place.ts';
import type { AttemptRecord, TunnelRecord } from './observer.ts';
import type { Parked } from './parking.ts';
import { Placed } from './placement.ts';
import type { Plan, Router } from './plan.ts';
import { Stay } from './stay.ts';
import { Trial, type TrialOwner } from './trial.ts';

/** Decides about the opaque connections of one listener. */
export class TunnelEntry implements TunnelAcceptor {
  constructor(
    private readonly context: ExchangeContext,
    private readonly router: Router,
  ) {}

  open(client: TunnelClient): TunnelClientHandler {
    const plan = this.router.routeTunnel(client.serverName);
    if (plan !== null) {
      const exchange = new TunnelExchange(this.context, plan, client);
      exchange.start();
      return exchange;
    }
    this.context.observer.onReject(client.peer.listener, 'no_route');
    client.refuse();
    return NOBODY;
  }
}

const NOBODY: TunnelClientHandler = { onClientGone: () => undefined };

/** One connection attempt of a tunnel. What it shows is whether the endpoint accepted, and meant it; see `Trial`. */
interface Dial extends AttemptRecord {
  readonly endpoint: Endpoint;
  outcome: Outcome;
  code: FailureCode | null;
  firstByteAt: number;
  connectedAt: number;
  endedAt: number;
}

/**
 * One opaque connection under a plan: admitted, picked, gated and observed like an HTTP exchange, then two sockets are
 * spliced. Before the splice nothing has been sent, so a failed connect is always followed by the next endpoint; after
 * it nothing is.
 *
 *     route -> door -> place -> admit -> pick -> gate -> dial -> splice -> close
 *                                         ^               |
 *                                         +--- retry? <---+
 */
export class TunnelExchange
  implements TunnelClientHandler, TunnelHandler, TunnelRecord, Parked, TimerOwner, TrialOwner
{
  readonly peer: Peer;
  readonly startedAt: number;
  readonly attempts: Dial[] = [];
  readonly parkTimer = new Timer(this);
  private readonly endTimer = new Timer(this);
  private isSpliced = false;
  private readonly linePlace = new LinePlace(this);
  endedAt = 0;
  bytesUp = 0;
  bytesDown = 0;
  code: FailureCode | null = null;
  private readonly failed: Endpoint[] = [];
  private readonly placed = new Placed(this.failed);
  private readonly stay = new Stay(this, this.placed);
  private admission: Ticket = REFUSED;
  private current: Dial | null = null;
  private ticket: Ticket = REFUSED;
  private tunnel: Tunnel | null = null;
  private isParked = false;
  private isHeld = false;
  private isInLine = false;
  private readonly held = new HeldTime();
  private readonly visit = new Visit();
  private hasEntered = false;
  private readonly mishap = new Mishap();
  private isDelayed = false;
  private isOpen = true;
  private readonly trial: Trial;

  constructor(
    private readonly context: ExchangeContext,
    private readonly plan: Plan,
    private readonly client: TunnelClient,
  ) {
    const now = context.clock.now();
    this.peer = client.peer;
    this.trial = new Trial(context.clock, this);
    this.startedAt = now;
  }

  start(): void {
    const { plan, startedAt: now } = this;
    plan.observer.onTunnelOpen(now);
    if (!plan.faults.choose(null, this.peer, this.context.random, this.mishap, now)) return this.enter(now);
    if (this.mishap.delay === null) return this.afterDelay(now);
    this.isDelayed = true;
    this.context.clock.arm(this.parkTimer, now + this.mishap.delayMs);
  }

  private afterDelay(now: number): void {
    this.isDelayed = false;
    if (this.mishap.end === null) this.enter(now);
    else this.refuse('fault_injected', now);
  }

  private enter(now: number): void {
    const { plan } = this;
    plan.criticality.read(null, this.visit);
    const turnedAway = plan.door.enter(null, this.peer, this.visit, now);
    if (turnedAway !== null) return this.refuse(turnedAway, now);
    this.hasEntered = true;
    const { maxDurationMs } = plan.timeouts;
    if (maxDurationMs > 0) this.context.clock.arm(this.endTimer, now + maxDurationMs);
    this.placed.now = now;
    const misplaced = plan.placement.place(null, this.peer, this.placed);
    if (misplaced !== null) return this.refuse(misplaced, now);
    if (this.placed.lacksKey) plan.observer.onKeyMissing();
    this.tryNext(now);
  }

  get labels(): PlanLabels {
    return this.plan.labels;
  }

  get fault(): string | null {
    return this.mishap.words;
  }

  get heldMs(): number {
    return this.held.ms;
  }

  get attemptCount(): number {
    return this.attempts.length;
  }

  // --- From the client ---

  onClientGone(code: FailureCode): void {
    if (!this.isOpen) return;
    const now = this.context.clock.now();
    this.tunnel?.abort();
    this.endDial(code, now);
    this.close(code, now);
  }

  // --- From the endpoint ---

  onConnected(): void {
    const now = this.context.clock.now();
    const dial = this.current!;
    dial.connectedAt = now;
    dial.firstByteAt = now;
    if (!this.stay.allows(dial.endpoint)) {
      this.tunnel!.abort();
      this.endDial('no_primary', now);
      return this.tryNext(now);
    }
    this.trial.begin(now);
    this.stay.leave();
    this.isSpliced = true;
    this.client.splice(this.tunnel!, this.plan.timeouts.tunnelIdleMs);
  }

  onFailure(code: FailureCode): void {
    const now = this.context.clock.now();
    const { plan, current } = this;
    this.endDial(code, now);
    if (this.attemptCount >= plan.retry.maxAttempts) return this.holdOrRefuse(code, now);
    // Once it is free, as it is for requests: nobody has been sent anything.
    if (this.attemptCount > 1 && !plan.budget.tryWithdraw(now)) {
      plan.observer.onRetryRefused('budget');
      return this.holdOrRefuse(code, now);
    }
    plan.observer.onRetry(current!);
    this.failed.push(current!.endpoint);
    this.isParked = plan.parking.sleep(this, now + plan.backoff.delayMs(this.attemptCount));
    if (this.isParked) return;
    plan.observer.onRetryRefused('parking');
    this.holdOrRefuse(code, now);
  }

  onFirstByteDown(): void {
    this.settle(null, this.context.clock.now());
  }

  onTrialPassed(now: number): void {
    this.settle(null, now);
  }

  onClose(bytesUp: number, bytesDown: number, _firstByteDownAt: number, code: FailureCode | null): void {
    const now = this.context.clock.now();
    this.bytesUp = bytesUp;
    this.bytesDown = bytesDown;
    // However else it ended, it was accepted.
    this.settle(code !== null && FAILURES[code].blame === 'upstream' ? code : null, now);
    this.endDial(code, now);
    this.close(code, now);
  }

  // --- The next dial ---

  private tryNext(now: number): void {
    const { plan, placed } = this;
    this.held.end(now);
    const { criticality } = this.visit;
    if (this.admission === REFUSED && !plan.line.isBefore(criticality, now))
      this.admission = plan.admission.admit(now, criticality);
    if (this.admission === REFUSED) return this.withoutRoom(plan.admission.refusal, now);
    placed.now = now;
    const endpoint = plan.cluster.pick(placed);
    if (endpoint === null) return this.withoutEndpoint(now);
    if (!this.stay.allows(endpoint)) return this.holdOrRefuse('no_primary', now);
    const ticket = endpoint.gate.admit(now);
    if (ticket === REFUSED) return this.holdOrRefuse(endpoint.gate.refusal, now);
    const tunnel = endpoint.connector.dial(this);
    if (tunnel === NO_TUNNEL) {
      endpoint.gate.settle(ticket, NO_EVIDENCE, now);
      return this.withoutConnection(now);
    }
    if (this.attemptCount === 0) plan.budget.deposit(now);
    this.tunnel = tunnel;
    this.ticket = ticket;
    this.current = newDial(this.attemptCount + 1, endpoint, now);
    this.attempts.push(this.current);
    endpoint.active += 1;
  }

  /** What waits for a primary has a place to wait in, and needs no other. */
  private withoutRoom(refusal: FailureCode, now: number): void {
    if (this.placed.hold !== null) return this.holdOrRefuse(refusal, now);
    this.isInLine = this.plan.line.enter(this.linePlace, this.visit.criticality, 0, now);
    if (!this.isInLine) this.refuse(refusal, now);
  }

  /** Whoever waits is not in flight, and makes no room for who waits for the same. */
  private withoutConnection(now: number): void {
    this.plan.admission.settle(this.admission, NO_EVIDENCE, now);
    this.admission = REFUSED;
    this.withoutRoom('connections_exhausted', now);
  }

  private withoutEndpoint(now: number): void {
    const { refusal } = this.placed;
    if (refusal !== 'discovery_pending') return this.holdOrRefuse(refusal, now);
    this.isParked = this.plan.parking.wait(this, now);
    if (!this.isParked) this.refuse('park_full', now);
  }

  /** Nothing has been sent before the splice, so that what leads to a primary may wait for one at any time. */
  private holdOrRefuse(code: FailureCode, now: number): void {
    const { hold } = this.placed;
    if (hold === null) return this.refuse(code, now);
    this.plan.admission.settle(this.admission, NO_EVIDENCE, now);
    this.admission = REFUSED;
    this.plan.line.roomMade();
    this.failed.length = 0;
    const refusal = this.stay.wait(hold, 0, now);
    if (refusal !== null) return this.refuse(refusal, now);
    this.isHeld = true;
    this.held.begin(now);
  }

  onWake(now: number): void {
    this.isParked = false;
    this.isHeld = false;
    this.isInLine = false;
    this.unpark(() => this.tryNext(now));
  }

  onTimer(timer: Timer, now: number): void {
    if (timer === this.endTimer) return this.unpark(() => this.endNow(now));
    if (this.isDelayed) return this.unpark(() => this.afterDelay(now));
    this.plan.parking.leave(this);
    this.isParked = false;
    if (this.isInLine) return this.unpark(() => this.refuse(this.plan.line.end(this.linePlace, now), now));
    if (this.isHeld) return this.unpark(() => this.refuse(this.stay.end(now), now));
    this.unpark(() => (this.current === null ? this.refuse('discovery_pending', now) : this.tryNext(now)));
  }

  private endNow(now: number): void {
    if (this.isSpliced) return this.tunnel!.cut('max_duration');
    this.tunnel?.abort();
    this.endDial('max_duration', now);
    this.refuse('max_duration', now);
  }

  /** No connection is above the park to catch what is thrown. */
  private unpark(go: () => void): void {
    try {
      go();
    } catch (error) {
      this.context.observer.onBug(error);
      if (!this.isOpen) return;
      const now = this.context.clock.now();
      this.endDial('internal_error', now);
      this.refuse('internal_error', now);
    }
  }

  // --- The books ---

  private settle(code: FailureCode | null, now: number): void {
    const { current: dial, ticket } = this;
    if (dial === null || ticket === REFUSED) return;
    this.trial.end();
    this.ticket = REFUSED;
    dial.code = code;
    dial.outcome = outcomeOf(code, 0, 0, now - this.startedAt);
    dial.endpoint.gate.settle(ticket, dial, now);
    dial.endpoint.learn(dial, now);
  }

  private endDial(code: FailureCode | null, now: number): void {
    const { current: dial } = this;
    if (dial === null || dial.endedAt !== 0) return;
    this.settle(code, now);
    dial.code = code;
    dial.endedAt = now;
    dial.endpoint.active -= 1;
  }

  private refuse(code: FailureCode, now: number): void {
    this.client.refuse();
    this.close(code, now);
  }

  private close(code: FailureCode | null, now: number): void {
    this.isOpen = false;
    this.code = code;
    this.endedAt = now;
    this.held.end(now);
    this.context.clock.disarm(this.endTimer);
    if (this.isDelayed) this.context.clock.disarm(this.parkTimer);
    this.plan.faults.leave(this.mishap);
    if (this.isParked) this.plan.parking.leave(this);
    if (this.isInLine) this.plan.line.leave(this.linePlace);
    this.stay.leave();
    const evidence = this.current ?? NO_EVIDENCE;
    if (this.admission !== REFUSED) {
      this.plan.admission.settle(this.admission, evidence, now);
      this.plan.line.roomMade();
    }
    if (this.hasEntered) this.plan.door.leave(this.visit, evidence, now);
    this.plan.observer.onTunnelClose(this);
  }
}

function newDial(ordinal: number, endpoint: Endpoint, now: number): Dial {
  return {
    ordinal,
    endpoint,
    outcome: 'ignored',
    code: null,
    status: 0,
    grpcStatus: -1,
    startedAt: now,
    connectedAt: 0,
    sentAt: 0,
    firstByteAt: 0,
    endedAt: 0,
    pushbackMs: -1,
    isReused: false,
    version: '',
    spanId: '',
  };
}
