import { isMap } from './layers.ts';
import { type Path, valueAt } from './paths.ts';

/**
 * The upstreams that routes name, with where they do, read from values that nobody has judged yet: what is not as it
 * should be names none. `caller`: whose sidecar this is, which has no part in routes that name other `callers`. Routes of
 * the shared port lead nowhere where there is none.
 */
export function targetsIn(merged: unknown, caller: unknown, hasShared: boolean): [name: string, path: Path][] {
  const upstreams = valueAt(merged, ['upstreams']);
  return [
    ...(hasShared ? ofRoutes(valueAt(merged, ['routes']), ['routes'], caller) : []),
    ...(isMap(upstreams) ? Object.entries(upstreams) : []).flatMap(([name, upstream]) =>
      ofRoutes(valueAt(upstream, ['routes']), ['upstreams', name, 'routes'], caller),
    ),
  ];
}

/** Where a route may name several. */
const LISTS = ['split', 'mirror'] as const;

function ofRoutes(routes: unknown, path: Path, caller: unknown): [string, Path][] {
  if (!isMap(routes)) return [];
  return Object.entries(routes).flatMap(([name, route]) => {
    if (!isMap(route) || !isFor(route['callers'], caller)) return [];
    const at = [...path, name];
    return [
      ...named(route['to'], [...at, 'to']),
      ...LISTS.flatMap((key) => {
        const list = route[key];
        return Array.isArray(list)
          ? list.flatMap((item, index) => named(item, [...at, key, index]))
          : named(list, [...at, key]);
      }),
    ];
  });
}

function isFor(callers: unknown, caller: unknown): boolean {
  if (callers == null || callers === caller) return true;
  return typeof callers !== 'string' && (!Array.isArray(callers) || callers.includes(caller));
}

/** `orders`, `{ upstream: orders }` or `{ to: orders }`, which may be nested once. */
function named(value: unknown, path: Path): [string, Path][] {
  if (typeof value === 'string') return [[value, path]];
  if (!isMap(value)) return [];
  return (['upstream', 'to'] as const).flatMap((key) => (key in value ? named(value[key], [...path, key]) : []));
}
