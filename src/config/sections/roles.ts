import { z } from 'zod';
import { DEFAULT_LAG } from '../../cluster/pickers/fresh-replicas.ts';
import { READ_PREFERENCES } from '../../cluster/role-lenses.ts';
import { DEFAULT_HOLD } from '../../proxy/hold.ts';
import { DEFAULT_READS } from '../../route/roles.ts';
import { defaulted, group, optional, section } from '../field.ts';
import { formatDuration, formatSize } from '../units.ts';
import { choice, count, duration, listenPort, size, text } from '../values.ts';

export const FROM_WORDS = 'one of { tag: true }, { meta: KEY }, { check: NAME } and { lock: KEY }';

const WORD = /^[A-Za-z0-9_-]{1,64}$/;
const WORD_WORDS = 'a word of letters, digits, "-" and "_"';
const METHOD_WORDS = 'a method in capitals such as GET';
const PATH_WORDS = 'a path such as /search/* or /pkg.Service/Get*';
const HEADER_WORDS = 'the name of a header';

const fromSection = section({
  tag: optional(z.literal(true, { error: 'true' }), 'none', {
    scope: 'mesh',
    meaning: 'The tags of an instance have the word of its role.',
  }),
  meta: optional(text('a key of service metadata'), 'none', {
    scope: 'mesh',
    meaning: 'The value of this key of service metadata is the word of the role.',
  }),
  check: optional(text('the name or id of a check'), 'none', {
    scope: 'mesh',
    meaning:
      "The output of this check has the word of the role, and not the other one's. Consul tells of an output that changes without its status only every `check_update_interval`, which is 5 min unless the agent says otherwise: a check that also changes its status is told at once.",
  }),
  lock: optional(text("a key of Consul's KV store"), 'none', {
    scope: 'mesh',
    meaning:
      "The holder of the lock on this key is the primary and all others are replicas. Its value names the primary by service id or by address:port. It is read from the agent's own datacenter; a lock that nobody holds means no primary.",
  }),
}).refine((from) => Object.values(from).filter((given) => given !== null).length === 1, { error: FROM_WORDS });

const word = () => z.string({ error: WORD_WORDS }).regex(WORD, { error: WORD_WORDS });
const method = () => z.string({ error: METHOD_WORDS }).regex(/^[A-Z][A-Z-]{0,31}$/, { error: METHOD_WORDS });
const pattern = () => z.string({ error: PATH_WORDS }).regex(/^[/*][!-~]{0,255}$/, { error: PATH_WORDS });

const LAG_WORDS = 'from, header, or both: someone who says how late a replica is';
const LAG_FROM_WORDS = 'either { meta: KEY } or { check: NAME }';
const CARRIER_WORDS = 'either cookie: NAME or header: NAME, which carries the token';
const OWN_HEADER_WORDS = 'the name of a header that is not of HTTP itself';

/** Fields that say how a message is sent, and cannot carry anything else. */
const OF_HTTP =
  /^(?:connection|content-length|cookie|expect|host|keep-alive|set-cookie|te|trailer|transfer-encoding|upgrade|proxy-.*)$/i;

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const headerName = () => z.string({ error: HEADER_WORDS }).regex(TOKEN, { error: HEADER_WORDS });
const isClean = ({ issues }: { readonly issues: readonly unknown[] }): boolean => issues.length === 0;

const lagSection = section({
  max: defaulted(duration({ zero: true }), formatDuration(DEFAULT_LAG.maxMs), {
    scope: 'mesh',
    meaning:
      'A replica that is later gets no reads; 0: no bound. As long as clients are sent elsewhere to read what they wrote: who is later than that has lost step.',
  }),
  keep: defaulted(count(1, 1_000), DEFAULT_LAG.keep, {
    scope: 'mesh',
    meaning:
      'So many of the least late get reads however late they are, of each zone where there are zones: a load that slows all of them down must not be thrown at the last one, or at the primary. As in Vitess.',
  }),
  from: optional(
    section({
      meta: optional(text('a key of service metadata'), 'none', {
        scope: 'mesh',
        meaning: 'The value of this key of service metadata: `120ms`, `1.5s`, `2m`, or a number of seconds.',
      }),
      check: optional(text('the name or id of a check'), 'none', {
        scope: 'mesh',
        meaning:
          'In the output of this check, what follows the word `lag`, or else the first number. Consul tells of an output that changes without its status only every `check_update_interval`.',
      }),
    }).refine(({ meta, check }) => (meta === null) !== (check === null), { error: LAG_FROM_WORDS, when: isClean }),
    'discovery is not asked',
    { scope: null, meaning: `What discovery says: ${LAG_FROM_WORDS}.` },
  ),
  header: optional(headerName(), 'none', {
    scope: 'mesh',
    meaning:
      'Answers of replicas tell their lag in this header. It is newer than what discovery says, and counts for 10 s: then the replica is asked again.',
  }),
}).refine(({ from, header }) => from !== null || header !== null, { error: LAG_WORDS, when: isClean });

const readYourWritesSection = section({
  for: defaulted(duration({ least: 1_000 }), '10s', {
    scope: 'mesh',
    meaning: 'How long reads are bound to the last write of their client. Longer than replicas are late on most days.',
  }),
  cookie: optional(
    z.string({ error: 'the name of a cookie' }).regex(TOKEN, { error: 'the name of a cookie' }),
    'none',
    {
      scope: 'mesh',
      meaning: 'The token is this cookie. Browsers and clients with a cookie jar send it back by themselves.',
    },
  ),
  header: optional(
    headerName().refine((value) => !OF_HTTP.test(value), { error: OWN_HEADER_WORDS }),
    'none',
    { scope: 'mesh', meaning: 'The token is in this header of answers to writes; the client sends it with its reads.' },
  ),
  position: optional(headerName(), 'nobody says one', {
    scope: 'mesh',
    meaning:
      "The header in which answers say how far the endpoint is in its primary's history: a number that grows, or a log sequence number such as `16/B374D848`. With it, replicas that have the write are read from; without it, the primary alone.",
  }),
}).refine(({ cookie, header }) => (cookie === null) !== (header === null), { error: CARRIER_WORDS, when: isClean });

export const rolesSection = section({
  kind: defaulted(choice(['primary_replica', 'multi_primary']), 'primary_replica', {
    scope: 'mesh',
    meaning:
      'Whether there is one primary at most, or several of which each key of `hash` has its own. One, since most data has one owner.',
  }),
  from: defaulted(
    fromSection,
    { tag: true },
    { scope: null, meaning: `Who says which role an instance has: ${FROM_WORDS}.` },
  ),
  words: group(
    section({
      primary: defaulted(word(), 'primary', {
        scope: 'mesh',
        meaning: 'The word for a primary in tags, metadata and checks.',
      }),
      replica: defaulted(word(), 'replica', { scope: 'mesh', meaning: 'The word for a replica there.' }),
    }),
    'What roles are called.',
  ),
  read: defaulted(choice(READ_PREFERENCES), 'prefer_replica', {
    scope: 'mesh',
    meaning:
      'Where reads go: `prefer_replica` (to the primary when no replica can take them), `require_replica`, `primary`, or `any` (all endpoints, those without a role too). The default leaves the primary to writes and loses no read with the last replica.',
  }),
  reads: group(
    section({
      methods: defaulted(
        z.array(method(), { error: 'a list of methods' }).max(32, { error: 'at most 32 methods' }),
        [...DEFAULT_READS.methods],
        {
          scope: 'mesh',
          meaning: 'Requests with these methods are reads. Those that HTTP calls safe; gRPC calls are POST.',
        },
      ),
      header: optional(headerName(), 'none', {
        scope: 'mesh',
        meaning:
          'A request that has `true` in this header is a read, one that has `false` a write, whatever else it is.',
      }),
      paths: defaulted(
        z.array(pattern(), { error: 'a list of paths' }).max(64, { error: 'at most 64 paths' }),
        [...DEFAULT_READS.paths],
        {
          scope: 'mesh',
          meaning:
            'Requests for these paths are reads whatever their method; `*` is any run of characters. The path of a gRPC call is `/pkg.Service/Method`.',
        },
      ),
    }),
    'Which requests are reads. All others are writes, and so is every TCP connection.',
  ),
  hold: group(
    section({
      time: defaulted(duration({ zero: true }), formatDuration(DEFAULT_HOLD.timeMs), {
        scope: 'mesh',
        meaning:
          'How long a write waits for a primary, all its tries included. Longer than most fail-overs take, shorter than `timeouts.request`; 0 refuses at once.',
      }),
      requests: defaulted(count(0, 1_000_000), DEFAULT_HOLD.requests, {
        scope: 'mesh',
        meaning: 'Writes that wait at once, TCP connections included; as many as an upstream has in flight.',
      }),
      bytes: defaulted(size({ least: 1, most: 2 ** 30, zero: true }), formatSize(DEFAULT_HOLD.bytes), {
        scope: 'mesh',
        meaning: 'What is kept of their bodies, all together. Of each, no more is read than has come already.',
      }),
    }),
    'Writes that wait while there is no primary.',
  ),
  lag: optional(lagSection, 'replicas are alike, however late', {
    scope: null,
    meaning: 'Replicas that are behind their primary leave the reads, as long as enough of them stay.',
  }),
  readYourWrites: optional(readYourWritesSection, 'off', {
    scope: null,
    meaning: 'A client that has written reads what it wrote, by a token that it is given and sends back.',
  }),
  ports: group(
    section({
      primary: optional(listenPort(), 'none', {
        scope: 'local',
        meaning: 'A local port from which everything goes to the primary, for TCP mostly.',
      }),
      replica: optional(listenPort(), 'none', {
        scope: 'local',
        meaning: 'A local port from which everything goes to replicas, or where `read` allows to the primary instead.',
      }),
    }),
    'A port for each role, at the `address` of the upstream.',
  ),
});
