import { HASHING_NAMES, isHashing } from '../cluster/hashing-options.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import { type Path, valueAt } from './paths.ts';
import type { Written } from './schema.ts';
import type { WrittenKey, WrittenSource } from './sections/hash.ts';

type WrittenUpstream = Written['upstreams'][string];

/** Keys that nothing hashes, that hashing lacks, or that traffic of this protocol cannot have. */
export function hashRules(name: string, upstream: WrittenUpstream, merged: unknown): Contradiction[] {
  const path = ['upstreams', name];
  const { balance: balancer, hash, roles } = upstream;
  const concerns = [
    [...path, 'hash'],
    [...path, 'balance'],
  ];
  if (hash === null) {
    if (!isHashing(balancer)) return [];
    const expected = 'hash beside it, { header: NAME } or { source: true }';
    return [contradiction([...path, 'balance'], `${balancer} without hash`, expected, null, concerns)];
  }
  if (!isHashing(balancer) && roles?.kind !== 'multi_primary') {
    const expected = `a balancer that hashes beside it, ${HASHING_NAMES.join(', ')}`;
    return [contradiction([...path, 'hash'], `hash with balancer ${balancer}`, expected, null, concerns, 'key')];
  }
  const isList = Array.isArray(valueAt(merged, [...path, 'hash']));
  const at = (index: number): Path => [...path, 'hash', ...(isList ? [index] : [])];
  return [
    ...hash.flatMap((key, index) => [
      ...strangerTo(upstream.protocol, key, at(index), [...path, 'protocol']),
      ...makerRules(upstream.protocol, key, at(index), [...path, 'protocol']),
      ...cookieRules(key, [...at(index), 'cookie']),
    ]),
    ...secondCookie(hash, at),
  ];
}

/** What a client that does not speak this protocol might have had. */
export function strangerTo(
  protocol: WrittenUpstream['protocol'],
  { header, cookie, query, path }: WrittenSource,
  at: Path,
  protocolAt: Path,
): Contradiction[] {
  const refuse = (what: string, inner: Path, expected: string): Contradiction[] => [
    contradiction([...at, ...inner], `${what} for protocol ${protocol}`, expected, null, [protocolAt]),
  ];
  if (protocol === 'tcp') {
    const expected = '{ source: true }';
    if (header !== null) return refuse('a header', ['header'], expected);
    if (cookie !== null) return refuse('a cookie', ['cookie'], expected);
    if (query !== null) return refuse('a query', ['query'], expected);
    if (path !== null) return refuse('a path', ['path'], expected);
  }
  if (protocol === 'grpc' && query !== null) {
    return refuse('a query', ['query'], 'a key that calls have, such as { header: NAME }');
  }
  return [];
}

function makerRules(
  protocol: WrittenUpstream['protocol'],
  { cookie }: WrittenKey,
  at: Path,
  protocolAt: Path,
): Contradiction[] {
  if (protocol !== 'grpc' || cookie === null || cookie.ttl === null) return [];
  const expected = 'no ttl: callers of gRPC keep no cookies';
  return [contradiction([...at, 'cookie', 'ttl'], 'a cookie to make for protocol grpc', expected, null, [protocolAt])];
}

function cookieRules({ cookie }: WrittenKey, at: Path): Contradiction[] {
  if (cookie === null) return [];
  const { sameSite, secure } = cookie.attributes;
  if (sameSite !== 'None' || secure) return [];
  const path = [...at, 'attributes'];
  const expected = 'secure: true beside it, or no browser takes the cookie';
  return [contradiction([...path, 'sameSite'], 'sameSite None without secure', expected, null, [[...path, 'secure']])];
}

/** One is enough to know a client by. */
function secondCookie(hash: readonly WrittenKey[], at: (index: number) => Path): Contradiction[] {
  const makers = [...hash.keys()].filter((index) => hash[index]!.cookie?.ttl != null);
  return makers.slice(1).map((index) => {
    const first = [...at(makers[0]!), 'cookie', 'ttl'];
    return contradiction([...at(index), 'cookie', 'ttl'], 'a second cookie to make', 'one ttl in a hash', null, [
      first,
    ]);
  });
}
