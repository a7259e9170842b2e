import type { FailureCode } from '../base/failure.ts';

/** `ignored`: no evidence about the endpoint either way. */
export type Outcome = 'success' | 'failure' | 'ignored';

/** What an attempt showed about its endpoint. Lent: the attempt fills one object and uses it again. */
export interface Evidence {
  readonly outcome: Outcome;
  readonly code: FailureCode | null;
  /** The status of the answer, or 0 without one. */
  readonly status: number;
  /** The gRPC status of the answer, or -1 without one. */
  readonly grpcStatus: number;
  /** Monotonic ms. */
  readonly startedAt: number;
  /** When the last of the request had been given to the connection; 0 if it never was. */
  readonly sentAt: number;
  /** When the head of the answer came; 0 if it never did. */
  readonly firstByteAt: number;
  /** How long the endpoint asked to be left alone (`Retry-After`, `grpc-retry-pushback-ms`), or -1. */
  readonly pushbackMs: number;
}

/** For tickets of those who never got as far as an attempt. */
export const NO_EVIDENCE: Evidence = {
  outcome: 'ignored',
  code: null,
  status: 0,
  grpcStatus: -1,
  startedAt: 0,
  sentAt: 0,
  firstByteAt: 0,
  pushbackMs: -1,
};
