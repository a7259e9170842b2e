import type { RouteMatch, RouteOptions } from '../route/table/options.ts';
import type { Config } from './config.ts';

/** Ten thousand routes may all have the same slip; nobody reads the list. */
const MOST = 20;
/** More than a person writes by hand; whoever has them written could say most by precedence. */
const MANY_IN_ORDER = 200;

/** Routes that are allowed and rarely meant: what nobody can reach, and what takes more than its writer may think. */
export function routeWarnings(config: Config): string[] {
  const lines = [
    ...listWarnings(config.routes, 'routes'),
    ...[...config.upstreams.values()].flatMap(({ name, routes }) => listWarnings(routes, `upstreams.${name}.routes`)),
    ...ofSharedPort(config),
  ];
  if (lines.length <= MOST) return lines;
  return [...lines.slice(0, MOST), `${lines.length - MOST} more about routes`];
}

function ofSharedPort({ routes, outbound, upstreams, service }: Config): string[] {
  if (routes.length === 0) return [];
  if (outbound === null) {
    return [
      `routes: there is no outbound port, by which they are asked; set outbound, or write them under an upstream`,
    ];
  }
  const isOurs = ({ callers }: RouteOptions): boolean => callers.length === 0 || callers.includes(service.name);
  const taker = routes.find((route) => isOurs(route) && isForAll(route));
  const byName = [...upstreams.values()].filter(({ protocol }) => protocol !== 'tcp').length;
  if (taker === undefined || byName === 0) return [];
  return [
    `routes.${taker.name} is for every host and every request: no upstream is reached by its name any more on the ` +
      'outbound port, unless another route comes first; give it hosts',
  ];
}

function isForAll({ hosts, matches }: RouteOptions): boolean {
  return (hosts.length === 0 || hosts.includes('*')) && (matches.length === 0 || matches.some(isAnything));
}

function isAnything({ path, methods, headers, query, cookies, grpc }: RouteMatch): boolean {
  const isAnyPath = path === null || (path.kind !== 'exact' && path.kind !== 'regex' && path.value === '/');
  return isAnyPath && methods.length + headers.length + query.length + cookies.length === 0 && grpc === null;
}

function listWarnings(routes: readonly RouteOptions[], at: string): string[] {
  return [...inOrder(routes, at), ...shadowed(routes, at), ...routes.flatMap((route) => emptyShares(route, at))];
}

/** Of each host by itself: the table finds that at once. */
function inOrder(routes: readonly RouteOptions[], at: string): string[] {
  const counts = new Map<string, number>();
  for (const { order, hosts } of routes) {
    if (order === 0) continue;
    for (const host of hosts.length === 0 ? ['*'] : hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  const many = [...counts].filter(([, count]) => count > MANY_IN_ORDER);
  return many.map(
    ([host, count]) =>
      `${at}: ${count} routes of host ${host} have an order, so that they are asked one after another for each ` +
      'request; the precedence finds others at once',
  );
}

/**
 * A route of which every host and match is asked for by one that comes before it. Only what is the same word for word
 * is found: whether one pattern is part of another is a question for nobody's start.
 */
function shadowed(routes: readonly RouteOptions[], at: string): string[] {
  const takers = new Map<string, string>();
  return [...routes].sort(byOrder).flatMap((route) => {
    const keys = entriesOf(route);
    const before = keys.map((key) => takers.get(key));
    for (const key of keys) if (!takers.has(key)) takers.set(key, route.name);
    const [taker] = before;
    if (taker === undefined || before.includes(undefined)) return [];
    return [`${at}.${route.name} is never asked: ${at}.${taker} comes first and matches the same`];
  });
}

function byOrder(a: RouteOptions, b: RouteOptions): number {
  return a.order - b.order;
}

function entriesOf({ hosts, matches, callers }: RouteOptions): string[] {
  const all = matches.length === 0 ? [null] : matches;
  return (hosts.length === 0 ? ['*'] : hosts).flatMap((host) =>
    all.map((match) => JSON.stringify([host, [...callers].sort(), match === null || isAnything(match) ? null : match])),
  );
}

function emptyShares({ name, action }: RouteOptions, at: string): string[] {
  if (action.kind !== 'forward' || action.targets.length < 2) return [];
  return action.targets.flatMap(({ upstream, subset, weight }) =>
    weight > 0
      ? []
      : [`${at}.${name}: ${subset === null ? upstream : `${upstream}/${subset}`} has weight 0 and gets nothing`],
  );
}
