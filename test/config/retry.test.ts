import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { DEFAULT_RETRY } from '../../src/policy/options.ts';
import { complaints, good, web } from './parse.ts';

const upstream = (text: string): string => web(`consul: {}\nupstreams: { a: { ${text} } }\n`);
const retryOf = (text: string) => good(upstream(text)).upstreams.get('a')!.retry;

describe('retry', () => {
  it('is what it is by default, and a list needs no word beside it', () => {
    expect(retryOf('')).toEqual(DEFAULT_RETRY);
    expect(retryOf('retry: { statuses: [418], grpcStatuses: [aborted], headers: [{ name: X-Again }] }')).toEqual({
      ...DEFAULT_RETRY,
      statuses: [418],
      grpcStatuses: [10],
      headers: [{ name: 'x-again', exact: null, prefix: null }],
    });
  });

  it('takes conditions in the words of Envoy, and is shown as it was said', () => {
    const text =
      'retry: { on: [5xx, retriable-4xx, unavailable], grpcIdempotent: true, idempotencyKey: true, maxConcurrent: 3, maxRetryAfter: 1s }';
    expect(retryOf(text)).toEqual({
      ...DEFAULT_RETRY,
      on: ['5xx', 'retriable-4xx', 'unavailable'],
      grpcIdempotent: true,
      idempotencyKey: true,
      maxConcurrent: 3,
      maxRetryAfterMs: 1_000,
    });
    const shown = redacted(good(upstream(text))) as { upstreams: { a: { retry: object } } };
    expect(retryOf(`retry: ${JSON.stringify(shown.upstreams.a.retry)}`)).toEqual(retryOf(text));
  });

  it('can be read again as it is shown where there are none, or less room than by default', () => {
    for (const text of ['retry: { maxAttempts: 1 }', 'limits: { maxRequests: 5 }']) {
      const shown = redacted(good(upstream(text))) as { upstreams: { a: Record<string, unknown> } };
      const { retry, limits } = shown.upstreams.a;
      const again = `retry: ${JSON.stringify(retry)}, limits: ${JSON.stringify(limits)}`;
      expect(retryOf(again)).toEqual(retryOf(text));
    }
  });
});

describe('what is refused of retry', () => {
  it.each([
    [
      'retry: { maxAttempts: 1, budget: { ratio: 0.5 } }',
      'retry.budget: found budget without retries, expected maxAttempts of 2 or more beside it',
    ],
    [
      'retry: { maxAttempts: 1, maxConcurrent: 5 }',
      'retry.maxConcurrent: found maxConcurrent without retries, expected maxAttempts of 2 or more beside it',
    ],
    [
      'retry: { on: [reset], statuses: [418] }',
      'retry.statuses: found statuses without retriable-status-codes, expected retriable-status-codes in retry.on',
    ],
    [
      'retry: { on: [retriable-headers] }',
      'retry.on: found retriable-headers without headers, expected headers beside it, or no retriable-headers',
    ],
    [
      'retry: { on: [retriable-status-codes], statuses: [] }',
      'retry.on: found retriable-status-codes without statuses, expected statuses beside it, or no retriable-status-codes',
    ],
    [
      'retry: { on: [internal] }',
      'retry.on: found internal, expected grpcIdempotent: true beside it, since calls are tried again only if they may be made twice',
    ],
    [
      'retry: { headers: [{ name: x-a, exact: b, prefix: c }] }',
      'retry.headers[0].prefix: found prefix beside exact, expected one of them',
    ],
    [
      'retry: { maxConcurrent: 2000 }, limits: { maxRequests: 1000 }',
      'retry.maxConcurrent: found 2000, expected at most limits.maxRequests, which is 1000',
    ],
    [
      'retry: { maxRetryAfter: 1m }, timeouts: { request: 20s }',
      'retry.maxRetryAfter: found 1m, expected at most timeouts.request, which is 20s',
    ],
    ['retry: { on: [] }', 'retry.on: found an empty list, expected at least one condition; maxAttempts: 1 is no retry'],
  ])('%s', (text, expected) => {
    const found = complaints(upstream(text));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`upstreams.a.${expected}`);
  });
});
