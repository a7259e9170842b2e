import type { RouteMatch, RouteOptions } from '../route/table/options.ts';
import type { Config } from './config.ts';

/** Ten thousand routes may all have the same slip; nobody reads the list. */
const MOST = 20;

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
  return [
    ...shadowed(routes, at),
    ...routes.flatMap((route) => [...emptyShares(route, at), ...withoutPreflights(route, at)]),
  ];
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

/** A browser asks first by OPTIONS, with no cookies and none of the fields that it asks for. */
function withoutPreflights({ name, matches, cors }: RouteOptions, at: string): string[] {
  if (cors === null || matches.length === 0 || matches.some(takesPreflights)) return [];
  return [
    `${at}.${name}: cors, and no match that a preflight fits, which is OPTIONS without the cookies and headers of the ` +
      'request that follows; add OPTIONS to methods, or ask for less in one match',
  ];
}

function takesPreflights({ methods, headers, cookies, grpc }: RouteMatch): boolean {
  const isAsked = (methods.length === 0 || methods.includes('OPTIONS')) && grpc === null;
  const isSent = (name: string): boolean => name === 'origin' || name.startsWith('access-control-request-');
  return (
    isAsked &&
    headers.every(({ name, isInverted }) => isInverted || isSent(name)) &&
    cookies.every(({ isInverted }) => isInverted)
  );
}
