import { z } from 'zod';
import { FAILURE_CODES, FAILURES, type FailureCode } from '../../base/failure.ts';
import { GRPC_STATUS_NAMES } from '../../http/grpc-status.ts';
import { DEFAULT_FALLBACK_CODES, DEFAULT_FALLBACK_STATUSES, DEFAULT_STALE } from '../../policy/fallback.ts';
import { defaulted, optional, section } from '../field.ts';
import { formatDuration, formatSize } from '../units.ts';
import { choice, count, duration, flag, label, size, text } from '../values.ts';

const MAX_BODY = 64 * 1024;
const MAX_FIELDS = 32;

/** What a client did wrong is its own to hear of. */
const CODES = FAILURE_CODES.filter((code) => FAILURES[code].blame !== 'client') as readonly FailureCode[];

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Framing is the program's own business, and so is what its fields say. */
const OURS =
  /^(?:connection|content-length|transfer-encoding|trailer|te|upgrade|keep-alive|content-type|x-remora-.*)$/i;
const FIELD_WORDS = 'the name of a header other than those of framing, content-type and x-remora-*';
const BODY_WORDS = `a text of at most ${formatSize(MAX_BODY)}`;

const staleSection = section({
  maxAge: defaulted(duration({ most: 7 * 86_400_000 }), formatDuration(DEFAULT_STALE.maxAgeMs), {
    scope: 'mesh',
    meaning: 'How old such an answer may be. `stale-if-error` of the answer itself can only shorten it.',
  }),
  maxEntries: defaulted(count(1, 1_000_000), DEFAULT_STALE.maxEntries, {
    scope: 'mesh',
    meaning: 'Targets whose answer is kept; the oldest make room.',
  }),
  maxBytes: defaulted(size({ least: 1024, most: 2 ** 30 }), formatSize(DEFAULT_STALE.maxBytes), {
    scope: 'mesh',
    meaning: 'What all of them may take, those in the making included.',
  }),
  maxBody: defaulted(size({ least: 1, most: 16 * 2 ** 20 }), formatSize(DEFAULT_STALE.maxBodyBytes), {
    scope: 'mesh',
    meaning: 'Longer answers are not kept.',
  }),
  credentials: defaulted(flag(), DEFAULT_STALE.credentials, {
    scope: 'mesh',
    meaning:
      'Also keep answers to requests with Authorization or Cookie, each for the very same ones. Off, since an answer may outlive the right to see it.',
  }),
});

const staticSection = section({
  status: defaulted(count(200, 599, 'an HTTP status'), 200, { scope: 'mesh', meaning: 'Its status.' }),
  contentType: defaulted(text('a media type'), 'text/plain; charset=utf-8', {
    scope: 'mesh',
    meaning: 'Its Content-Type, when it has a body.',
  }),
  fields: defaulted(
    z
      .record(
        z
          .string({ error: FIELD_WORDS })
          .regex(TOKEN, { error: FIELD_WORDS })
          .refine((name) => !OURS.test(name), { error: FIELD_WORDS }),
        text('the value of a header').regex(/^[\x20-\x7e]*$/, { error: 'the value of a header' }),
        { error: 'a map of headers' },
      )
      .refine((map) => Object.keys(map).length <= MAX_FIELDS, { error: `at most ${MAX_FIELDS} headers` }),
    {},
    { scope: 'mesh', meaning: 'Further headers of it.' },
  ),
  body: defaulted(
    z.string({ error: BODY_WORDS }).refine((body) => Buffer.byteLength(body) <= MAX_BODY, { error: BODY_WORDS }),
    '',
    { scope: 'mesh', meaning: 'Its body.' },
  ),
  grpcStatus: optional(choice(GRPC_STATUS_NAMES), 'calls get their failure', {
    scope: 'mesh',
    meaning: 'The status of gRPC calls, whose messages cannot be written here.',
  }),
  anyMethod: defaulted(flag(), false, {
    scope: 'mesh',
    meaning:
      'Also for methods other than GET, HEAD and OPTIONS. Off, since whoever wrote something would believe that it was done.',
  }),
});

const fallbackSection = section({
  codes: defaulted(
    z
      .array(choice(CODES as unknown as readonly [FailureCode, ...FailureCode[]]), { error: 'a list of failure codes' })
      .max(CODES.length, { error: 'each failure code once' }),
    [...DEFAULT_FALLBACK_CODES],
    {
      scope: 'mesh',
      meaning:
        'Failures that something is given for. By default nobody could take the request, or it failed before its answer began.',
    },
  ),
  statuses: defaulted(
    z
      .array(count(400, 599, 'an HTTP status'), { error: 'a list of HTTP statuses' })
      .max(200, { error: 'at most 200 statuses' }),
    [...DEFAULT_FALLBACK_STATUSES],
    { scope: 'mesh', meaning: 'Answers of endpoints that something is given for, once nothing is tried again.' },
  ),
  upstream: optional(label(), 'none', {
    scope: 'mesh',
    meaning:
      'Another upstream, asked first and once: for requests that no application can have seen, and for idempotent ones whose body is still there. Its own plan holds there, with its limits, breakers and retries.',
  }),
  stale: optional(staleSection, 'none', {
    scope: null,
    meaning: 'The last good answer to the same GET, asked second. `{}` is enough.',
  }),
  static: optional(staticSection, 'none', { scope: null, meaning: 'An answer that is written here, asked last.' }),
});

export function fallback() {
  return optional(fallbackSection, 'failures are what they are', {
    scope: null,
    meaning: 'What callers are given in place of a failure, as long as nothing of an answer has been sent.',
  });
}

export type WrittenFallback = z.output<typeof fallbackSection>;
