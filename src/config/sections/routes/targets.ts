import { z } from 'zod';
import { defaulted, isClean, optional, required, section } from '../../field.ts';
import { count, decimal, duration, label } from '../../values.ts';
import { changes } from './fields.ts';
import { listOf, token } from './values.ts';

const MAX_TARGETS = 32;
const MAX_MIRRORS = 4;
const MAX_WEIGHT = 1_000_000;
/** Most browsers forget a cookie after that long, whatever it says. */
const MAX_TTL_MS = 400 * 86_400_000;

const upstreamKey = () =>
  optional(label(), 'the upstream whose route it is', {
    scope: 'mesh',
    meaning: 'The name of an upstream. One that is not declared is made, as if `{}` stood behind its name.',
  });

const subsetKey = () =>
  optional(label(), "the upstream's own", {
    scope: 'mesh',
    meaning: 'A name of its `subsets`: those endpoints alone.',
  });

const TARGET_WORDS = 'the name of an upstream, or { upstream: NAME, subset: NAME }';

function target() {
  const named = label().transform((upstream) => ({ upstream, subset: null }));
  const whole = section({ upstream: upstreamKey(), subset: subsetKey() }).refine(
    ({ upstream, subset }) => upstream !== null || subset !== null,
    { error: TARGET_WORDS, when: isClean },
  );
  return z.union([named, whole], { error: TARGET_WORDS });
}

const shareSection = section({
  upstream: upstreamKey(),
  subset: subsetKey(),
  weight: defaulted(count(0, MAX_WEIGHT), 1, {
    scope: 'mesh',
    meaning: 'Its share is this over the sum of all. 1, so that shares are equal where none is said; 0 is nothing.',
  }),
  request: changes('Fields of requests that go there.'),
  response: changes('Fields of their answers.'),
});

const STICKY_WORDS = 'either { header: NAME } or { cookie: { name: NAME } }';
const COOKIE_PATH_WORDS = 'a path that begins with / and has no ";" in it';

const stickySection = section({
  header: optional(token('the name of a header'), 'none', {
    scope: 'mesh',
    meaning: 'Requests with the same value go to the same part.',
  }),
  cookie: optional(
    section({
      name: required(token('the name of a cookie'), { scope: 'mesh', meaning: 'Its name. Case matters.' }),
      ttl: optional(duration({ least: 1_000, most: MAX_TTL_MS, zero: true }), 'never made', {
        scope: 'mesh',
        meaning:
          'A client without the cookie is given one that lives so long; `0`: until the client forgets its session.',
      }),
      path: defaulted(
        z.string({ error: COOKIE_PATH_WORDS }).regex(/^\/[!-:<-~]*$/, { error: COOKIE_PATH_WORDS }),
        '/',
        {
          scope: 'mesh',
          meaning: 'Path of a cookie that is made.',
        },
      ),
    }),
    'none',
    { scope: null, meaning: 'Requests with the same cookie go to the same part.' },
  ),
}).refine(({ header, cookie }) => (header === null) !== (cookie === null), { error: STICKY_WORDS, when: isClean });

const SHARE_WORDS = `a list of 2 to ${MAX_TARGETS} parts`;
const PERCENT_WORDS = 'a number from 0 to 100 in steps of 0.01';
/** Less would be none, and say nothing of it. */
const isInSteps = (percent: number): boolean => Math.abs(percent * 100 - Math.round(percent * 100)) < 1e-6;

const mirrorSection = section({
  to: required(target(), { scope: 'mesh', meaning: 'Where copies go.' }),
  percent: defaulted(decimal(0, 100).refine(isInSteps, { error: PERCENT_WORDS }), 100, {
    scope: 'mesh',
    meaning: 'Share of the requests that is copied. In steps of 0.01.',
  }),
});

/** Where requests go. */
export const targetKeys = {
  to: optional(target(), 'of the routes of an upstream: that upstream', {
    scope: 'mesh',
    meaning: 'Where requests go: the name of an upstream, or `{ upstream, subset }`.',
  }),
  split: optional(
    z
      .array(shareSection, { error: SHARE_WORDS })
      .min(2, { error: SHARE_WORDS })
      .max(MAX_TARGETS, { error: SHARE_WORDS }),
    'all go to one',
    { scope: null, meaning: 'Shares of the requests to several.' },
  ),
  sticky: optional(stickySection, 'lots are drawn for each request', {
    scope: null,
    meaning: 'By what a client stays with its part of a split.',
  }),
  mirror: optional(listOf(mirrorSection, MAX_MIRRORS, '{ to: UPSTREAM, percent: N }'), 'none', {
    scope: null,
    meaning: 'Copies of requests, whose answers nobody sees.',
  }),
};

export type WrittenTarget = z.output<ReturnType<typeof target>>;
export type WrittenShare = z.output<typeof shareSection>;
export type WrittenSticky = z.output<typeof stickySection>;
export type WrittenMirror = z.output<typeof mirrorSection>;
