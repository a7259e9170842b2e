import type { RequestHead } from '../../http/head.ts';
import type { RouteOptions } from './options.ts';
import type { RouteTable } from './table.ts';

/** In the place of the real one until that is there: exact hosts, exact paths and prefixes, the first that matches. */
export function* compileRoutes<T>(
  routes: readonly RouteOptions[],
  valueFor: (route: RouteOptions) => T,
): Generator<void, RouteTable<T>> {
  const all: { readonly options: RouteOptions; readonly value: T }[] = [];
  for (const options of routes) {
    all.push({ options, value: valueFor(options) });
    yield;
  }
  return {
    size: all.length,
    match: (head) => all.find(({ options }) => isFor(options, head)) ?? null,
    matchOf: ({ options }) => options.matches[0] ?? null,
  };
}

function isFor({ hosts, matches }: RouteOptions, head: RequestHead): boolean {
  if (hosts.length > 0 && !hosts.includes(head.authority)) return false;
  return matches.length === 0 || matches.some(({ path }) => path === null || head.path.startsWith(path.value));
}
