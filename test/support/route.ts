import {
  type FieldChanges,
  NO_CHANGES,
  type PathMatch,
  type RouteOptions,
  type RouteTarget,
} from '../../src/route/table/options.ts';

/** A route that matches everything and changes nothing, but for what a test says. */
export function routeOf(more: Partial<RouteOptions> = {}): RouteOptions {
  return {
    name: 'checkout',
    hosts: [],
    matches: [],
    callers: [],
    order: 0,
    action: { kind: 'forward', targets: [targetOf()], sticky: null },
    rewrite: null,
    request: NO_CHANGES,
    response: NO_CHANGES,
    mirrors: [],
    cors: null,
    policy: { timeouts: {}, retry: {}, hash: null },
    ...more,
  };
}

export function targetOf(more: Partial<RouteTarget> = {}): RouteTarget {
  return { upstream: 'orders', subset: null, weight: 1, request: NO_CHANGES, response: NO_CHANGES, ...more };
}

export function changes(more: Partial<FieldChanges>): FieldChanges {
  return { ...NO_CHANGES, ...more };
}

export function matchOf(path: PathMatch): RouteOptions['matches'][number] {
  return { path, methods: [], headers: [], query: [], cookies: [], grpc: null };
}
