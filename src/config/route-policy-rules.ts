import { HASHING_NAMES, isHashing } from '../cluster/hashing-options.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import { strangerTo } from './hash-rules.ts';
import { type Path, valueAt } from './paths.ts';
import { destinationsOf, type Placed } from './placed-routes.ts';
import { retryConflicts } from './retry-rules.ts';
import type { Written } from './schema.ts';
import { timeoutBounds } from './timeout-rules.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** What a route must not say in place of what the upstreams say that it leads to. */
export function routePolicyRules(config: Written, placed: Placed, merged: unknown): Contradiction[] {
  const { path, route, own } = placed;
  const { to, split } = route;
  const sent = destinationsOf({ ...placed, route: { ...route, mirror: null } }, merged);
  const names = to === null && split === null && own !== null ? [own] : sent.map(({ upstream }) => upstream);
  const upstreams = [...new Set(names)].filter((name) => Object.hasOwn(config.upstreams, name));
  return [
    ...ownBounds(placed, merged),
    ...upstreams.flatMap((name) => {
      const upstream = config.upstreams[name]!;
      return [
        ...hashOf(placed, name, upstream, merged),
        ...stickyCalls(path, placed, name, upstream),
        ...retryOver(placed, name, upstream),
      ];
    }),
  ];
}

/** Of what the route itself says; what it leaves to the upstream is bound there. */
function ownBounds({ path, route }: Placed, merged: unknown): Contradiction[] {
  const { timeouts, retry } = route;
  const said = Object.fromEntries(Object.entries(timeouts).map(([key, value]) => [key, value ?? 0]));
  const found = timeoutBounds([...path, 'timeouts'], merged, said as WrittenUpstream['timeouts']);
  const { backoff, maxBackoff } = retry;
  if (backoff === null || maxBackoff === null || backoff <= maxBackoff) return found;
  const expected = `at most maxBackoff, which is ${formatDuration(maxBackoff)}`;
  const at = [...path, 'retry'];
  return [
    ...found,
    contradiction([...at, 'backoff'], formatDuration(backoff), expected, null, [[...at, 'maxBackoff']]),
  ];
}

/** Of what the route says, over what the upstream says. It may well leave values of that without an effect. */
function retryOver({ path, route }: Placed, name: string, upstream: WrittenUpstream): Contradiction[] {
  const said = Object.fromEntries(Object.entries(route.retry).filter(([, value]) => value !== null));
  if (Object.keys(said).length === 0) return [];
  const isOwn = (at: Path): boolean => Object.hasOwn(said, String(at[path.length + 1]));
  const whose = (at: Path): Path => (isOwn(at) ? at : ['upstreams', name, ...at.slice(path.length)]);
  return retryConflicts(path, { ...upstream, retry: { ...upstream.retry, ...said } })
    .filter((conflict) => isOwn(conflict.path))
    .map((conflict) => ({ ...conflict, concerns: conflict.concerns.map(whose) }));
}

function hashOf({ path, route }: Placed, name: string, upstream: WrittenUpstream, merged: unknown): Contradiction[] {
  const { hash } = route;
  if (hash === null) return [];
  const { balance, roles, protocol, shards } = upstream;
  const at = [...path, 'hash'];
  if (shards !== null) {
    const found = `hash, and upstream ${name} with shards`;
    const expected =
      'an upstream without: a write that waits for another shard is placed anew, by the key of the upstream';
    return [contradiction(at, found, expected, null, [['upstreams', name, 'shards']], 'key')];
  }
  if (!isHashing(balance) && roles?.kind !== 'multi_primary') {
    const found = `hash, and upstream ${name} with balancer ${balance}`;
    const expected = `an upstream with a balancer that hashes, ${HASHING_NAMES.join(', ')}`;
    return [contradiction(at, found, expected, null, [['upstreams', name, 'balance']], 'key')];
  }
  const isList = Array.isArray(valueAt(merged, at));
  return hash.flatMap((key, index) =>
    strangerTo(protocol, key, [...at, ...(isList ? [index] : [])], ['upstreams', name, 'protocol']),
  );
}

function stickyCalls(path: Path, { route }: Placed, name: string, { protocol }: WrittenUpstream): Contradiction[] {
  const cookie = route.sticky?.cookie ?? null;
  if (protocol !== 'grpc' || cookie === null || cookie.ttl === null) return [];
  const at = [...path, 'sticky', 'cookie', 'ttl'];
  const found = `a cookie to make, and upstream ${name} of protocol grpc`;
  const concerns = [['upstreams', name, 'protocol']];
  return [contradiction(at, found, 'no ttl: callers of gRPC keep no cookies', null, concerns)];
}
