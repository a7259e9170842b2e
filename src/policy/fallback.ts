import { FAILURE_CODES, FAILURES, type FailureCode } from '../base/failure.ts';

/**
 * What a client is given in place of a failure, best first: the answer of another cluster, which is as fresh as any;
 * the last good one of this cluster, which was true once; an answer that was written for the purpose.
 */
export type FallbackKind = 'cluster' | 'stale' | 'static';

export const FALLBACK_KINDS: readonly FallbackKind[] = ['cluster', 'stale', 'static'];

export interface FallbackOptions {
  /** Failures that it stands in for. */
  readonly codes: readonly FailureCode[];
  /** Answers of endpoints that it stands in for, once nothing is tried again. */
  readonly statuses: readonly number[];
  /** Name of another upstream; null: none. */
  readonly upstream: string | null;
  readonly stale: StaleOptions | null;
  readonly answer: StaticAnswerOptions | null;
}

export interface StaticAnswerOptions {
  readonly status: number;
  readonly contentType: string;
  /** Names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
  /** For gRPC calls, whose messages cannot be written here; -1: the failure as it is. */
  readonly grpcStatus: number;
  /** Also for methods that ask for more than an answer: its text must not claim that anything was done. */
  readonly anyMethod: boolean;
}

export interface StaleOptions {
  /** Since the answer was fresh from its endpoint. */
  readonly maxAgeMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxBodyBytes: number;
  /** Also keep answers to requests with Authorization or Cookie, each for its own credentials alone. */
  readonly credentials: boolean;
}

/** What our own limits, breakers and waits end with: another place, or another time, could have answered. */
const OURS: readonly FailureCode[] = [
  'overloaded',
  'pending_timeout',
  'concurrency_limited',
  'connections_exhausted',
  'throttled',
  'local_exhausted',
  'park_full',
  'no_endpoint',
  'discovery_pending',
  'no_primary',
  'circuit_open',
  'deadline_exceeded',
  'max_duration',
  'refused_unseen',
  'fault_injected',
];

/** And every way in which endpoints fail before their answer begins. A client's own fault is never covered up. */
export const DEFAULT_FALLBACK_CODES: readonly FailureCode[] = FAILURE_CODES.filter(
  (code) => OURS.includes(code) || (FAILURES[code].blame === 'upstream' && FAILURES[code].retry !== 'never'),
);

export const DEFAULT_FALLBACK_STATUSES: readonly number[] = [502, 503, 504];

export const DEFAULT_STALE: StaleOptions = {
  maxAgeMs: 3_600_000,
  maxEntries: 1_000,
  maxBytes: 16 * 2 ** 20,
  maxBodyBytes: 256 * 1024,
  credentials: false,
};
