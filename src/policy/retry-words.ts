import { GRPC_STATUSES } from '../http/grpc-status.ts';

/**
 * What can be worth another attempt, in the words of `retry.on`. They are Envoy's, so that a policy can be carried
 * over, and one of our own, `retriable-grpc-statuses`, for the list that is to gRPC what `retriable-status-codes` is to
 * HTTP.
 */
export const RETRY_WORDS = [
  'connect-failure',
  'refused-stream',
  'reset-before-request',
  'reset',
  '5xx',
  'gateway-error',
  'retriable-4xx',
  'envoy-ratelimited',
  'retriable-status-codes',
  'retriable-headers',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
  'retriable-grpc-statuses',
] as const;

export type RetryWord = (typeof RETRY_WORDS)[number];

/** Words as a set: a bit for each. */
export type RetryWords = number;

export const NO_WORDS: RetryWords = 0;
export const EVERY_WORD: RetryWords = (1 << RETRY_WORDS.length) - 1;

export function bitOf(word: RetryWord): RetryWords {
  return 1 << RETRY_WORDS.indexOf(word);
}

export function wordsOf(list: readonly RetryWord[]): RetryWords {
  return list.reduce((words, word) => words | bitOf(word), NO_WORDS);
}

/** The words in a field of a request, as Envoy reads it: separated by commas, and what is not known is left out. */
export function parseWords(text: string): RetryWords {
  let words = NO_WORDS;
  for (const part of text.split(',')) {
    const at = RETRY_WORDS.indexOf(part.trim().toLowerCase() as RetryWord);
    if (at >= 0) words |= 1 << at;
  }
  return words;
}

/** Words that are about a status of gRPC. */
export const GRPC_WORDS = [
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const satisfies readonly RetryWord[];

/** The word for a status of gRPC; no word for most. */
export const WORD_OF_GRPC_STATUS: readonly RetryWords[] = Object.values(GRPC_STATUSES).map((status) => {
  const word = GRPC_WORDS.find(
    (name) => GRPC_STATUSES[name.replace('-', '_') as keyof typeof GRPC_STATUSES] === status,
  );
  return word === undefined ? NO_WORDS : bitOf(word);
});
