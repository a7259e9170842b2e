import type { Mirrors } from '../proxy/mirrors.ts';
import type { MirrorCrowd } from '../proxy/places/mirror-crowd.ts';
import { RouteMirrors } from '../proxy/places/route-mirrors.ts';
import type { Plan } from '../proxy/plan.ts';
import { makeEffects } from './effects/effects.ts';
import { NO_CHANGES, type RouteOptions } from './table/options.ts';

/** The plan of the moment of an upstream, or of a subset of it; null: it is not there. */
export type FindTarget = (upstream: string, subset: string | null) => Plan | null;

/**
 * Where else the requests of a route go. A copy is rewritten as the request is, and has the fields of the route: only
 * what a target of a split changes is not its business.
 */
export function makeMirrors(route: RouteOptions, findPlan: FindTarget, crowd: MirrorCrowd): Mirrors {
  const mirrors = route.mirrors.map(({ upstream, subset, share }) => {
    const target = { upstream, subset, weight: 0, request: NO_CHANGES, response: NO_CHANGES };
    return { share, effects: makeEffects(route, target), plan: () => findPlan(upstream, subset) };
  });
  return RouteMirrors.of(route.name, mirrors, crowd);
}
