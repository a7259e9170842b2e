import type { RouteMatch, RouteOptions, ValueMatch } from '../../src/route/table/options.ts';
import { routeOf } from './route.ts';

/** A route to `orders`, of which only what a test is about is said. */
export function route(said: Partial<RouteOptions> & { readonly name: string }): RouteOptions {
  return routeOf(said);
}

export function match(said: Partial<RouteMatch>): RouteMatch {
  return { path: null, methods: [], headers: [], query: [], cookies: [], grpc: null, ...said };
}

export function valueMatch(name: string, said: Partial<ValueMatch> = {}): ValueMatch {
  return { name, match: { kind: 'present' }, isInverted: false, ...said };
}
