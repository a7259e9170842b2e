import { z } from 'zod';
import { DEFAULT_THROTTLE } from '../../policy/throttle.ts';
import { DEFAULT_MAX_KEYS } from '../../route/doors/options.ts';
import { defaulted, group, isClean, optional, required, type Scope, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { choice, count, decimal, duration, name, ratio } from '../values.ts';

/** Each is asked for every request. */
const MAX_LIMITS = 16;
const MAX_RATE = 1_000_000_000;
const MAX_KEYS = 1_000_000;
const PATH_WORDS = 'a path that begins with / or *, such as /orders/*';
const METHOD_WORDS = 'a method such as GET';

const BY_WORDS = 'one of { header: NAME }, { segment: N } and { caller: true }';
const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_WORDS = 'the name of a header';
const MAX_SEGMENT = 32;

function bySection(scope: Scope) {
  return section({
    header: optional(z.string({ error: HEADER_WORDS }).regex(HEADER, { error: HEADER_WORDS }), 'none', {
      scope,
      meaning: 'The value of this header. For gRPC, the metadata of this name.',
    }),
    segment: optional(count(1, MAX_SEGMENT), 'none', {
      scope,
      meaning: 'This segment of the path: of `/users/42`, 1 is `users` and 2 is `42`.',
    }),
    caller: optional(z.literal(true, { error: 'true' }), 'none', {
      scope,
      meaning: 'Who calls: its identity where that is known, else the address that the request comes from.',
    }),
  }).refine((by) => Object.values(by).filter((value) => value !== null).length === 1, {
    error: BY_WORDS,
    when: isClean,
  });
}

function rateLimitSection(scope: Scope) {
  return section({
    name: required(name(), {
      scope,
      meaning: 'What it is called, in metrics and to clients. What it has counted survives a change by its name.',
    }),
    requests: required(count(1, MAX_RATE), { scope, meaning: 'Requests in each window.' }),
    window: defaulted(duration({ least: 100 }), '1s', {
      scope,
      meaning: 'The window. Requests are let in evenly over it, and it has no ends at which twice as many could come.',
    }),
    burst: optional(count(1, MAX_RATE), '`requests`', {
      scope,
      meaning: 'How many may come at once, after a pause. Any stretch of time lets in that many more than the rate.',
    }),
    by: optional(bySection(scope), 'all requests together', {
      scope: null,
      meaning: `What has a limit of its own: ${BY_WORDS}. Requests without it share one limit.`,
    }),
    path: optional(z.string({ error: PATH_WORDS }).regex(/^[/*][!-~]*$/, { error: PATH_WORDS }), 'all paths', {
      scope,
      meaning: 'Only requests for such a path, as it is written; `*` stands for any run of characters.',
    }),
    methods: optional(
      z
        .array(z.string({ error: METHOD_WORDS }).regex(/^[A-Z]{1,32}$/, { error: METHOD_WORDS }), {
          error: 'a list of methods',
        })
        .min(1, { error: 'a list of at least one method' })
        .max(32, { error: 'at most 32 methods' }),
      'all methods',
      { scope, meaning: 'Only requests with one of these methods.' },
    ),
    mode: defaulted(choice(['observe', 'enforce']), 'enforce', {
      scope,
      meaning: '`enforce`: more is answered 429, RESOURCE_EXHAUSTED for gRPC. `observe`: it is only counted.',
    }),
    tells: defaulted(choice(['limited', 'all']), 'limited', {
      scope,
      meaning:
        'Which answers carry RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers): those that refuse, or all. Most clients need to be told only when they have come too often.',
    }),
    maxKeys: optional(count(1, MAX_KEYS), String(DEFAULT_MAX_KEYS), {
      scope,
      meaning:
        'Keys that are remembered; one more takes the place of the one not seen for longest, and is counted. 40 bytes each.',
    }),
  });
}

export function rateLimits(scope: Scope) {
  const error = `a list of at most ${MAX_LIMITS} rate limits`;
  return defaulted(z.array(rateLimitSection(scope), { error }).max(MAX_LIMITS, { error }), [], {
    scope: null,
    meaning:
      'How often requests may come, to this sidecar alone: n sidecars let in n times as many. Each request needs room in all that concern it.',
  });
}

const { mode, windowMs, aggression, successThreshold, minPerSecond, maxRatio } = DEFAULT_THROTTLE;

export const throttleSection = section({
  mode: defaulted(choice(['off', 'observe', 'enforce']), mode, {
    scope: 'mesh',
    meaning:
      'Hold back a share of requests while endpoints refuse or fail too many (`enforce`, 503 `throttled`), or only count what would be (`observe`). Observed, since one broken route would cost the good ones, too.',
  }),
  window: defaulted(duration({ least: 1_000 }), formatDuration(windowMs), {
    scope: 'mesh',
    meaning: "How far back it looks. Envoy's number, as those below but for `minPerSecond`.",
  }),
  aggression: defaulted(decimal(0.1, 10), aggression, {
    scope: 'mesh',
    meaning: 'Above 1, the share held back grows faster than that of failures.',
  }),
  successThreshold: defaulted(ratio(Number.MIN_VALUE), successThreshold, {
    scope: 'mesh',
    meaning:
      'Share of requests that end well, from which on nothing is held back. Raised to the power 4 for `critical_plus`, to 1/2 for `sheddable_plus` and 1/4 for `sheddable`.',
  }),
  minPerSecond: defaulted(count(0, 100_000), minPerSecond, {
    scope: 'mesh',
    meaning: "Requests per second below which nothing is held back: too few to tell. Finagle's number.",
  }),
  maxRatio: defaulted(ratio(Number.MIN_VALUE), maxRatio, {
    scope: 'mesh',
    meaning: 'The largest share that is held back. What is left shows when the service is well again.',
  }),
});

export const throttleGroup = group(
  throttleSection,
  'Holds requests back from a service that fails them anyway, so that it can recover.',
);
