import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { RetryWord } from './retry-words.ts';

/** How one cluster's attempts are judged, limited and repeated. Times in ms, ratios in 0 .. 1. */

/** Trips on either rule; see `breaker.ts`. */
export interface BreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly consecutiveFailures: number;
  /** Share of failures within the window that opens it, once `minimumRequests` have been seen. */
  readonly failureRatio: number;
  readonly minimumRequests: number;
  readonly windowMs: number;
  /** How long it stays open the first time; doubles with each trip up to the maximum, with jitter. */
  readonly coolDownMs: number;
  readonly maxCoolDownMs: number;
}

/** Five in a row is Envoy's and Linkerd's number; the ratio catches an endpoint that fails every other time. */
export const DEFAULT_BREAKER: BreakerOptions = {
  consecutiveFailures: 5,
  failureRatio: 0.5,
  minimumRequests: 20,
  windowMs: 10_000,
  coolDownMs: 1_000,
  maxCoolDownMs: 30_000,
};

export interface LimitOptions {
  /** Exchanges and tunnels in flight for the whole cluster. */
  readonly maxRequests: number;
  /** Exchanges that may wait at once (backoff, first discovery). */
  readonly maxParked: number;
  /** How long one may wait for discovery's first answer. */
  readonly parkTimeoutMs: number;
  /** Exchanges and tunnels that may wait at once for a place among `maxRequests`, or for a connection; 0: none. */
  readonly maxPending: number;
  /** How long each of them may. */
  readonly pendingTimeoutMs: number;
  /** Connections to all endpoints together, idle ones and tunnels included. */
  readonly maxConnections: number;
}

/**
 * 1024 in flight is Envoy's number and more than one Node process serves slowly; so are 1024 connections. Nobody waits
 * for a place by default: with a thousand before it, a request that waits comes later than most callers would wait, and
 * a refusal at once lets them go elsewhere. Where the limit is what the endpoints can do, a line is worth having, and a
 * second is as long as Linkerd lets anybody wait inbound.
 */
export const DEFAULT_LIMITS: LimitOptions = {
  maxRequests: 1024,
  maxParked: 1024,
  parkTimeoutMs: 3_000,
  maxPending: 0,
  pendingTimeoutMs: 1_000,
  maxConnections: 1024,
};

export interface BudgetOptions {
  /** Retries as a share of first attempts within the window. */
  readonly ratio: number;
  /** Retries per second that are always allowed, so that a quiet cluster can retry at all. */
  readonly minPerSecond: number;
  readonly windowMs: number;
}

/** Finagle's and Linkerd's numbers. */
export const DEFAULT_BUDGET: BudgetOptions = { ratio: 0.2, minPerSecond: 10, windowMs: 10_000 };

/** A field of an answer. Both null: it is there, whatever it says. */
export interface HeaderMatch {
  /** In lower case. */
  readonly name: string;
  readonly exact: string | null;
  readonly prefix: string | null;
}

export interface RetryOptions {
  /** Attempts of one exchange, the first included; 1 is no retry. */
  readonly maxAttempts: number;
  /** What is worth another attempt; see `retry-rules.ts`. The three lists below count with their words alone. */
  readonly on: readonly RetryWord[];
  /** Statuses that count as a failed attempt worth another, for idempotent methods. */
  readonly statuses: readonly number[];
  /** The same of gRPC, for calls that may be made twice. Tried again as long as no message has come. */
  readonly grpcStatuses: readonly number[];
  /** Fields of answers, whatever their status. */
  readonly headers: readonly HeaderMatch[];
  /** gRPC calls may be made twice. They are all POST, so that only the operator can know. */
  readonly grpcIdempotent: boolean;
  /** Requests that carry an `Idempotency-Key` may be made twice, whatever their method. */
  readonly idempotencyKey: boolean;
  /** Requests of one cluster that may be retries at the same time. */
  readonly maxConcurrent: number;
  /** Who asks to be left alone for longer (`Retry-After`, `grpc-retry-pushback-ms`) is not asked again. */
  readonly maxRetryAfterMs: number;
  /** Full jitter: a random wait between 0 and the smaller of `maxBackoffMs` and `backoffMs` x (2^n - 1). */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** A request body up to this many bytes is kept so that it can be sent again. */
  readonly replayBytes: number;
  readonly budget: BudgetOptions;
}

/**
 * Two more attempts, Envoy's backoff, Linkerd's replay buffer. Nobody can tell from UNAVAILABLE whether the application
 * has seen the call, so calls count as POST does until somebody says that they may be made twice. A quarter of the
 * requests that a cluster may have in flight may be retries: more of them would be what keeps it down. Five seconds are
 * as long as anybody waits for an answer that another attempt may not bring.
 */
export const DEFAULT_RETRY: RetryOptions = {
  maxAttempts: 3,
  on: [
    'connect-failure',
    'refused-stream',
    'reset-before-request',
    'reset',
    'retriable-status-codes',
    'retriable-headers',
    'retriable-grpc-statuses',
  ],
  statuses: [502, 503, 504],
  grpcStatuses: [GRPC_STATUSES.unavailable],
  headers: [],
  grpcIdempotent: false,
  idempotencyKey: false,
  maxConcurrent: 256,
  maxRetryAfterMs: 5_000,
  backoffMs: 25,
  maxBackoffMs: 250,
  replayBytes: 65_536,
  budget: DEFAULT_BUDGET,
};

/** 0 switches a timeout off. */
export interface TimeoutOptions {
  readonly connectMs: number;
  /** To the head of the answer, from the attempt's start or, while the request is still being sent, from the last progress. */
  readonly attemptMs: number;
  /** Silence within an attempt, before the head of its answer. */
  readonly attemptIdleMs: number;
  /**
   * From the end of the request to the end of its answer, all attempts and waits included. Does not bound upgraded
   * connections. Of a gRPC call it bounds the time to the head of the answer, since a call may be a stream; a
   * `grpc-timeout` bounds the whole of it.
   */
  readonly requestMs: number;
  /** Silence in the middle of a request or an answer. */
  readonly streamIdleMs: number;
  /** Silence of a tunnel or an upgraded connection. */
  readonly tunnelIdleMs: number;
  /** All of a request, a stream, an upgraded connection or a tunnel, whatever it does. */
  readonly maxDurationMs: number;
}

/**
 * Envoy's numbers, but for attempts: Envoy lets one attempt take the whole request's time, which leaves nothing for a
 * retry when an endpoint is frozen. An attempt that no other can follow is not bound by `attemptMs`. Off are those that
 * only who knows the service can set: how long it may be silent and be well, and how long a stream may last.
 */
export const DEFAULT_TIMEOUTS: TimeoutOptions = {
  connectMs: 5_000,
  attemptMs: 10_000,
  attemptIdleMs: 0,
  requestMs: 15_000,
  streamIdleMs: 300_000,
  tunnelIdleMs: 3_600_000,
  maxDurationMs: 0,
};
