import { describe, expect, it } from 'vitest';
import { FAILURE_CODES, FAILURES, type FailureCode } from '../../src/base/failure.ts';
import { FieldList } from '../../src/http/fields.ts';
import { DEFAULT_RETRY, type RetryOptions } from '../../src/policy/options.ts';
import { type AttemptEnd, RetryRules } from '../../src/policy/retry-rules.ts';
import { EVERY_WORD, parseWords, RETRY_WORDS, type RetryWord, wordsOf } from '../../src/policy/retry-words.ts';

const NOTHING: AttemptEnd = {
  code: null,
  status: 200,
  grpcStatus: -1,
  bytesWritten: 100,
  isRateLimited: false,
  isHeaderListed: false,
};

function covers(on: readonly RetryWord[], end: Partial<AttemptEnd>, more: Partial<RetryOptions> = {}): boolean {
  const rules = new RetryRules({ ...DEFAULT_RETRY, on, ...more });
  return rules.covers({ ...NOTHING, ...end }, rules.words);
}

/** The statuses that this word alone makes worth another attempt. */
function statusesOf(word: RetryWord): number[] {
  const all = Array.from({ length: 500 }, (_, i) => 100 + i);
  return all.filter((status) => covers([word], { status }));
}

function codesOf(word: RetryWord, bytesWritten = 100): FailureCode[] {
  return FAILURE_CODES.filter(
    (code) => covers([word], { code, status: 0, bytesWritten }) && code !== 'connection_stale',
  );
}

describe('a condition about answers', () => {
  it('is what Envoy means by it, but for statuses that are the same everywhere', () => {
    expect(statusesOf('gateway-error')).toEqual([502, 503, 504]);
    expect(statusesOf('retriable-4xx')).toEqual([409]);
    const fives = Array.from({ length: 100 }, (_, i) => 500 + i).filter((status) => status !== 501 && status !== 508);
    expect(statusesOf('5xx')).toEqual(fives);
    expect(statusesOf('retriable-status-codes')).toEqual(DEFAULT_RETRY.statuses);
    for (const word of ['connect-failure', 'reset', 'unavailable', 'retriable-headers'] as const)
      expect(statusesOf(word)).toEqual([]);
  });

  it.each([
    ['cancelled', 1],
    ['deadline-exceeded', 4],
    ['resource-exhausted', 8],
    ['internal', 13],
    ['unavailable', 14],
  ] as const)('%s is gRPC’s %i', (word, status) => {
    const found = Array.from({ length: 20 }, (_, i) => i).filter((grpcStatus) => covers([word], { grpcStatus }));
    expect(found).toEqual([status]);
  });

  it('takes the lists by their own words', () => {
    expect(covers(['retriable-status-codes'], { status: 418 }, { statuses: [418] })).toBe(true);
    expect(covers(['gateway-error'], { status: 418 }, { statuses: [418] })).toBe(false);
    expect(covers(['retriable-grpc-statuses'], { grpcStatus: 10 }, { grpcStatuses: [10] })).toBe(true);
    expect(covers(['unavailable'], { grpcStatus: 10 }, { grpcStatuses: [10] })).toBe(false);
    expect(covers(['retriable-headers'], { isHeaderListed: true })).toBe(true);
    expect(covers(['5xx'], { isHeaderListed: true })).toBe(false);
  });

  it('is only envoy-ratelimited where a rate limit answered', () => {
    const limited = { status: 503, isRateLimited: true, isHeaderListed: true };
    const others = RETRY_WORDS.filter((word) => word !== 'envoy-ratelimited');
    expect(covers(others, limited)).toBe(false);
    expect(covers(['envoy-ratelimited'], limited)).toBe(true);
    expect(covers(['envoy-ratelimited'], { status: 429 })).toBe(false);
  });

  it('is none for what went well', () => {
    expect(covers(RETRY_WORDS, {})).toBe(false);
    expect(covers(RETRY_WORDS, { grpcStatus: 0 })).toBe(false);
  });
});

describe('a condition about what had no answer', () => {
  it('tells who was not there from who gave it back and who was lost', () => {
    expect(codesOf('connect-failure')).toEqual(['connect_refused', 'connect_timeout', 'connect_failed', 'not_http2']);
    expect(codesOf('refused-stream')).toEqual(['stream_refused', 'refused_unseen']);
    expect(codesOf('reset')).toEqual(['upstream_reset', 'attempt_timeout', 'attempt_idle', 'not_http1']);
    expect(codesOf('reset-before-request')).toEqual([]);
    expect(codesOf('reset-before-request', 0)).toEqual(codesOf('reset'));
    expect(codesOf('gateway-error')).toEqual([]);
  });

  it('is 5xx for all of them, as for Envoy', () => {
    const retried = FAILURE_CODES.filter((code) => ['always', 'idempotent'].includes(FAILURES[code].retry));
    expect(codesOf('5xx')).toEqual(retried);
  });

  it('is asked of no connection that was stale, and covers nothing that may never be tried again', () => {
    expect(covers(['gateway-error'], { code: 'connection_stale' })).toBe(true);
    for (const code of FAILURE_CODES.filter((each) => FAILURES[each].retry === 'never'))
      expect(covers(RETRY_WORDS, { code, bytesWritten: 0 })).toBe(false);
  });
});

describe('a field of an answer', () => {
  const rules = new RetryRules({
    ...DEFAULT_RETRY,
    headers: [
      { name: 'x-again', exact: null, prefix: null },
      { name: 'x-why', exact: 'busy', prefix: null },
      { name: 'x-code', exact: null, prefix: 'T-' },
    ],
  });

  it.each([
    ['x-again', '', true],
    ['x-why', 'busy', true],
    ['x-why', 'busy now', false],
    ['x-code', 'T-12', true],
    ['x-code', 'U-12', false],
    ['x-other', 'busy', false],
  ])('%s: %s', (name, value, expected) => {
    expect(rules.hasListed(new FieldList().add(name, value))).toBe(expected);
  });

  it('is not looked for without its word, or without a list', () => {
    expect(rules.readsHeaders).toBe(true);
    expect(new RetryRules(DEFAULT_RETRY).readsHeaders).toBe(false);
    const { headers } = { headers: [{ name: 'x-again', exact: null, prefix: null }] };
    expect(new RetryRules({ ...DEFAULT_RETRY, headers, on: ['5xx'] }).readsHeaders).toBe(false);
  });
});

describe('words in a field', () => {
  it('are known ones in any case, and others are left out', () => {
    expect(parseWords('5xx, Gateway-Error,made-up')).toBe(wordsOf(['5xx', 'gateway-error']));
    expect(parseWords('none')).toBe(0);
    expect(parseWords('')).toBe(0);
    expect(parseWords(RETRY_WORDS.join(','))).toBe(EVERY_WORD);
  });
});
