import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAILURE_CODES, FAILURES, type FailureCode } from '../../src/base/failure.ts';
import { type FailedAttempt, isIdempotent, outcomeOf, retryVerdict } from '../../src/policy/classify.ts';
import { DEFAULT_RETRY, type RetryOptions } from '../../src/policy/options.ts';
import { RetryRules } from '../../src/policy/retry-rules.ts';

describe('isIdempotent', () => {
  it('knows the methods of RFC 9110, 9.2.2, and takes any other for unsafe', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']) expect(isIdempotent(method)).toBe(true);
    for (const method of ['POST', 'PATCH', 'CONNECT', 'get', 'PURGE', '']) expect(isIdempotent(method)).toBe(false);
  });
});

describe('outcomeOf', () => {
  it('takes an answer below 500 for a success, whatever it says of the request', () => {
    for (const status of [101, 200, 204, 301, 400, 404, 409, 429, 499])
      expect(outcomeOf(null, status, 0, 9)).toBe('success');
  });

  it('takes 5xx for a failure, but not a method that is not known', () => {
    for (const status of [500, 502, 503, 504, 505, 508, 599]) expect(outcomeOf(null, status, 0, 9)).toBe('failure');
    expect(outcomeOf(null, 501, 0, 9)).toBe('success');
  });

  it('takes gRPC statuses that speak against the endpoint for failures, under a status of 200', () => {
    for (let status = 0; status <= 17; status++) {
      const expected = [4, 13, 14, 15].includes(status) ? 'failure' : 'success';
      expect(outcomeOf(null, 200, 0, 9, status), String(status)).toBe(expected);
    }
    expect(outcomeOf(null, 503, 0, 9, 0)).toBe('failure');
    expect(outcomeOf('client_gone', 200, 0, 9, 14)).toBe('ignored');
  });

  it('blames the endpoint for what the table blames on it, but for stale connections', () => {
    for (const code of FAILURE_CODES) {
      const blamed = FAILURES[code].blame === 'upstream' && code !== 'connection_stale';
      expect(outcomeOf(code, 0, 0, 1000), code).toBe(blamed ? 'failure' : 'ignored');
    }
  });

  it('takes a deadline for a failure only of an endpoint that was silent for half of the exchange', () => {
    expect(outcomeOf('deadline_exceeded', 0, 1000, 1000)).toBe('failure');
    expect(outcomeOf('deadline_exceeded', 0, 500, 1000)).toBe('failure');
    expect(outcomeOf('deadline_exceeded', 0, 499, 1000)).toBe('ignored');
    expect(outcomeOf('deadline_exceeded', 0, 0, 0)).toBe('ignored');
    expect(outcomeOf('client_gone', 0, 1000, 1000)).toBe('ignored');
  });
});

function failed(more: Partial<FailedAttempt>): FailedAttempt {
  return {
    code: null,
    status: 0,
    grpcStatus: -1,
    isRateLimited: false,
    isHeaderListed: false,
    isIdempotent: true,
    bytesWritten: 100,
    isAnswered: false,
    isReplayable: true,
    ordinal: 1,
    ...more,
  };
}

const verdictUnder = (options: RetryOptions, more: Partial<FailedAttempt>) =>
  retryVerdict(failed(more), new RetryRules(options), options.maxAttempts);
const verdict = (more: Partial<FailedAttempt>) => verdictUnder(DEFAULT_RETRY, more);

describe('retryVerdict', () => {
  it('sends on at once what no endpoint has seen, whatever the method', () => {
    for (const code of ['connect_refused', 'connect_timeout', 'connect_failed'] as const) {
      expect(verdict({ code, isIdempotent: false, bytesWritten: 0 })).toBe('now');
      expect(verdict({ code, isIdempotent: false, bytesWritten: 0, ordinal: 2 })).toBe('backoff');
    }
  });

  it('sends again what an endpoint may have seen only when that does no harm', () => {
    for (const code of ['upstream_reset', 'attempt_timeout'] as const) {
      expect(verdict({ code })).toBe('backoff');
      expect(verdict({ code, isIdempotent: false })).toBe('no');
      expect(verdict({ code, isIdempotent: false, bytesWritten: 0 })).toBe('backoff');
    }
  });

  it('takes a listed status of an idempotent request for worth another attempt', () => {
    for (const status of [502, 503, 504]) {
      expect(verdict({ status })).toBe('backoff');
      expect(verdict({ status, isIdempotent: false })).toBe('no');
      expect(verdict({ status, isIdempotent: false, bytesWritten: 0 })).toBe('no'); // it was answered, so it was seen
    }
    for (const status of [200, 404, 429, 500, 501]) expect(verdict({ status })).toBe('no');
    expect(verdictUnder({ ...DEFAULT_RETRY, statuses: [429] }, { status: 429 })).toBe('backoff');
  });

  it('takes a listed gRPC status of an idempotent call for worth another attempt', () => {
    expect(verdict({ status: 200, grpcStatus: 14 })).toBe('backoff');
    expect(verdict({ status: 200, grpcStatus: 14, isIdempotent: false })).toBe('no');
    for (const grpcStatus of [-1, 0, 2, 4, 8, 13]) expect(verdict({ status: 200, grpcStatus })).toBe('no');
    const listed = { ...DEFAULT_RETRY, grpcStatuses: [8] };
    expect(verdictUnder(listed, { status: 200, grpcStatus: 8 })).toBe('backoff');
    expect(verdictUnder(listed, { status: 200, grpcStatus: 14 })).toBe('no');
  });

  it('sends on a fresh connection what was given to a stale one, if harmless or nothing was written', () => {
    const code = 'connection_stale';
    expect(verdict({ code })).toBe('fresh');
    expect(verdict({ code, isIdempotent: false })).toBe('no');
    expect(verdict({ code, isIdempotent: false, bytesWritten: 0 })).toBe('fresh');
  });

  it('does not count a stale connection as an attempt', () => {
    expect(verdictUnder({ ...DEFAULT_RETRY, maxAttempts: 1 }, { code: 'connection_stale' })).toBe('fresh');
  });

  it('stops at the last attempt', () => {
    expect(verdict({ code: 'upstream_reset', ordinal: 2 })).toBe('backoff');
    expect(verdict({ code: 'upstream_reset', ordinal: 3 })).toBe('no');
    expect(verdictUnder({ ...DEFAULT_RETRY, maxAttempts: 1 }, { code: 'connect_refused' })).toBe('no');
  });

  it('never sends again once something was answered, or what is not whole any more', () => {
    const codes = fc.constantFrom<FailureCode | null>(null, ...FAILURE_CODES);
    fc.assert(
      fc.property(codes, fc.boolean(), fc.nat(3), fc.boolean(), (code, isIdempotent, bytesWritten, which) => {
        const blocked = which ? { isAnswered: true } : { isReplayable: false };
        expect(verdict({ code, status: 503, isIdempotent, bytesWritten, ...blocked })).toBe('no');
      }),
    );
  });

  it('never repeats an unsafe request of which a byte may have been read', () => {
    const codes = fc.constantFrom<FailureCode | null>(null, ...FAILURE_CODES.filter((code) => FAILURES[code].reached));
    fc.assert(
      fc.property(codes, fc.integer({ min: 1 }), fc.integer({ min: 100, max: 599 }), (code, bytesWritten, status) => {
        expect(verdict({ code, status, isIdempotent: false, bytesWritten })).toBe('no');
      }),
    );
  });
});
