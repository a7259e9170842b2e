import { z } from 'zod';
import { patternProblem } from '../../route/keys/pattern.ts';
import { defaulted, group, isClean, optional, required, section } from '../field.ts';
import { choice, count, duration, flag, host } from '../values.ts';

/** Most browsers forget a cookie after that long, whatever it says. */
const MAX_TTL_MS = 400 * 86_400_000;
/** Deeper paths have a regex. */
const MAX_SEGMENT = 32;
/** Each costs every request. */
const MAX_SOURCES = 8;

const SOURCES = ['header', 'cookie', 'query', 'source', 'path'] as const;
export const SOURCE_WORDS =
  'one of { header: NAME }, { cookie: { name: NAME } }, { query: NAME }, { path: { segment: N } }, { path: { regex: PATTERN } } and { source: true }';
const HASH_WORDS = `${SOURCE_WORDS}, or a list of them`;
const PART_WORDS = 'either { segment: N } or { regex: PATTERN }';

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const token = (what: string) => z.string({ error: what }).regex(TOKEN, { error: what });

const PARAMETER_WORDS = 'the name of a parameter as it stands in the query, without &, =, # and blanks';
const COOKIE_PATH_WORDS = 'a path that begins with / and has no ";" in it';

const attributes = section({
  httpOnly: defaulted(flag(), true, {
    scope: 'mesh',
    meaning: 'Hidden from scripts of the page. On, since none needs it.',
  }),
  secure: defaulted(flag(), false, {
    scope: 'mesh',
    meaning: 'Sent back over TLS only. Off, since callers speak to their own sidecar in the clear.',
  }),
  sameSite: optional(choice(['Strict', 'Lax', 'None']), "the browser's choice", {
    scope: 'mesh',
    meaning: 'Whether requests that other sites cause carry it. `None` needs `secure`.',
  }),
  domain: optional(host(), 'the host that was asked', { scope: 'mesh', meaning: 'Other hosts that get it too.' }),
});

const cookieName = required(token('the name of a cookie'), {
  scope: 'mesh',
  meaning: 'The name of the cookie. Case matters.',
});

const cookie = section({
  name: cookieName,
  ttl: optional(duration({ least: 1_000, most: MAX_TTL_MS, zero: true }), 'never made', {
    scope: 'mesh',
    meaning:
      'A client without the cookie is given one that lives so long; `0`: until the client forgets its session. Without it the application makes the cookie, if anybody does.',
  }),
  path: defaulted(z.string({ error: COOKIE_PATH_WORDS }).regex(/^\/[!-:<-~]*$/, { error: COOKIE_PATH_WORDS }), '/', {
    scope: 'mesh',
    meaning: 'Path of a cookie that is made. All of the service, so that a client has one cookie and not one per page.',
  }),
  attributes: group(attributes, 'More that a cookie says that is made.'),
});

const pattern = z
  .string({ error: 'a regular expression' })
  .refine((value) => patternProblem(value) === null, { error: ({ input }) => patternProblem(String(input)) ?? '' });

const path = section({
  segment: optional(count(1, MAX_SEGMENT), 'none', {
    scope: 'mesh',
    meaning: 'This segment of the path: of `/users/42`, 1 is `users` and 2 is `42`.',
  }),
  regex: optional(pattern, 'none', {
    scope: 'mesh',
    meaning:
      'The first group of this regular expression, or all it matches without one, where it matches at the beginning of the path.',
  }),
}).refine(({ segment, regex }) => (segment === null) !== (regex === null), { error: PART_WORDS, when: isClean });

function sourcesWith<S extends z.ZodType>(cookieSection: S) {
  return {
    header: optional(token('the name of a header'), 'none', {
      scope: 'mesh',
      meaning: 'The value of this header. For gRPC, the metadata of this name.',
    }),
    cookie: optional(cookieSection, 'none', { scope: null, meaning: 'The value of a cookie.' }),
    query: optional(
      z
        .string({ error: PARAMETER_WORDS })
        .regex(/^[!-~]+$/, { error: PARAMETER_WORDS })
        .regex(/^[^&=#]+$/, { error: PARAMETER_WORDS }),
      'none',
      {
        scope: 'mesh',
        meaning: 'The first value of this parameter of the query, as it is written there and not decoded.',
      },
    ),
    path: optional(path, 'none', {
      scope: null,
      meaning: 'A part of the path, as it is written there and not decoded.',
    }),
    source: optional(z.literal(true, { error: 'true' }), 'none', {
      scope: 'mesh',
      meaning: 'The address that the request comes from.',
    }),
  };
}

const sourceSection = section({
  ...sourcesWith(cookie),
  terminal: defaulted(flag(), false, {
    scope: 'mesh',
    meaning: 'Once there is a key, those listed below are not asked. Off: all that a request has count together.',
  }),
}).refine(hasOneSource, { error: SOURCE_WORDS, when: isClean });

/** What a request has already: nothing is made, and there is no hash that could end a list. */
export const givenSourceSection = section(sourcesWith(section({ name: cookieName }))).refine(hasOneSource, {
  error: SOURCE_WORDS,
  when: isClean,
});

export type WrittenKey = z.output<typeof sourceSection>;
/** One source, as either says it. */
export type WrittenSource = Omit<WrittenKey, 'terminal' | 'cookie'> & {
  readonly cookie: { readonly name: string } | null;
};

function hasOneSource(source: Readonly<Record<(typeof SOURCES)[number], unknown>>): boolean {
  return SOURCES.filter((name) => source[name] !== null).length === 1;
}

export function hashSection() {
  const words = `a list of 1 to ${MAX_SOURCES}`;
  const list = z
    .array(sourceSection, { error: HASH_WORDS })
    .min(1, { error: words })
    .max(MAX_SOURCES, { error: words });
  const one = sourceSection.transform((source) => [source]);
  return optional(z.union([list, one], { error: HASH_WORDS }), 'none', {
    scope: null,
    meaning:
      'What the key of a request is, for balancers that hash. Several are laid over one another in order; one alone needs no list. A request with none of them goes where the balancer likes, and is counted.',
  });
}
