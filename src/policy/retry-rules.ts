import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { Fields } from '../http/fields.ts';
import type { HeaderMatch, RetryOptions } from './options.ts';
import { bitOf, NO_WORDS, type RetryWords, WORD_OF_GRPC_STATUS, wordsOf } from './retry-words.ts';

/** What an attempt ended with, as far as its worth of another goes. */
export interface AttemptEnd {
  /** Null: there was an answer, and `status` is its status. */
  readonly code: FailureCode | null;
  readonly status: number;
  /** The gRPC status of the answer, or -1. */
  readonly grpcStatus: number;
  /** Bytes of the request that were given to the connection. */
  readonly bytesWritten: number;
  /** The answer says that a rate limit refused it (`x-envoy-ratelimited`). */
  readonly isRateLimited: boolean;
  /** The answer has a field that is listed. */
  readonly isHeaderListed: boolean;
}

const CONNECT = bitOf('connect-failure');
const REFUSED = bitOf('refused-stream');
const BEFORE_REQUEST = bitOf('reset-before-request');
const RESET = bitOf('reset');
const ANY_5XX = bitOf('5xx');
const GATEWAY = bitOf('gateway-error');
const RETRIABLE_4XX = bitOf('retriable-4xx');
const RATE_LIMITED = bitOf('envoy-ratelimited');
const STATUS_LIST = bitOf('retriable-status-codes');
const HEADER_LIST = bitOf('retriable-headers');
const GRPC_LIST = bitOf('retriable-grpc-statuses');

/** Somebody took the request in and gave it back, rather than that nobody was there. */
const GIVEN_BACK: ReadonlySet<FailureCode> = new Set(['stream_refused', 'refused_unseen']);

/**
 * The conditions of `retry.on`, with their lists, looked up instead of read: they are asked about every answer.
 *
 * As in Envoy, `5xx` covers what has no answer too, and an answer that a rate limit gave is tried again for
 * `envoy-ratelimited` alone. Unlike Envoy's, `5xx` leaves out 501 and 508, which are the same wherever one asks.
 */
export class RetryRules {
  readonly words: RetryWords;
  /** Is a status of gRPC ever tried again? */
  readonly readsGrpc: boolean;
  private readonly statuses: ReadonlySet<number>;
  private readonly grpcStatuses: ReadonlySet<number>;
  private readonly headers: readonly HeaderMatch[];

  constructor(options: Pick<RetryOptions, 'on' | 'statuses' | 'grpcStatuses' | 'headers'>) {
    this.words = wordsOf(options.on);
    this.statuses = new Set(options.statuses);
    this.grpcStatuses = new Set(options.grpcStatuses);
    this.headers = (this.words & HEADER_LIST) === 0 ? [] : options.headers;
    this.readsGrpc = WORD_OF_GRPC_STATUS.some((word, status) => (this.words & this.wordsOfGrpc(status, word)) !== 0);
  }

  /** May the field of an answer of any status be worth another attempt? */
  get readsHeaders(): boolean {
    return this.headers.length > 0;
  }

  hasListed(answer: Fields): boolean {
    for (let i = 0; i < this.headers.length; i++) if (isIn(answer, this.headers[i]!)) return true;
    return false;
  }

  /** Does one of these words cover it? `words`: those of the plan, or those that a client leaves of them. */
  covers(end: AttemptEnd, words: RetryWords): boolean {
    return (
      (words & (end.code === null ? this.wordsOfAnswer(end) : wordsOfLoss(end.code, end.bytesWritten))) !== NO_WORDS
    );
  }

  private wordsOfAnswer({ status, grpcStatus, isRateLimited, isHeaderListed }: AttemptEnd): RetryWords {
    if (isRateLimited) return RATE_LIMITED;
    let words = isHeaderListed ? HEADER_LIST : NO_WORDS;
    if (status >= 400) words |= this.wordsOfStatus(status);
    if (grpcStatus > 0) words |= this.wordsOfGrpc(grpcStatus, WORD_OF_GRPC_STATUS[grpcStatus] ?? NO_WORDS);
    return words;
  }

  private wordsOfStatus(status: number): RetryWords {
    let words = this.statuses.has(status) ? STATUS_LIST : NO_WORDS;
    if (status >= 502 && status <= 504) words |= GATEWAY;
    if (status === 409) words |= RETRIABLE_4XX;
    if (status >= 500 && status <= 599 && status !== 501 && status !== 508) words |= ANY_5XX;
    return words;
  }

  private wordsOfGrpc(status: number, word: RetryWords): RetryWords {
    return this.grpcStatuses.has(status) ? word | GRPC_LIST : word;
  }
}

function isIn(answer: Fields, { name, exact, prefix }: HeaderMatch): boolean {
  const value = answer.get(name);
  if (value === null) return false;
  if (exact !== null) return value === exact;
  return prefix === null || value.startsWith(prefix);
}

/** A connection that was stale is no condition: what it was given is sent for the first time on a fresh one. */
function wordsOfLoss(code: FailureCode, bytesWritten: number): RetryWords {
  switch (FAILURES[code].retry) {
    case 'always':
      return (GIVEN_BACK.has(code) ? REFUSED : CONNECT) | ANY_5XX;
    case 'idempotent':
      return RESET | ANY_5XX | (bytesWritten === 0 ? BEFORE_REQUEST : NO_WORDS);
    case 'fresh':
      return -1;
    case 'never':
      return NO_WORDS;
  }
}
