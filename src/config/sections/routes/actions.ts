import { z } from 'zod';
import { GRPC_STATUS_NAMES, GRPC_STATUSES, type GrpcStatusName } from '../../../http/grpc-status.ts';
import { originFlaw } from '../../../route/effects/origins.ts';
import { pathFlaw } from '../../../route/effects/path-rewrite.ts';
import { defaulted, isClean, optional, required, section } from '../../field.ts';
import { formatSize } from '../../units.ts';
import { choice, count, duration, flag, host, port, text } from '../../values.ts';
import { listOf, METHOD_WORDS, method, pathText, pattern, token } from './values.ts';

const MAX_BODY = 16 * 1024;
const BODY_WORDS = `a text of at most ${formatSize(MAX_BODY)}`;
const MAX_SUBSTITUTION = 1024;
const SUBSTITUTION_WORDS = `a text without ?, # and blanks, of at most ${MAX_SUBSTITUTION} characters`;
const NEW_PATH_WORDS = 'a path that begins with one slash, and has no backslashes';
const HOST_WORDS = 'a host, with a port or without';
const REWRITE_WORDS = 'prefix, path, regex or host in it, and of the first three one';
const REDIRECT_WORDS = 'scheme, host, port, path or prefix in it, and not both of the last two';

const REDIRECTS = [301, 302, 303, 307, 308] as const;
const STATUS_WORDS = `one of ${REDIRECTS.join(', ')}`;

const newPath = () => pathText('a path').refine((path) => pathFlaw(path) === null, { error: NEW_PATH_WORDS });

const prefixKey = () =>
  optional(newPath(), 'kept', {
    scope: 'mesh',
    meaning: 'In place of the path, the prefix or the segments that the match names; what follows is kept.',
  });
const pathKey = () => optional(newPath(), 'kept', { scope: 'mesh', meaning: 'In place of the whole path.' });

const rewriteSection = section({
  prefix: prefixKey(),
  path: pathKey(),
  regex: optional(
    section({
      pattern: required(pattern(), {
        scope: 'mesh',
        meaning: "What is replaced, wherever it matches, in RE2's syntax.",
      }),
      substitution: required(
        z
          .string({ error: SUBSTITUTION_WORDS })
          .regex(/^[!"$->@-~]*$/, { error: SUBSTITUTION_WORDS })
          .max(MAX_SUBSTITUTION, { error: SUBSTITUTION_WORDS }),
        { scope: 'mesh', meaning: 'By what; `\\1` to `\\9` are its groups.' },
      ),
    }),
    'kept',
    { scope: null, meaning: 'Parts of the path.' },
  ),
  host: optional(
    z
      .string({ error: HOST_WORDS })
      .regex(/^[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?$/, { error: HOST_WORDS })
      .refine((value) => Number(value.split(':')[1] ?? 0) <= 65_535, { error: HOST_WORDS }),
    'kept',
    { scope: 'mesh', meaning: 'In place of Host, which endpoints are then told in `x-forwarded-host`.' },
  ),
}).refine(
  ({ prefix, path, regex, host }) => {
    const paths = [prefix, path, regex].filter((one) => one !== null).length;
    return paths === 1 || (paths === 0 && host !== null);
  },
  { error: REWRITE_WORDS, when: isClean },
);

const redirectSection = section({
  status: defaulted(
    z.union(
      REDIRECTS.map((status) => z.literal(status)),
      { error: STATUS_WORDS },
    ),
    302,
    { scope: 'mesh', meaning: 'Nothing that clients keep, so that it can be taken back.' },
  ),
  scheme: optional(choice(['http', 'https']), 'kept', { scope: 'mesh', meaning: 'Another scheme.' }),
  host: optional(host(), 'kept', { scope: 'mesh', meaning: 'Another host.' }),
  port: optional(port(), 'kept; with `scheme`, that of the scheme', { scope: 'mesh', meaning: 'Another port.' }),
  path: pathKey(),
  prefix: prefixKey(),
  keepQuery: defaulted(flag(), true, { scope: 'mesh', meaning: 'Whether the query goes along.' }),
}).refine(
  ({ scheme, host, port, path, prefix }) =>
    [scheme, host, port, path, prefix].some((one) => one !== null) && (path === null || prefix === null),
  { error: REDIRECT_WORDS, when: isClean },
);

/** OK without a message is no answer to a call. */
const GRPC_FAILURES = GRPC_STATUS_NAMES.filter((name) => GRPC_STATUSES[name] > 0) as readonly GrpcStatusName[];

const respondSection = section({
  status: defaulted(count(200, 599, 'an HTTP status'), 200, { scope: 'mesh', meaning: 'Its status.' }),
  body: defaulted(
    z.string({ error: BODY_WORDS }).refine((body) => Buffer.byteLength(body) <= MAX_BODY, { error: BODY_WORDS }),
    '',
    { scope: 'mesh', meaning: 'Its body.' },
  ),
  contentType: defaulted(
    text('a media type').regex(/^[\x20-\x7e]*$/, { error: 'a media type' }),
    'text/plain; charset=utf-8',
    {
      scope: 'mesh',
      meaning: 'Its Content-Type, when it has a body.',
    },
  ),
  grpcStatus: defaulted(choice(GRPC_FAILURES), 'unimplemented', {
    scope: 'mesh',
    meaning: 'What calls of gRPC are answered, whose messages cannot be written here.',
  }),
});

const maintenanceSection = section({
  retryAfter: defaulted(duration({ least: 1_000 }), '1m', {
    scope: 'mesh',
    meaning: 'What clients are told in `Retry-After`. A minute: long enough for them to leave the service alone.',
  }),
});

/** One of these, or a way to go (`targets.ts`). */
export const actionKeys = {
  redirect: optional(redirectSection, 'none', { scope: null, meaning: 'Clients are sent elsewhere.' }),
  respond: optional(respondSection, 'none', {
    scope: null,
    meaning: 'They are answered so, and no endpoint hears of it. `{}` is an empty 200.',
  }),
  maintenance: optional(maintenanceSection, 'none', {
    scope: null,
    meaning: 'They are told to come back later: 503, `maintenance`. `{}` is enough.',
  }),
};

export const rewriteKeys = {
  rewrite: optional(rewriteSection, 'nothing', { scope: null, meaning: 'What endpoints see in place of what came.' }),
};

const ORIGIN_WORDS = 'an origin such as https://shop.example, with one * at most, for a label or the port, or * alone';
const ORIGIN = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9.*-]+|\[[0-9a-f:.]+\])(?::(?:[0-9]{1,5}|\*))?)$/;
const origin = z.string({ error: ORIGIN_WORDS }).refine((value) => ORIGIN.test(value) && originFlaw(value) === null, {
  error: ({ input }) => {
    const flaw = ORIGIN.test(String(input)) ? originFlaw(String(input)) : null;
    return flaw === null ? ORIGIN_WORDS : `${ORIGIN_WORDS}; ${flaw}`;
  },
});

const HEADER_WORDS = 'the name of a header, or *';
const MAX_CORS = 64;

export const corsKeys = {
  cors: optional(
    section({
      origins: required(listOf(origin, MAX_CORS, ORIGIN_WORDS), {
        scope: 'mesh',
        meaning: 'Pages that may ask: `https://shop.example`, `https://*.shop.example`, `http://localhost:*`, `*`.',
      }),
      methods: defaulted(listOf(method(), MAX_CORS, METHOD_WORDS), ['GET', 'HEAD', 'POST'], {
        scope: 'mesh',
        meaning: 'With these methods. The default are those that browsers send without asking.',
      }),
      headers: optional(listOf(token(HEADER_WORDS), MAX_CORS, HEADER_WORDS), 'none', {
        scope: 'mesh',
        meaning: 'And these headers, beside those that browsers send without asking.',
      }),
      exposes: optional(listOf(token(HEADER_WORDS), MAX_CORS, HEADER_WORDS), 'none', {
        scope: 'mesh',
        meaning: 'Headers of answers that their scripts may read.',
      }),
      maxAge: optional(duration({ zero: true }), "the browser's, 5 s mostly", {
        scope: 'mesh',
        meaning: 'How long a browser need not ask again.',
      }),
      credentials: defaulted(flag(), false, {
        scope: 'mesh',
        meaning: 'Whether cookies go along. Off: another page would act as whoever is logged in.',
      }),
    }),
    'left to the service',
    {
      scope: null,
      meaning:
        "What pages of other origins may do. Preflights are answered here, and the service's own such fields replaced.",
    },
  ),
};

export type WrittenRewrite = z.output<typeof rewriteSection>;
export type WrittenRedirect = z.output<typeof redirectSection>;
