import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { RouteMatch, RouteOptions } from './options.ts';

/**
 * A route whose texts have been compiled. `T` is what a caller keeps with each route: it is made once, when the table
 * is built.
 */
export interface Found<T> {
  readonly options: RouteOptions;
  readonly value: T;
}

/**
 * Routes in the order of their precedence, asked per request. Immutable. Its cost does not grow with the number of hosts
 * and of exact and prefix paths; only routes that share one host and path are looked at one after another. Asking
 * allocates nothing.
 */
export interface RouteTable<T> {
  readonly size: number;
  /** The first that matches; null: none. */
  match(head: RequestHead, peer: Peer): Found<T> | null;
  /** Which of its matches led here; for `explain`, tests and rewrites of a prefix. Null: it matches every request. */
  matchOf(found: Found<T>, head: RequestHead): RouteMatch | null;
}

/** Nothing matches. */
export const NO_ROUTES: RouteTable<never> = { size: 0, match: () => null, matchOf: () => null };
