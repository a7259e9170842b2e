import { z } from 'zod';
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
      header: optional(
        z.string({ error: HEADER_WORDS }).regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: HEADER_WORDS }),
        'none',
        {
          scope: 'mesh',
          meaning:
            'A request that has `true` in this header is a read, one that has `false` a write, whatever else it is.',
        },
      ),
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
