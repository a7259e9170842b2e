import { type Path, valueAt } from './paths.ts';
import type { Written } from './schema.ts';
import type { WrittenRoute } from './sections/routes/routes.ts';
import type { WrittenTarget } from './sections/routes/targets.ts';

/** One route and where it stands. */
export interface Placed {
  readonly path: Path;
  readonly route: WrittenRoute;
  /** The upstream it is of; null: of the shared port. */
  readonly own: string | null;
}

/** Every upstream that a route may send to, with where it says so. */
export interface Destination {
  readonly upstream: string;
  readonly subset: string | null;
  readonly at: Path;
}

export function placedRoutes({ routes, upstreams }: Written): Placed[] {
  const placed = (map: Written['routes'], path: Path, own: string | null): Placed[] =>
    Object.entries(map).map(([name, route]) => ({ path: [...path, name], route, own }));
  return [
    ...placed(routes, ['routes'], null),
    ...Object.entries(upstreams).flatMap(([name, upstream]) =>
      placed(upstream.routes, ['upstreams', name, 'routes'], name),
    ),
  ];
}

export function destinationsOf({ path, route, own }: Placed, merged: unknown): Destination[] {
  const { to, split: shares, mirror } = route;
  const of = (target: Pick<WrittenTarget, 'upstream' | 'subset'>, at: Path): Destination => {
    return { upstream: target.upstream ?? own ?? '', subset: target.subset, at };
  };
  const isList = Array.isArray(valueAt(merged, [...path, 'mirror']));
  return [
    ...(to === null ? [] : [of(to, [...path, 'to'])]),
    ...(shares ?? []).map((share, index) => of(share, [...path, 'split', index])),
    ...(mirror ?? []).map((one, index) => of(one.to, [...path, 'mirror', ...(isList ? [index] : []), 'to'])),
  ];
}
