import { NO_CHANGES, type RouteMatch, type RouteOptions, type ValueMatch } from '../../src/route/table/options.ts';

/** A route to `orders`, of which only what a test is about is said. */
export function route(said: Partial<RouteOptions> & { readonly name: string }): RouteOptions {
  const target = { upstream: 'orders', subset: null, weight: 1, request: NO_CHANGES, response: NO_CHANGES };
  return {
    hosts: [],
    matches: [],
    callers: [],
    order: 0,
    action: { kind: 'forward', targets: [target], sticky: null },
    rewrite: null,
    request: NO_CHANGES,
    response: NO_CHANGES,
    mirrors: [],
    cors: null,
    policy: { timeouts: {}, retry: {}, hash: null },
    ...said,
  };
}

export function match(said: Partial<RouteMatch>): RouteMatch {
  return { path: null, methods: [], headers: [], query: [], cookies: [], grpc: null, ...said };
}

export function valueMatch(name: string, said: Partial<ValueMatch> = {}): ValueMatch {
  return { name, match: { kind: 'present' }, isInverted: false, ...said };
}
