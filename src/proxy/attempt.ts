import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { ResponseHandler, Upstream } from '../http/conduit.ts';
import type { Fields } from '../http/fields.ts';
import { grpcStatusOf, NO_GRPC_STATUS } from '../http/grpc.ts';
import type { ResponseHead } from '../http/head.ts';
import { outcomeOf } from '../policy/classify.ts';
import type { Outcome } from '../policy/evidence.ts';
import { REFUSED, type Ticket } from '../policy/gate.ts';
import { parsePushback, parseRetryAfter } from '../policy/retry-after.ts';
import type { AttemptRecord } from './observer.ts';
import type { Plan } from './plan.ts';
import { RETRY_FIELD, refusalOf } from './refusal.ts';

/** The exchange as an attempt sees it. Every call names the attempt, because an exchange may have more than one. */
export interface AttemptOwner {
  /** When the exchange began, monotonic ms. */
  readonly startedAt: number;
  readonly isGrpc: boolean;
  /** Its caller gave it less time than the plan does. */
  readonly isHurried: boolean;
  onAttemptConnected(attempt: Attempt): void;
  onAttemptInterim(attempt: Attempt, head: ResponseHead): void;
  onAttemptHead(attempt: Attempt, head: ResponseHead): void;
  onAttemptBody(attempt: Attempt, bytes: Buffer): boolean;
  onAttemptEnd(attempt: Attempt, trailers: Fields | null): void;
  onAttemptFailure(attempt: Attempt, code: FailureCode): void;
  onAttemptDrain(attempt: Attempt): void;
}

/**
 * An answer that nobody wants is read to its end if it is this small and this quick, so that its connection can be used
 * again.
 */
const MAX_DISCARDED_BYTES = 16_384;
const MAX_DISCARD_MS = 1_000;

/** A close that was on its way when a request was sent has come after this. */
const STALE_MS = 1_000;

/**
 * A caller in a hurry proves nothing by giving up sooner than this: whoever can set a deadline could open circuits
 * otherwise, and shut out all other callers.
 */
const HURRY_MS = 1_000;

/** Who answers so has not looked further (RFC 9110, 15.5.20): a primary that is one no more says it of writes. */
export const MISDIRECTED = 421;

const NO_UPSTREAM: Upstream = {
  isReady: false,
  version: '',
  isReused: false,
  bytesWritten: 0,
  sendHead: () => undefined,
  sendBody: () => true,
  sendEnd: () => undefined,
  resume: () => undefined,
  abort: () => undefined,
};

/**
 * One try at one endpoint: the endpoint's books and the answer's way back.
 *
 *     begin --> (connected) --> head --> end          settle: what it showed, told once to breaker and latency
 *        \________ failure / abort / discard _/       release: it no longer counts as in flight, once
 *
 * An attempt that was given up while its answer came in (`discard`) stays with its connection, so the exchange leaves
 * it behind and makes another object.
 */
export class Attempt implements ResponseHandler, AttemptRecord, TimerOwner {
  ordinal = 0;
  endpoint!: Endpoint;
  upstream: Upstream = NO_UPSTREAM;
  outcome: Outcome = 'ignored';
  code: FailureCode | null = null;
  status = 0;
  grpcStatus = NO_GRPC_STATUS;
  startedAt = 0;
  connectedAt = 0;
  firstByteAt = 0;
  endedAt = 0;
  pushbackMs = -1;
  /** The endpoint will not have the request again before; `Infinity`: never. 0 when it does not say. */
  retryInMs = 0;
  /** What the request is to whoever gets it: 1 for what nobody can have seen before, else a retry. */
  mark = 1;
  /** Why the sidecar before the endpoint refused it unseen, or null. */
  refusal: FailureCode | null = null;
  /** The answer says that nobody should try again. */
  asksNotTo = false;
  isRateLimited = false;
  /** The answer has a field that is worth another attempt. */
  isHeaderListed = false;
  isReused = false;
  version = '';
  spanId = '';
  /** The whole head has been given to the connection. */
  isSent = false;
  /** When the last of the request was given to the connection; 0 before. */
  sentAt = 0;
  isDiscarded = false;
  /** What the connection had been given of the request at the end; the connection serves others then. */
  private bytesSent = 0;
  private ticket: Ticket = REFUSED;
  private isOpen = false;
  /** Made when first needed: most attempts are wanted. */
  private discardTimer: Timer | null = null;

  constructor(
    private readonly owner: AttemptOwner,
    private readonly clock: Clock,
  ) {}

  begin(ordinal: number, endpoint: Endpoint, ticket: Ticket, spanId: string, now: number): void {
    this.ordinal = ordinal;
    this.endpoint = endpoint;
    this.upstream = NO_UPSTREAM;
    this.outcome = 'ignored';
    this.code = null;
    this.status = 0;
    this.grpcStatus = NO_GRPC_STATUS;
    this.startedAt = now;
    this.connectedAt = 0;
    this.firstByteAt = 0;
    this.endedAt = 0;
    this.pushbackMs = -1;
    this.retryInMs = 0;
    this.refusal = null;
    this.asksNotTo = false;
    this.isRateLimited = false;
    this.isHeaderListed = false;
    this.isReused = false;
    this.version = '';
    this.spanId = spanId;
    this.isSent = false;
    this.sentAt = 0;
    this.ticket = ticket;
    this.isOpen = true;
    endpoint.active += 1;
  }

  connect(fresh: boolean, version: string, now: number): void {
    this.upstream = this.endpoint.connector.acquire(this, fresh, version, now);
    this.isReused = this.upstream.isReused;
    this.version = this.upstream.version;
    if (this.upstream.isReady) this.connectedAt = now;
  }

  /** The head of the answer is here. */
  answered(head: ResponseHead, { retrying, trustsPeer }: Plan, now: number): void {
    this.status = head.status;
    this.firstByteAt = now;
    if (this.owner.isGrpc) this.concluded(head);
    if (retrying.rules.readsHeaders) this.isHeaderListed = retrying.rules.hasListed(head);
    if (head.status >= 400 || this.grpcStatus > 0) this.readFailure(head, trustsPeer);
    if (this.endpoint.reported !== null) this.endpoint.reported.read(head, now);
    this.endpoint.freshness.read(head, now);
    if (this.endpoint.check !== null) this.endpoint.check.read(head, now);
    if (head.status !== 429 && head.status !== 503) return;
    const retryAfter = head.get('retry-after');
    if (retryAfter === null) return;
    this.pushbackMs = parseRetryAfter(retryAfter, this.clock.wallMs());
    // Who refused it unseen is not who is asked next.
    if (this.refusal === null) this.retryInMs = Math.max(0, this.pushbackMs);
  }

  private readFailure(head: ResponseHead, trustsPeer: boolean): void {
    this.asksNotTo = head.get(RETRY_FIELD) === 'no';
    this.isRateLimited = head.count('x-envoy-ratelimited') > 0;
    // Of the application behind inbound, nobody is before.
    if (trustsPeer) this.refusal = refusalOf(head, this.spanId);
    if (this.refusal !== null) this.retryInMs = 0;
  }

  /** Tells breaker and latency what this attempt showed. Only the first call counts. */
  settle(code: FailureCode | null, now: number): void {
    if (this.ticket === REFUSED) return;
    this.code = code ?? (this.refusal === null ? null : 'refused_unseen');
    const waitedMs = this.sentAt > 0 && this.firstByteAt === 0 ? now - this.sentAt : 0;
    const silentMs = this.owner.isHurried && waitedMs < HURRY_MS ? 0 : waitedMs;
    // Its limits are no evidence against it. That its application is gone is.
    this.outcome = outcomeOf(code ?? this.refusal, this.status, silentMs, now - this.owner.startedAt, this.grpcStatus);
    const ticket = this.ticket;
    this.ticket = REFUSED;
    this.endpoint.gate.settle(ticket, this, now);
    this.endpoint.learn(this, now);
  }

  /**
   * A pooled connection that closes as it is used was dying before. One that takes the request, and is lost a good
   * while later, was lost over the request; but not one that says late what it has not looked at (GOAWAY).
   */
  lossOf(code: FailureCode, now: number): FailureCode {
    if (code !== 'connection_stale' || this.upstream.bytesWritten === 0) return code;
    return this.sentAt > 0 && now - this.sentAt > STALE_MS ? 'upstream_reset' : code;
  }

  /** The head of its answer has come without the status of the call. */
  get awaitsStatus(): boolean {
    return this.status === 200 && this.grpcStatus === NO_GRPC_STATUS;
  }

  /** Could an application have looked at the request? Known when the attempt is over. */
  get mayBeSeen(): boolean {
    if (this.code === null) return this.status !== MISDIRECTED;
    return FAILURES[this.code].reached && this.bytesSent > 0;
  }

  /** Nobody was sent a byte of the request. Known when the attempt is over. */
  get wasUnsent(): boolean {
    return this.code !== null && this.bytesSent === 0;
  }

  /** Ends the attempt with what it showed; if that has been told already, only the books are closed. */
  end(code: FailureCode | null, now: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.endedAt = now;
    this.settle(code, now);
    if (code !== null) this.code = code;
    this.bytesSent = this.upstream.bytesWritten;
    this.endpoint.active -= 1;
  }

  /** Ends it and closes its connection. */
  abort(code: FailureCode, now: number): void {
    if (!this.isOpen) return;
    this.end(code, now);
    this.upstream.abort();
  }

  /** Ends it after its head; the rest of the answer is read away if it is small. */
  discard(head: ResponseHead, now: number): void {
    this.end(null, now);
    this.isDiscarded = true;
    if (head.body !== 'none' && (head.body !== 'length' || head.contentLength > MAX_DISCARDED_BYTES)) {
      this.upstream.abort();
      return;
    }
    this.discardTimer = new Timer(this);
    this.clock.arm(this.discardTimer, now + MAX_DISCARD_MS);
  }

  onTimer(): void {
    this.upstream.abort();
  }

  // --- From the connection. After raw bytes it may still report its loss, when nobody listens any more. ---

  onConnected(): void {
    this.owner.onAttemptConnected(this);
  }

  onInterim(head: ResponseHead): void {
    if (!this.isDiscarded) this.owner.onAttemptInterim(this, head);
  }

  onHead(head: ResponseHead): void {
    this.owner.onAttemptHead(this, head);
  }

  onBody(bytes: Buffer): boolean {
    return this.isDiscarded || this.owner.onAttemptBody(this, bytes);
  }

  onEnd(trailers: Fields | null): void {
    if (this.isDiscarded) return this.discarded();
    if (trailers !== null) this.readTrailers(trailers);
    this.owner.onAttemptEnd(this, trailers);
  }

  onFailure(code: FailureCode): void {
    if (this.isDiscarded) this.discarded();
    else if (this.isOpen) this.owner.onAttemptFailure(this, code);
  }

  onUpstreamDrain(): void {
    if (this.isOpen) this.owner.onAttemptDrain(this);
  }

  private readTrailers(trailers: Fields): void {
    const { reported, freshness } = this.endpoint;
    const now = this.clock.now();
    if (reported !== null) reported.read(trailers, now);
    freshness.read(trailers, now);
    if (this.owner.isGrpc) this.concluded(trailers);
  }

  /** A gRPC call says how it ended in its trailers, or in the head of an answer that is nothing else. */
  private concluded(fields: Fields): void {
    const status = grpcStatusOf(fields);
    if (status === NO_GRPC_STATUS) return;
    this.grpcStatus = status;
    if (status > 0 && fields.get(RETRY_FIELD) === 'no') this.asksNotTo = true;
    const pushback = status === 0 ? null : fields.get('grpc-retry-pushback-ms');
    if (pushback === null) return;
    this.retryInMs = parsePushback(pushback);
    if (Number.isFinite(this.retryInMs)) this.pushbackMs = this.retryInMs;
  }

  private discarded(): void {
    if (this.discardTimer !== null) this.clock.disarm(this.discardTimer);
  }
}
