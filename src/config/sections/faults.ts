import { z } from 'zod';
import { GRPC_STATUS_NAMES, GRPC_STATUSES, type GrpcStatusName } from '../../http/grpc-status.ts';
import { defaulted, group, isClean, optional, required, type Scope, section } from '../field.ts';
import { choice, count, decimal, duration, size, text } from '../values.ts';

/** Each is asked of every request. */
const MAX_FAULTS = 16;
const MAX_CONDITIONS = 16;
/** Longer ones are what `timeouts.request` is for. */
const MAX_DELAY_MS = 300_000;

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_WORDS = 'the name of a header';
const header = () => z.string({ error: HEADER_WORDS }).regex(TOKEN, { error: HEADER_WORDS });

const UNTIL_WORDS = 'an instant such as "2026-01-31T18:00:00Z", with seconds and a zone';
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;
const instant = () =>
  z
    .string({ error: UNTIL_WORDS })
    .refine((value) => INSTANT.test(value) && isDay(value) && Number.isFinite(Date.parse(value)), {
      error: UNTIL_WORDS,
    });

/** The 30th of February is read as the 2nd of March, which nobody means. */
function isDay(instant: string): boolean {
  const [year, month, day] = instant.slice(0, 10).split('-').map(Number) as [number, number, number];
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

const PERCENT_WORDS = 'a number from 0 to 100 in steps of 0.01';
/** Less would be none, and say nothing of it. */
const isInSteps = (percent: number): boolean => Math.abs(percent * 100 - Math.round(percent * 100)) < 1e-6;

const EFFECTS = ['delay', 'delayHeader', 'abort', 'reset', 'bandwidth'] as const;
const EFFECT_WORDS = 'one of delay, delayHeader, abort, reset and bandwidth, and until';

/** OK is no failure. */
const GRPC_FAILURES = GRPC_STATUS_NAMES.filter((name) => GRPC_STATUSES[name] > 0) as readonly GrpcStatusName[];

function faultSection(scope: Scope) {
  return section({
    delay: optional(duration({ most: MAX_DELAY_MS }), 'none', {
      scope,
      meaning: 'Requests wait so long before anything else is done with them.',
    }),
    delayHeader: optional(header(), 'none', {
      scope,
      meaning: 'They wait as many milliseconds as this header of theirs says.',
    }),
    maxDelay: defaulted(duration({ most: MAX_DELAY_MS }), '10s', {
      scope,
      meaning: 'The longest that `delayHeader` can ask for.',
    }),
    abort: optional(
      section({
        status: defaulted(count(400, 599, 'an HTTP status'), 503, { scope, meaning: 'What requests are answered.' }),
        grpcStatus: defaulted(choice(GRPC_FAILURES), 'unavailable', { scope, meaning: 'And calls of gRPC.' }),
      }),
      'none',
      { scope: null, meaning: 'Requests are answered so, and no endpoint hears of them. `{}` is 503 and UNAVAILABLE.' },
    ),
    reset: optional(z.literal(true, { error: 'true' }), 'none', {
      scope,
      meaning: 'The connection of the caller is closed without an answer, of HTTP/2 the stream is reset.',
    }),
    bandwidth: optional(size({ least: 1024, most: 2 ** 30 }), 'none', {
      scope,
      meaning:
        'Bytes per second of each answer. What comes in one read (mostly up to 64 KiB) goes out at once, and the next is read later.',
    }),
    percent: defaulted(decimal(0, 100).refine(isInSteps, { error: PERCENT_WORDS }), 100, {
      scope,
      meaning: 'Share of the requests that match, drawn for each. In steps of 0.01.',
    }),
    match: group(
      section({
        path: optional(text('a path, with * for any characters'), 'all', {
          scope,
          meaning: 'Only requests with this path, compared as it came and without its query.',
        }),
        headers: defaulted(
          z
            .record(header(), text('the value of a header, or "*" for any'), { error: 'a map of headers' })
            .refine((map) => Object.keys(map).length <= MAX_CONDITIONS, { error: `at most ${MAX_CONDITIONS} headers` }),
          {},
          { scope, meaning: 'Only requests with all of these; `*` is any value.' },
        ),
        callers: defaulted(
          z
            .array(text('an address or an identity'), { error: 'a list of callers' })
            .max(MAX_CONDITIONS, { error: `at most ${MAX_CONDITIONS} callers` }),
          [],
          { scope, meaning: 'Only requests of these, by IP address or verified identity; empty: of all.' },
        ),
      }),
      'Which requests. Opaque connections have callers and nothing else.',
    ),
    maxActive: defaulted(count(1, 100_000), 100, {
      scope,
      meaning:
        'Requests that it holds at once; others pass unharmed and are counted. So a delay cannot fill the memory.',
    }),
    until: required(instant(), {
      scope,
      meaning:
        'When it ends, by itself and whatever becomes of Consul. At most a day ahead; in the past it does nothing.',
    }),
  }).refine((fault) => EFFECTS.filter((key) => fault[key] !== null).length === 1, {
    error: EFFECT_WORDS,
    when: isClean,
  });
}

export function faultsList(scope: Scope) {
  return defaulted(
    z
      .array(faultSection(scope), { error: 'a list of faults' })
      .max(MAX_FAULTS, { error: `at most ${MAX_FAULTS} faults` }),
    [],
    {
      scope: null,
      meaning:
        'Faults to inject, so that one can see what becomes of them. Of a request the first that matches counts: one delay, one end (abort or reset), one bandwidth. Nothing of it is evidence about an endpoint.',
    },
  );
}

export type WrittenFault = z.output<ReturnType<typeof faultSection>>;
