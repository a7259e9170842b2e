import { GRPC_STATUS_NAMES, GRPC_STATUSES } from '../http/grpc-status.ts';
import type { RetryOptions } from '../policy/options.ts';
import type { Written } from './schema.ts';
import { formatDuration, formatSize } from './units.ts';

/** From the words of the file to those of the program. */
export function retryOf({ retry }: Pick<Written['upstreams'][string], 'retry'>): RetryOptions {
  const { budget } = retry;
  return {
    maxAttempts: retry.maxAttempts,
    on: retry.on,
    statuses: retry.statuses,
    grpcStatuses: retry.grpcStatuses.map((name) => GRPC_STATUSES[name]),
    headers: retry.headers.map(({ name, exact, prefix }) => ({ name: name.toLowerCase(), exact, prefix })),
    grpcIdempotent: retry.grpcIdempotent,
    idempotencyKey: retry.idempotencyKey,
    maxConcurrent: retry.maxConcurrent,
    maxRetryAfterMs: retry.maxRetryAfter,
    backoffMs: retry.backoff,
    maxBackoffMs: retry.maxBackoff,
    replayBytes: retry.replay,
    budget: { ratio: budget.ratio, minPerSecond: budget.minPerSecond, windowMs: budget.window },
  };
}

/** And back, as it is shown. */
export function shownRetry(retry: RetryOptions) {
  const { budget } = retry;
  return {
    maxAttempts: retry.maxAttempts,
    on: retry.on,
    statuses: retry.statuses,
    grpcStatuses: retry.grpcStatuses.map((status) => GRPC_STATUS_NAMES[status]),
    headers: retry.headers.map(({ name, exact, prefix }) => ({
      name,
      ...(exact === null ? {} : { exact }),
      ...(prefix === null ? {} : { prefix }),
    })),
    grpcIdempotent: retry.grpcIdempotent,
    idempotencyKey: retry.idempotencyKey,
    maxConcurrent: retry.maxConcurrent,
    maxRetryAfter: formatDuration(retry.maxRetryAfterMs),
    backoff: formatDuration(retry.backoffMs),
    maxBackoff: formatDuration(retry.maxBackoffMs),
    replay: formatSize(retry.replayBytes),
    budget: {
      ratio: budget.ratio,
      minPerSecond: budget.minPerSecond,
      window: formatDuration(budget.windowMs),
    },
  };
}
