import { type Contradiction, contradiction } from './contradiction.ts';
import { type Path, valueAt } from './paths.ts';
import { destinationsOf, type Placed } from './placed-routes.ts';
import type { Written } from './schema.ts';
import type { WrittenMatch } from './sections/routes/match.ts';

/** What a match must not ask: what its traffic cannot have, or what leaves no part of a path to replace. */
export function matchRules(config: Written, placed: Placed, merged: unknown): Contradiction[] {
  const { path, route } = placed;
  const isList = Array.isArray(valueAt(merged, [...path, 'match']));
  const matches = (route.match ?? []).map(
    (match, index) => [match, [...path, 'match', ...(isList ? [index] : [])]] as const,
  );
  return [
    ...matches.flatMap(([match, at]) => [...callRules(config, placed, match, at, merged), ...twice(match, at)]),
    ...prefixOfPattern(placed, matches),
    ...toItself(placed, matches),
    ...changedTwice(placed),
  ];
}

function callRules(
  { upstreams }: Written,
  placed: Placed,
  { grpc, path, query }: WrittenMatch,
  at: Path,
  merged: unknown,
): Contradiction[] {
  const found: Contradiction[] = [];
  if (grpc !== null && path !== null) {
    const expected = 'one of them: service and method of a call are its path';
    found.push(contradiction([...at, 'path'], 'path beside grpc', expected, null, [[...at, 'grpc']], 'key'));
  }
  const asked = placed.own === null ? destinationsOf(placed, merged).map(({ upstream }) => upstream) : [placed.own];
  const speaks = (protocol: string): string | undefined =>
    asked.find((name) => Object.hasOwn(upstreams, name) && upstreams[name]!.protocol === protocol);
  const plain = grpc === null ? undefined : speaks('http');
  if (plain !== undefined) {
    const expected = 'an upstream of protocol grpc, http2 or auto';
    const concerns = [['upstreams', plain, 'protocol']];
    found.push(
      contradiction(
        [...at, 'grpc'],
        `calls of gRPC, and upstream ${plain} of protocol http`,
        expected,
        null,
        concerns,
        'key',
      ),
    );
  }
  const calls = Object.keys(query).length === 0 ? undefined : speaks('grpc');
  if (calls !== undefined || (grpc !== null && Object.keys(query).length > 0)) {
    const concerns = calls === undefined ? [[...at, 'grpc']] : [['upstreams', calls, 'protocol']];
    found.push(
      contradiction([...at, 'query'], 'a query of calls of gRPC', 'headers, which calls have', null, concerns, 'key'),
    );
  }
  return found;
}

/** Field names know no case. */
function twice({ headers }: WrittenMatch, at: Path): Contradiction[] {
  return sameName(Object.keys(headers), [...at, 'headers']);
}

function changedTwice({ path, route }: Placed): Contradiction[] {
  const all = [
    [route, path] as const,
    ...(route.split ?? []).map((share, index) => [share, [...path, 'split', index]] as const),
  ];
  return all.flatMap(([holder, at]) =>
    (['request', 'response'] as const).flatMap((side) =>
      (['set', 'add'] as const).flatMap((key) => sameName(Object.keys(holder[side][key]), [...at, side, key])),
    ),
  );
}

function sameName(names: readonly string[], at: Path): Contradiction[] {
  const lower = names.map((name) => name.toLowerCase());
  return names.flatMap((name, index) => {
    const first = lower.indexOf(lower[index]!);
    if (first === index) return [];
    return [
      contradiction([...at, name], `${names[first]} again`, 'each header once', null, [[...at, names[first]!]], 'key'),
    ];
  });
}

type PlacedMatch = readonly [WrittenMatch, Path];

function prefixOfPattern({ path, route }: Placed, matches: readonly PlacedMatch[]): Contradiction[] {
  const holder = (['rewrite', 'redirect'] as const).find((key) => route[key] !== null && route[key].prefix !== null);
  if (holder === undefined) return [];
  const pattern = matches.find(([match]) => match.path !== null && match.path.regex !== null);
  const call = matches.find(([match]) => match.grpc !== null);
  const [, at] = pattern ?? call ?? [null, null];
  if (at === null) return [];
  const found = pattern === undefined ? 'prefix beside a match of grpc' : 'prefix beside a path that is a regex';
  const whole = holder === 'rewrite' ? 'path, or regex, which say' : 'path, which says';
  const expected = `${whole} what becomes of all of it`;
  const concerns = [[...at, pattern === undefined ? 'grpc' : 'path']];
  return [contradiction([...path, holder, 'prefix'], found, expected, null, concerns, 'key')];
}

/** A redirect to where the client is already, as far as one can see from here. */
function toItself({ path, route, own }: Placed, matches: readonly PlacedMatch[]): Contradiction[] {
  const { redirect, hosts } = route;
  if (redirect === null || redirect.scheme !== null || redirect.port !== null) return [];
  const isSameHost =
    redirect.host === null || (own === null && (hosts === null || hosts.includes(redirect.host.toLowerCase())));
  if (!isSameHost) return [];
  const target = redirect.path ?? redirect.prefix;
  const key = redirect.path !== null ? 'path' : redirect.prefix !== null ? 'prefix' : 'host';
  const all = matches.length === 0 ? [[null, path] as const] : matches;
  const again = all.find(([match]) => isForAll(match, target));
  if (again === undefined) return [];
  const expected = 'a place that this route does not match';
  return [contradiction([...path, 'redirect', key], 'a redirect to itself', expected, null, [again[1]])];
}

/** Does it match the path alone, and this one among others? Null: all of what came is kept. */
function isForAll(match: WrittenMatch | null, target: string | null): boolean {
  if (match === null) return true;
  const { path, methods, headers, query, cookies, grpc } = match;
  const more = [headers, query, cookies].reduce((sum, map) => sum + Object.keys(map).length, 0);
  if (methods !== null || grpc !== null || more > 0) return false;
  if (path === null || target === null) return true;
  if (path.exact !== null) return path.exact === target;
  if (path.prefix !== null) return target.startsWith(path.prefix);
  if (path.segments === null) return false;
  const segments = path.segments.replace(/\/+$/, '');
  return target === segments || target.startsWith(`${segments}/`);
}
