import type { FailureCode } from '../base/failure.ts';
import type { EndpointSpec } from '../cluster/snapshot.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import type { Spoken } from '../net/sniffer.ts';
import type { Evidence } from '../policy/evidence.ts';
import type { FallbackKind } from '../policy/fallback.ts';
import type { PlanLabels } from './labels.ts';
import type { RouteAnswerKind } from './route-effects.ts';

/** One attempt as it went. Instants are monotonic ms, 0 for what never happened. */
export interface AttemptRecord extends Evidence {
  /** 1 for the first. */
  readonly ordinal: number;
  readonly endpoint: { readonly id: string; readonly spec: EndpointSpec };
  readonly connectedAt: number;
  readonly endedAt: number;
  readonly isReused: boolean;
  /** Of HTTP, towards the endpoint; empty of a tunnel. */
  readonly version: string;
  /** 16 hex digits; the parent of whatever the endpoint traces. */
  readonly spanId: string;
}

/** One exchange as it went, given when it closes. Lent for the call: copy what is kept. */
export interface ExchangeRecord {
  readonly labels: PlanLabels;
  readonly peer: Peer;
  readonly head: RequestHead;
  /** Monotonic ms; see `Clock` for wall time. */
  readonly startedAt: number;
  /** When the head of the answer was sent to the client, or 0. */
  readonly answeredAt: number;
  readonly endedAt: number;
  /** What the client was answered, or 0 when it was not. */
  readonly status: number;
  /** The answer came from an endpoint, whatever its status, when this is null. */
  readonly code: FailureCode | null;
  /** A gRPC call. Its HTTP status is 200, also when the answer is our own. */
  readonly isGrpc: boolean;
  /** How the call ended for its caller, or -1: no call, or an answer that did not say. */
  readonly grpcStatus: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** How long it waited for a primary, or for the new owner of its key. */
  readonly heldMs: number;
  readonly requestId: string;
  /** The route that led it, by name; null without one. */
  readonly route: string | null;
  /** What that route answered in place of any endpoint; null: nothing. */
  readonly routeAnswer: RouteAnswerKind | null;
  /** The upstream that it would have gone to but for a signed override; null without one. */
  readonly overrideOf: string | null;
  /** The shard that has its key, whether or not it was reached; null without one. */
  readonly shard: string | null;
  /** What was done to it on purpose: `delay`, `delay, abort`; null mostly. */
  readonly fault: string | null;
  /**
   * What its client was given in place of `code`, or of an answer. `cluster`: the request is on record once more, under
   * the upstream that it went to.
   */
  readonly fallback: FallbackKind | null;
  /** 32 hex digits. */
  readonly traceId: string;
  /** The span of this exchange, 16 hex digits. */
  readonly spanId: string;
  /** The caller's span, or empty. */
  readonly parentSpanId: string;
  readonly isSampled: boolean;
  /** `attempts[0 .. attemptCount-1]`, in order. */
  readonly attempts: readonly AttemptRecord[];
  readonly attemptCount: number;
  /** The attempt whose answer the client got, else the last; null without one. */
  readonly answeredBy: AttemptRecord | null;
}

/** One opaque connection as it went. */
export interface TunnelRecord {
  readonly fault: string | null;
  readonly labels: PlanLabels;
  readonly peer: Peer;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** How long it waited for a primary. */
  readonly heldMs: number;
  readonly code: FailureCode | null;
  readonly attempts: readonly AttemptRecord[];
  readonly attemptCount: number;
}

/**
 * `budget`, `parking`, `concurrent`, `body`: they, or the replay buffer, did not have it. `marked`: the request is a
 * retry itself. `asked_not_to`: the answer says so, or wants more time than there is. `time`: nor would there be any
 * without it.
 */
export const RETRY_REFUSALS = ['budget', 'parking', 'body', 'concurrent', 'marked', 'asked_not_to', 'time'] as const;
export type RetryRefusal = (typeof RETRY_REFUSALS)[number];

/** Watches the exchanges of one plan. Called on the hot path: it must be cheap and must not throw. */
export interface PlanObserver {
  onExchangeOpen(now: number): void;
  onExchangeClose(record: ExchangeRecord): void;
  onTunnelOpen(now: number): void;
  onTunnelClose(record: TunnelRecord): void;
  /** An attempt ended and another will follow. */
  onRetry(record: AttemptRecord): void;
  /** A retry was wanted and not made. */
  onRetryRefused(why: RetryRefusal): void;
  /** A request, or an opaque connection, has nothing of what is hashed. */
  onKeyMissing(): void;
}

/** Watches the data path. Everything telemetry knows of it comes through here. */
export interface ProxyObserver {
  /** Called when a plan is built: labels are bound here, once. */
  follow(labels: PlanLabels): PlanObserver;
  /** A request that never reached a plan: malformed, too large, too slow, no route, loop. */
  onReject(listener: string, code: FailureCode): void;
  /** An accepted connection opened (+1) or closed (-1) on a listener. */
  onConnection(listener: string, change: 1 | -1): void;
  /** An accepted connection turned out to be this. */
  onDetected(listener: string, spoken: Spoken): void;
  /** An internal bug ended one connection. */
  onBug(error: unknown): void;
}

export const IGNORED_PLAN: PlanObserver = {
  onExchangeOpen: () => undefined,
  onExchangeClose: () => undefined,
  onTunnelOpen: () => undefined,
  onTunnelClose: () => undefined,
  onRetry: () => undefined,
  onRetryRefused: () => undefined,
  onKeyMissing: () => undefined,
};
