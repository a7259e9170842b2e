import { z } from 'zod';
import { DEFAULT_SLOTS, MAX_SHARDS, MAX_SLOTS, SHARD_MARK } from '../../route/shards/shard-options.ts';
import { defaulted, optional, required, section } from '../field.ts';
import { choice, count, duration, name, text } from '../values.ts';
import { givenSourceSection, SOURCE_WORDS } from './hash.ts';

const KINDS = ['slots', 'ranges', 'list', 'consistent'] as const;
const MOVES = ['hold', 'dual_read', 'dual_write'] as const;

/** A map of this many ranges is a document of half a megabyte, as much as Consul's KV store takes. */
const MAX_RANGES = 16_384;
const MAX_KEYS = 65_536;

export const BY_WORDS = `{ meta: KEY } or { tag: a tag with ${SHARD_MARK} in it }`;

/** Beyond it, nobody can say any more where a key comes from. */
const MAX_SOURCES = 8;

function listOf<S extends z.ZodType>(item: S, least: number, most: number, what: string) {
  const error = least > 0 ? `a list of ${least} to ${most} ${what}` : `a list of at most ${most} ${what}`;
  return z.array(item, { error }).min(least, { error }).max(most, { error });
}

/** A key may look like a number to YAML. */
function keyText(what: string) {
  return z.preprocess((value) => (Number.isSafeInteger(value) ? String(value) : value), text(what));
}

const keyList = listOf(givenSourceSection, 1, MAX_SOURCES, 'sources');

const SLOTS_WORDS = 'slots such as 0-8191 or 7';
const TAG_WORDS = `a tag with ${SHARD_MARK} in it, such as shard-${SHARD_MARK}`;

const bySection = section({
  meta: optional(text('a key of metadata'), 'none', {
    scope: 'mesh',
    meaning: 'The key of the metadata that names the shard of an endpoint.',
  }),
  tag: optional(
    text(TAG_WORDS).refine((value) => value.split(SHARD_MARK).length === 2, { error: TAG_WORDS }),
    'none',
    { scope: 'mesh', meaning: `The tag that endpoints of a shard have; \`${SHARD_MARK}\` stands for its name.` },
  ),
}).refine(({ meta, tag }) => (meta === null) !== (tag === null), { error: BY_WORDS });

const rangeSection = section({
  slots: optional(
    z.preprocess(
      (value) => (typeof value === 'number' ? String(value) : value),
      z.string({ error: SLOTS_WORDS }).regex(/^[0-9]{1,5}(?:-[0-9]{1,5})?$/, { error: SLOTS_WORDS }),
    ),
    'none',
    { scope: 'mesh', meaning: 'In a map of slots: these, both ends among them.' },
  ),
  from: optional(keyText('a key'), 'the lowest key', {
    scope: 'mesh',
    meaning: 'In a map of ranges: the first key that belongs to it.',
  }),
  to: optional(keyText('a key'), 'no end', {
    scope: 'mesh',
    meaning: 'In a map of ranges: the first key that does not belong to it any more.',
  }),
  keys: optional(listOf(keyText('a key'), 1, MAX_KEYS, 'keys'), 'none', {
    scope: 'mesh',
    meaning: 'In a list: these keys.',
  }),
  shard: required(name(), {
    scope: 'mesh',
    meaning: 'The owner. Another name here is the cut-over: it holds for every request that comes after it is known.',
  }),
  move: optional(
    section({
      to: required(name(), { scope: 'mesh', meaning: 'The owner to be.' }),
      state: required(choice(MOVES), {
        scope: 'mesh',
        meaning:
          '`hold`: writes wait until `shard` or this changes, reads go on. `dual_read`: safe requests are asked of both and compared, the owner answers. `dual_write`: what the owner has taken is sent to the other too.',
      }),
    }),
    'none',
    { scope: null, meaning: 'The range is about to move.' },
  ),
});

const mapSection = section({
  kind: required(choice(KINDS), {
    scope: 'mesh',
    meaning:
      '`slots`: by the hash of the key. `ranges`: by its order. `list`: key by key. `consistent`: on a ring of the shards, without a say in which key is where.',
  }),
  slots: defaulted(count(1, MAX_SLOTS), DEFAULT_SLOTS, {
    scope: 'mesh',
    meaning:
      'How many slots there are, of a map of slots: xxHash64 of the key modulo this. Redis Cluster has as many, enough for any number of shards here. It must not change while there are data.',
  }),
  keys: defaulted(choice(['text', 'integer']), 'text', {
    scope: 'mesh',
    meaning: 'What the keys of a map of ranges are: compared byte by byte, or as whole numbers.',
  }),
  ranges: defaulted(listOf(rangeSection, 0, MAX_RANGES, 'ranges'), [], {
    scope: null,
    meaning: 'Who owns what. Together they own every key once; a hole or an overlap is refused.',
  }),
  otherwise: optional(name(), 'they have no shard: 404, `shard_unknown`', {
    scope: 'mesh',
    meaning: 'The shard of all keys that a list does not name.',
  }),
  shards: optional(listOf(name(), 1, MAX_SHARDS, 'names'), 'the names that ranges use', {
    scope: 'mesh',
    meaning: 'All shards. A consistent map is made of it; elsewhere another name in a range is refused as a slip.',
  }),
});

export const shardsSection = section({
  version: defaulted(count(0, Number.MAX_SAFE_INTEGER), 0, {
    scope: 'mesh',
    meaning: 'A number of your own for the map: metrics and `/shards` tell by it which one a sidecar has.',
  }),
  key: required(
    z.union([keyList, givenSourceSection.transform((one) => [one])], { error: `${SOURCE_WORDS}, or a list of them` }),
    {
      scope: null,
      meaning: `Where the key of a request is: in the first of these that it has. Each is ${SOURCE_WORDS}; one alone needs no list.`,
    },
  ),
  absent: defaulted(choice(['reject', 'any', 'first', 'all']), 'reject', {
    scope: 'mesh',
    meaning:
      'A request without a key: `reject` (400, `shard_key_missing`), `any` endpoint of any shard, or asked of every shard when its method is GET, HEAD or OPTIONS: the `first` good answer, or one when `all` are good. Rejected, since a guess is a lost write.',
  }),
  by: defaulted(bySection, { meta: 'shard' }, { scope: null, meaning: `How endpoints say their shard: ${BY_WORDS}.` }),
  hold: defaulted(duration(), '10s', {
    scope: 'mesh',
    meaning:
      'How long a write of a held range waits for its new owner, `shard_held` after it. Long enough to copy what was written last; callers seldom wait longer.',
  }),
  map: required(mapSection, { scope: null, meaning: 'Which shard has which keys.' }),
});
