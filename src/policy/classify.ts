import { FAILURES, type FailureCode, type FailureFacts, type RetryClass } from '../base/failure.ts';
import { NO_GRPC_STATUS } from '../http/grpc.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { Outcome } from './evidence.ts';
import type { AttemptEnd, RetryRules } from './retry-rules.ts';
import type { RetryWords } from './retry-words.ts';

/**
 * RFC 9110, 9.2.2: doing it twice is as good as doing it once. Methods are case-sensitive, and unknown ones are not.
 */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'PUT':
    case 'DELETE':
    case 'TRACE':
      return true;
    default:
      return false;
  }
}

/** RFC 9110, 9.2.1: what asks for nothing but an answer. */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/**
 * The statuses of a gRPC call that speak against its endpoint: what UNAVAILABLE, INTERNAL, DATA_LOSS and
 * DEADLINE_EXCEEDED are for Envoy and for Linkerd. An endpoint that says DEADLINE_EXCEEDED has had the call for as long
 * as its caller would wait.
 *
 * All others are the endpoint's word about the call, as 4xx are. UNKNOWN is among them, with Linkerd and against Envoy:
 * it is what gRPC for Go makes of every plain error an application returns, so its callers' mistakes would open
 * circuits. RESOURCE_EXHAUSTED breaks no circuit either, but drives traffic away, as 429 does (see `LiveEndpoint`).
 */
const GRPC_FAILURES: ReadonlySet<number> = new Set([
  GRPC_STATUSES.deadline_exceeded,
  GRPC_STATUSES.internal,
  GRPC_STATUSES.unavailable,
  GRPC_STATUSES.data_loss,
]);

/**
 * What the end of an attempt says about its endpoint. An answer without a gRPC status is judged by its HTTP status.
 *
 * `silentMs` is how long the endpoint had the whole request and no answer had begun (0 when it was never wholly sent,
 * or answered); `elapsedMs` is the age of the exchange. They matter for one code: a deadline is ours, and by rule what
 * we do is no evidence. But where the deadline is shorter than the limit of one attempt, nothing else would ever tell
 * of a frozen endpoint. So an endpoint that was silent for at least half of the exchange has failed; one that was tried
 * last, with the time nearly gone, has not.
 *
 * A stale connection is no evidence: endpoints may close idle connections, and a pool of them ends at once.
 */
export function outcomeOf(
  code: FailureCode | null,
  status: number,
  silentMs: number,
  elapsedMs: number,
  grpcStatus = NO_GRPC_STATUS,
): Outcome {
  if (code === null) return isServerFailure(status) || GRPC_FAILURES.has(grpcStatus) ? 'failure' : 'success';
  if (code === 'deadline_exceeded') return silentMs > 0 && 2 * silentMs >= elapsedMs ? 'failure' : 'ignored';
  const facts: FailureFacts = FAILURES[code];
  return facts.blame === 'upstream' && facts.retry !== 'fresh' ? 'failure' : 'ignored';
}

/** 501 is an endpoint in good health that does not know the method. */
function isServerFailure(status: number): boolean {
  return status >= 500 && status <= 599 && status !== 501;
}

/**
 * May another attempt follow, and when? `now`: at once, elsewhere. `backoff`: after a wait. `fresh`: at once on a fresh
 * connection; it costs no attempt, since the request ended with a connection that was dying before it came, and no
 * budget where nothing had been written. It cannot repeat: a fresh connection is never stale.
 */
export type RetryVerdict = 'no' | 'now' | 'backoff' | 'fresh';

/** An attempt that ended, as far as retrying it is concerned. */
export interface FailedAttempt extends AttemptEnd {
  readonly isIdempotent: boolean;
  /** Something of an answer, an interim one other than 100 included, has gone to the client. */
  readonly isAnswered: boolean;
  /** The request can be sent from its beginning: what was read of its body is still there. */
  readonly isReplayable: boolean;
  /** 1 for the first attempt; those sent again as `fresh` are not counted. */
  readonly ordinal: number;
}

export function retryVerdict(attempt: FailedAttempt, rules: RetryRules, maxAttempts: number): RetryVerdict {
  if (attempt.isAnswered || !attempt.isReplayable || !isWorthAnother(attempt, rules, rules.words)) return 'no';
  const retry = classOf(attempt);
  if (retry === 'fresh') return 'fresh';
  if (attempt.ordinal >= maxAttempts) return 'no';
  // Nothing was sent, so nothing was overloaded by it: the first time the next endpoint is as good now as later.
  return retry === 'always' && attempt.ordinal === 1 ? 'now' : 'backoff';
}

/** Would another attempt be right, if there may be one? `words`: the conditions that hold for this request. */
export function isWorthAnother(attempt: FailedAttempt, rules: RetryRules, words: RetryWords): boolean {
  if (!rules.covers(attempt, words)) return false;
  const retry = classOf(attempt);
  if (retry === 'always') return true;
  // An answer says that the request was seen, whatever had been written of it.
  return attempt.isIdempotent || (attempt.code !== null && attempt.bytesWritten === 0);
}

function classOf({ code }: FailedAttempt): RetryClass {
  return code === null ? 'idempotent' : FAILURES[code].retry;
}
