import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_RETRY, type RetryOptions } from '../policy/options.ts';
import { GRPC_WORDS, type RetryWord } from '../policy/retry-words.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import { retryOf } from './retry.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** The lists, each with the word that makes it count. */
const LISTS = [
  ['statuses', 'retriable-status-codes'],
  ['headers', 'retriable-headers'],
  ['grpcStatuses', 'retriable-grpc-statuses'],
] as const satisfies readonly (readonly [keyof RetryOptions, RetryWord])[];

/**
 * What values of `retry` must not say together. A default contradicts nothing, written or not: all of them are written
 * where a configuration is shown whole.
 */
export function retryConflicts(path: Path, upstream: WrittenUpstream): Contradiction[] {
  const retry = retryOf(upstream);
  const isSaid = (key: keyof RetryOptions): boolean => !isDeepStrictEqual(retry[key], DEFAULT_RETRY[key]);
  const own = [...path, 'retry'];
  return [
    ...boundsOfNothing(own, retry, isSaid),
    ...(isSaid('on') ? conditionRules(own, retry, isSaid) : []),
    ...headerRules(own, retry),
    ...neverReached(path, upstream, isSaid),
  ];
}

type IsSaid = (key: keyof RetryOptions) => boolean;

/** What bounds retries, where there are none. */
function boundsOfNothing(own: Path, { maxAttempts }: RetryOptions, isSaid: IsSaid): Contradiction[] {
  const bounds = [
    ['budget', 'budget'],
    ['maxConcurrent', 'maxConcurrent'],
    ['maxRetryAfter', 'maxRetryAfterMs'],
  ] as const;
  if (maxAttempts > 1) return [];
  const expected = 'maxAttempts of 2 or more beside it';
  const concerns = [[...own, 'maxAttempts']];
  return bounds
    .filter(([, key]) => isSaid(key))
    .map(([name]) => contradiction([...own, name], `${name} without retries`, expected, null, concerns, 'key'));
}

function conditionRules(own: Path, retry: RetryOptions, isSaid: IsSaid): Contradiction[] {
  const at = [...own, 'on'];
  const found = LISTS.flatMap(([key, word]) => {
    const list = [...own, key];
    if (retry.on.includes(word)) {
      const expected = `${key} beside it, or no ${word}`;
      return retry[key].length > 0 ? [] : [contradiction(at, `${word} without ${key}`, expected, null, [list])];
    }
    const isIdle = isSaid(key) && retry[key].length > 0;
    return isIdle ? [contradiction(list, `${key} without ${word}`, `${word} in retry.on`, null, [at], 'key')] : [];
  });
  const ofGrpc = GRPC_WORDS.find((word) => retry.on.includes(word));
  if (ofGrpc === undefined || retry.grpcIdempotent) return found;
  const expected = 'grpcIdempotent: true beside it, since calls are tried again only if they may be made twice';
  return [...found, contradiction(at, ofGrpc, expected, null, [[...own, 'grpcIdempotent']])];
}

function headerRules(own: Path, { headers }: RetryOptions): Contradiction[] {
  return headers.flatMap(({ exact, prefix }, i) => {
    if (exact === null || prefix === null) return [];
    const at = [...own, 'headers', i];
    return [contradiction([...at, 'prefix'], 'prefix beside exact', 'one of them', null, [[...at, 'exact']], 'key')];
  });
}

function neverReached(path: Path, { retry, limits, timeouts }: WrittenUpstream, isSaid: IsSaid): Contradiction[] {
  const found: Contradiction[] = [];
  const at = (...keys: string[]): Path => [...path, ...keys];
  if (isSaid('maxConcurrent') && retry.maxConcurrent > limits.maxRequests) {
    const expected = `at most limits.maxRequests, which is ${limits.maxRequests}`;
    const concerns = [at('limits', 'maxRequests')];
    found.push(contradiction(at('retry', 'maxConcurrent'), String(retry.maxConcurrent), expected, null, concerns));
  }
  if (isSaid('maxRetryAfterMs') && timeouts.request > 0 && retry.maxRetryAfter > timeouts.request) {
    const expected = `at most timeouts.request, which is ${formatDuration(timeouts.request)}`;
    const concerns = [at('timeouts', 'request')];
    found.push(
      contradiction(at('retry', 'maxRetryAfter'), formatDuration(retry.maxRetryAfter), expected, null, concerns),
    );
  }
  return found;
}
