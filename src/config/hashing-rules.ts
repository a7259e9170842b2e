import { DEFAULT_ENVOY_RING } from '../cluster/hashing-options.ts';
import type { BalancerName } from '../cluster/options.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';

type WrittenUpstream = Written['upstreams'][string];

/** What each of these is about; with another balancer it would be there and do nothing. */
const OWNERS = {
  ring: ['ring_hash'],
  maglev: ['maglev'],
  boundedLoad: ['ring_hash', 'maglev'],
} as const satisfies Partial<Record<keyof WrittenUpstream, readonly BalancerName[]>>;

/** What balancers that hash are told, and must not be told together. */
export function hashingRules(name: string, upstream: WrittenUpstream): Contradiction[] {
  const path = ['upstreams', name];
  return [...strayOptions(path, upstream), ...ringOptions(path, upstream)];
}

function strayOptions(path: Path, upstream: WrittenUpstream): Contradiction[] {
  const keys = Object.keys(OWNERS) as (keyof typeof OWNERS)[];
  return keys.flatMap((key) => {
    const owners: readonly BalancerName[] = OWNERS[key];
    if (upstream[key] === null || owners.includes(upstream.balance)) return [];
    const found = `${key} with balancer ${upstream.balance}`;
    const expected = `balance: ${owners.join(' or ')} beside it`;
    return [contradiction([...path, key], found, expected, null, [[...path, 'balance']], 'key')];
  });
}

function ringOptions(path: Path, { ring }: WrittenUpstream): Contradiction[] {
  if (ring === null) return [];
  const { sizing, points, minSize, maxSize } = ring;
  const at = (key: string): Path => [...path, 'ring', key];
  const [stray, owner] = sizing === 'fixed' ? (['minSize', 'envoy'] as const) : (['points', 'fixed'] as const);
  if ((sizing === 'fixed' ? minSize : points) !== null) {
    const found = `${stray} with sizing ${sizing}`;
    return [contradiction(at(stray), found, `sizing: ${owner} beside it`, null, [at('sizing')], 'key')];
  }
  const least = minSize ?? DEFAULT_ENVOY_RING.minSize;
  if (sizing === 'fixed' || maxSize === null || maxSize >= least) return [];
  return [contradiction(at('maxSize'), String(maxSize), `at least minSize, which is ${least}`, null, [at('minSize')])];
}
