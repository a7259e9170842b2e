import { z } from 'zod';
import { DEFAULT_RETRY } from '../../policy/options.ts';
import { RETRY_WORDS } from '../../policy/retry-words.ts';
import { defaulted, optional, required, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { choice, count, duration, flag, text } from '../values.ts';

/** At least one condition, and each once. */
export const conditions = z
  .array(choice(RETRY_WORDS), { error: 'a list of conditions' })
  .min(1, { error: 'at least one condition; maxAttempts: 1 is no retry' })
  .max(RETRY_WORDS.length, { error: 'each condition once' });

const headerMatch = section({
  name: required(text('the name of a field'), { scope: 'mesh', meaning: 'The field, in any case.' }),
  exact: optional(text('a value'), 'any value', { scope: 'mesh', meaning: 'What it says, to the letter.' }),
  prefix: optional(text('the beginning of a value'), 'any value', { scope: 'mesh', meaning: 'What it begins with.' }),
});

export const headerMatches = z
  .array(headerMatch, { error: 'a list of fields' })
  .max(20, { error: 'at most 20 fields' });

/** What is worth another attempt besides statuses, and what bounds all retries of an upstream besides their budget. */
export const retryKeys = {
  on: defaulted(conditions, [...DEFAULT_RETRY.on], {
    scope: 'mesh',
    meaning: `What is worth another attempt, in Envoy's words: ${RETRY_WORDS.join(', ')}. What has been seen is tried again only if it may be made twice, whatever is said here. \`5xx\` is all of 500 to 599 but 501 and 508, and also what has no answer; \`gateway-error\` is 502, 503 and 504, \`retriable-4xx\` is 409. The three lists (\`statuses\`, \`headers\`, \`grpcStatuses\`) count with \`retriable-status-codes\`, \`retriable-headers\` and \`retriable-grpc-statuses\`, all of which are in the default, so that a list needs no word beside it.`,
  }),
  headers: defaulted(headerMatches, [], {
    scope: 'mesh',
    meaning:
      'Fields of answers that are worth another attempt, whatever the status: each is a `name` alone, or with `exact` or `prefix`. None, since they are said by the service.',
  }),
  idempotencyKey: defaulted(flag(), DEFAULT_RETRY.idempotencyKey, {
    scope: 'mesh',
    meaning:
      'Whether requests with an `Idempotency-Key` may be made twice whatever their method. Off, since only the owner of the service knows whether it honours the key.',
  }),
  maxConcurrent: defaulted(count(1, 1_000_000), DEFAULT_RETRY.maxConcurrent, {
    scope: 'mesh',
    meaning:
      'Requests that may be retries at the same time, from the decision to the end of the answer. A quarter of `limits.maxRequests`: the budget bounds how often there is a retry, this what they hold while the service is slow.',
  }),
  maxRetryAfter: defaulted(duration(), formatDuration(DEFAULT_RETRY.maxRetryAfterMs), {
    scope: 'mesh',
    meaning:
      'The longest wait that an answer may ask for (`Retry-After` with 429 or 503, `grpc-retry-pushback-ms`). Who wants more, or more than the deadline leaves, is not asked again.',
  }),
};
