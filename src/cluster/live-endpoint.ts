import type { Moment } from '../base/clock.ts';
import { Ewma } from '../base/ewma.ts';
import type { Random } from '../base/random.ts';
import type { Connector } from '../http/conduit.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import { Breaker, type BreakerListener, type BreakerState } from '../policy/breaker.ts';
import type { Evidence } from '../policy/evidence.ts';
import type { BreakerOptions } from '../policy/options.ts';
import type { Check } from './checks/check.ts';
import { UNWATCHED, type Watcher } from './ejection/watcher.ts';
import type { Endpoint } from './endpoint.ts';
import { Freshness } from './freshness.ts';
import { InFlight, type Tally } from './in-flight.ts';
import type { BalancerOptions } from './options.ts';
import { DEFAULT_REPORTED_WEIGHTS, ReportedWeight } from './reported-weight.ts';
import { WarmUp } from './slow-start.ts';
import type { EndpointSpec } from './snapshot.ts';

/** Finagle's and Linkerd's time constant and first guess. */
const TAU_MS = 10_000;
const FIRST_GUESS_MS = 30;
/**
 * Below this an estimate says nothing any more; without a floor an idle endpoint's load would be 0 however busy it got.
 */
const LEAST_MS = 1;
/** What an attempt without an answer costs its caller, as a latency. */
const PENALTY_MS = 5_000;
/**
 * Failures are forgotten faster than latency: 5 s fade to 5 ms in 7 s, which is when a failing endpoint that nobody
 * sends anything to is tried again. With the time constant of latency it would be after 69 s, however soon it
 * recovered.
 */
const PENALTY_TAU_MS = 1_000;

export interface EndpointListener {
  onBreakerChange(endpoint: Endpoint, from: BreakerState, to: BreakerState, now: number): void;
}

/**
 * What this sidecar knows of one endpoint, kept as long as discovery names the same identity.
 *
 * What is learned is the time an attempt is expected to cost. It is a peak EWMA of the time to the answer's head (up at
 * once, down slowly), plus a mean of the penalty for attempts that had no good answer: a host that fails in a
 * millisecond is otherwise the fastest of all and draws the cluster's traffic. The penalty is a mean and no peak, so
 * that one request that fails wherever it goes does not cost every endpoint its traffic.
 */
export class LiveEndpoint implements Endpoint, BreakerListener {
  readonly id: string;
  readonly gate: Breaker;
  readonly freshness = new Freshness();
  isRemoved = false;
  /** Judged against its peers, it is left out for a while. */
  isEjected = false;
  /** Who judges it. */
  watcher: Watcher = UNWATCHED;
  /** This sidecar's own checks say that it is down. */
  isProbedDown = false;
  /** Its checks; null where there are none. */
  check: Check | null = null;
  readonly inFlight = new InFlight();
  reported: ReportedWeight | null = null;
  private readonly warmUp = new WarmUp();
  private readonly latency: Ewma;
  /** No answer has been measured yet. The first one replaces the guess, or it would take many to talk it down. */
  private isGuess = true;
  private readonly penalty: Ewma;

  constructor(
    public spec: EndpointSpec,
    readonly connector: Connector,
    options: BreakerOptions,
    random: Random,
    private readonly listener: EndpointListener,
    now: number,
  ) {
    this.id = spec.id;
    this.gate = new Breaker(options, random, this);
    this.latency = new Ewma(TAU_MS, FIRST_GUESS_MS, now);
    this.penalty = new Ewma(PENALTY_TAU_MS, 0, now);
  }

  get active(): number {
    return this.inFlight.count;
  }

  set active(count: number) {
    this.inFlight.count = count;
  }

  join(tally: Tally): void {
    this.inFlight.join(tally);
  }

  get isHealthy(): boolean {
    return (this.spec.health === 'passing' || this.spec.health === 'warning') && !this.isEjected && !this.isProbedDown;
  }

  warmthAt(moment: Moment): number {
    return this.warmUp.at(moment);
  }

  /** What the balancer wants to know of it, and how it takes part. What it has learned stays. */
  serve({ name, slowStart, reportedWeights = DEFAULT_REPORTED_WEIGHTS }: BalancerOptions): void {
    this.warmUp.reconfigure(slowStart ?? null);
    if (name !== 'client_side_wrr') this.reported = null;
    else if (this.reported === null) this.reported = new ReportedWeight(reportedWeights);
    else this.reported.reconfigure(reportedWeights);
  }

  /** It came, or came back. */
  begin(now: number): void {
    this.warmUp.begin(now);
    this.reported?.restart();
    this.freshness.forget();
  }

  /**
   * Who has to show what it can costs nothing, so that it gets one request now: a circuit that waits for a probe, where
   * its bad name would keep it waiting, and an endpoint that is new, which among peers that answer in a millisecond
   * would have to wait half a minute for the guess to fade.
   */
  writeCost(moment: Moment, into: Float64Array, slot: number): void {
    this.penalty.write(moment, into, slot);
    const penaltyMs = into[slot]!;
    this.latency.write(moment, into, slot);
    const expectedMs = Math.max(into[slot]!, LEAST_MS) + penaltyMs;
    const isNew = this.isGuess && this.active === 0 && penaltyMs < LEAST_MS;
    into[slot] = expectedMs;
    if (isNew || (this.gate.state !== 'closed' && this.gate.canAdmit(moment.now))) into[slot] = 0;
  }

  /** False while what is expected of it is a guess. */
  get hasAnswered(): boolean {
    return !this.isGuess;
  }

  /** What one attempt is expected to cost, in ms. For operators too. */
  expectedMs(now: number): number {
    return Math.max(this.latency.at(now), LEAST_MS) + this.penalty.at(now);
  }

  learn(evidence: Evidence, now: number): void {
    const { outcome, code, startedAt, sentAt, firstByteAt } = evidence;
    if (startedAt === 0) return;
    this.watcher.onSettled(evidence, now);
    // A client may take its time to send its body; the endpoint's time begins with the end of it. Nothing counts for
    // more than a failure.
    const waitedMs = Math.min((firstByteAt === 0 ? now : firstByteAt) - Math.max(startedAt, sentAt), PENALTY_MS);
    // Who gives requests back is idle, and quick: without a word against it, the balancer would send it all of them.
    if (outcome === 'ignored' && code !== 'refused_unseen') this.learnPatience(waitedMs, now);
    // It breaks no circuit, but the endpoint has said that it has too much to do.
    else if (outcome === 'failure' || isTooMuch(evidence)) this.penalty.observe(PENALTY_MS, now);
    else this.learnLatency(waitedMs, now);
  }

  onBreakerChange(from: BreakerState, to: BreakerState, now: number): void {
    // It is a new endpoint for all we know, and waits for nobody to forget the old one.
    if (to === 'closed') {
      this.latency.set(FIRST_GUESS_MS, now);
      this.isGuess = true;
      this.penalty.set(0, now);
      this.begin(now);
    }
    this.watcher.onBreakerChange(from, to, now);
    this.listener.onBreakerChange(this, from, to, now);
  }

  /**
   * It proves nothing, but the answer would have taken at least this long: all that shows of an endpoint that stopped.
   */
  private learnPatience(waitedMs: number, now: number): void {
    if (waitedMs > this.latency.at(now)) this.penalty.observe(waitedMs, now);
  }

  private learnLatency(latencyMs: number, now: number): void {
    this.penalty.observe(0, now);
    if (this.isGuess || latencyMs > this.latency.at(now)) this.latency.set(latencyMs, now);
    else this.latency.observe(latencyMs, now);
    this.isGuess = false;
  }
}

function isTooMuch({ code, status, grpcStatus }: Evidence): boolean {
  return code === 'refused_unseen' || status === 429 || grpcStatus === GRPC_STATUSES.resource_exhausted;
}
