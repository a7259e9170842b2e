import { shardMapFlaws } from '../route/shards/shard-map-flaws.ts';
import { shardsOf } from '../route/shards/shard-options.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import { strangerTo } from './hash-rules.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';
import { mapOf, type WrittenShards } from './shards.ts';

/** A request that goes to more shards at once costs more than its answer is worth. */
const MAX_SPREAD = 64;

type WrittenMap = WrittenShards['map'];
type WrittenRange = WrittenMap['ranges'][number];

/** What says who owns a range, by the kind of the map. */
const OWNED_BY = {
  slots: ['slots'],
  ranges: ['from', 'to'],
  list: ['keys'],
  consistent: [],
} as const satisfies Record<WrittenMap['kind'], readonly (keyof WrittenRange)[]>;

const RANGE_KEYS = ['slots', 'from', 'to', 'keys'] as const;

export function shardRules(upstream: Path, { shards, protocol, roles }: Written['upstreams'][string]): Contradiction[] {
  if (shards === null) return [];
  const path = [...upstream, 'shards'];
  if (protocol === 'tcp') {
    const concerns = [[...upstream, 'protocol']];
    return [
      contradiction(path, 'shards for protocol tcp', 'no shards: opaque bytes have no key', null, concerns, 'key'),
    ];
  }
  const misplaced = misplacedKeys([...path, 'map'], shards.map);
  if (misplaced.length > 0) return misplaced;
  const flaws = shardMapFlaws(mapOf(shards.map));
  return [
    ...shards.key.flatMap((key, i) => strangerTo(protocol, key, [...path, 'key', i], [...upstream, 'protocol'])),
    ...flaws.map(({ at, found, expected }) => contradiction([...path, 'map', ...at], found, expected)),
    ...spreadRules(path, shards, protocol),
    ...portRules(upstream, roles),
  ];
}

/** Keys that the kind of the map does not read, and those it cannot do without. */
function misplacedKeys(path: Path, { kind, ranges, otherwise }: WrittenMap): Contradiction[] {
  const findings: Contradiction[] = [];
  const concerns = [[...path, 'kind']];
  const refuse = (at: Path, found: string, expected: string): void => {
    findings.push(contradiction(at, found, expected, null, concerns, 'key'));
  };
  if (otherwise !== null && kind !== 'list')
    refuse([...path, 'otherwise'], `otherwise in kind ${kind}`, 'kind: list beside it');
  if (kind === 'consistent' && ranges.length > 0) {
    refuse([...path, 'ranges'], 'ranges in kind consistent', 'shards alone, or another kind');
    return findings;
  }
  const known: readonly string[] = OWNED_BY[kind];
  for (const [i, range] of ranges.entries()) {
    const at = [...path, 'ranges', i];
    for (const key of RANGE_KEYS) {
      if (range[key] !== null && !known.includes(key))
        refuse([...at, key], `${key} in kind ${kind}`, known.join(' and '));
    }
    const needed = known[0];
    if (kind !== 'ranges' && needed !== undefined && range[needed as keyof WrittenRange] === null) {
      refuse(at, `a range without ${needed}`, `${needed} in it`);
    }
  }
  return findings;
}

function spreadRules(path: Path, { absent, map }: WrittenShards, protocol: string): Contradiction[] {
  if (absent !== 'first' && absent !== 'all') return [];
  if (protocol === 'grpc') {
    return [
      contradiction([...path, 'absent'], `${absent} for protocol grpc`, 'reject or any: no call is known to be safe'),
    ];
  }
  const { length } = shardsOf(mapOf(map));
  if (length <= MAX_SPREAD) return [];
  const found = `${absent} with ${length} shards`;
  return [contradiction([...path, 'absent'], found, `reject or any, or at most ${MAX_SPREAD} shards`)];
}

/** What comes by a port of a role is not looked at, and so has no key. */
function portRules(upstream: Path, roles: Written['upstreams'][string]['roles']): Contradiction[] {
  if (roles === null || (roles.ports.primary === null && roles.ports.replica === null)) return [];
  const concerns = [[...upstream, 'shards']];
  const found = 'ports of roles beside shards';
  return [
    contradiction(
      [...upstream, 'roles', 'ports'],
      found,
      'no ports: requests there have no key',
      null,
      concerns,
      'key',
    ),
  ];
}
