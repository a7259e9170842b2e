import { createHash } from 'node:crypto';
import type { Random } from '../base/random.ts';
import { FullJitter } from '../policy/backoff.ts';
import { textsOf } from '../proxy/allowance.ts';
import type { Mirrors } from '../proxy/mirrors.ts';
import type { Placement } from '../proxy/placement.ts';
import { Retrying } from '../proxy/retrying.ts';
import type { RouteEffects } from '../proxy/route-effects.ts';
import { NO_STALE } from '../proxy/stale-cache.ts';
import { makeHashKey } from '../route/hash-keys.ts';
import type { Derived, Peopled } from '../route/routing/leaf.ts';
import type { FieldChanges, RouteOptions, RoutePolicy } from '../route/table/options.ts';
import { type LivePlan, otherwise, spreadBy } from './plans.ts';

/** What one target of a route says beside its upstream's name. */
export interface RouteParts {
  readonly effects: RouteEffects;
  readonly mirrors: Mirrors;
  readonly policy: RoutePolicy;
  /** What is asked otherwise than the client did, in words; empty: nothing. See `askedOtherwise`. */
  readonly asked: () => string;
  /** May requests go on to the upstream's fallback? */
  readonly mayMove: boolean;
  /** Null: as the upstream has it. */
  readonly subset: string | null;
}

/**
 * The plan of an upstream for what one route leads there. All that is counted stays the upstream's: budget, admission,
 * line, parking, holds, pace, hedges, what retries at the same time. So a route takes nothing from the limits of the
 * others and adds nothing to them.
 */
export function routedPlan(plan: LivePlan, parts: RouteParts, random: Random): Derived {
  const { effects, mirrors, subset } = parts;
  const { placement, part } = placeOf(plan, parts, random);
  const fallback = plan.fallback.within(answersOf(plan, parts), parts.mayMove);
  const routed = otherwise(plan, { effects, mirrors, placement, fallback, ...rulesOf(plan, parts.policy, random) });
  const { shards } = plan;
  if (plan.spreader === null || subset !== null || shards === null || shards.sharding === null)
    return { plan: routed, part };
  return { plan: spreadBy(routed, shards.sharding, shards), part };
}

/** Whose kept answers the route's are: requests that endpoints see alike, and the same endpoints, have the same. */
function answersOf({ placing, fallback }: LivePlan, { asked, subset }: RouteParts): string {
  if (fallback.stale === NO_STALE) return '';
  const changes = asked();
  if (subset === null && changes === '') return '';
  // What a subset is told by is in the key of its lens.
  const whose = subset === null ? null : [subset, placing.partOf(subset).key];
  return createHash('sha256')
    .update(JSON.stringify([whose, changes]))
    .digest('base64');
}

/** What a route and a target of it change of requests; empty: nothing. */
export function askedOtherwise({ rewrite, matches, request }: RouteOptions, changes: FieldChanges): string {
  const isChanged = [request, changes].some(({ set, add, remove }) => set.length + add.length + remove.length > 0);
  if (rewrite === null && !isChanged) return '';
  const paths = rewrite === null || rewrite.prefix === null ? [] : matches.map(({ path }) => path);
  return JSON.stringify([rewrite, paths, request, changes]);
}

/** How long it takes to connect is a matter of the pool, which all routes share. */
function rulesOf(plan: LivePlan, { timeouts: bounds, retry: rules }: RoutePolicy, random: Random): Partial<LivePlan> {
  const timeouts = { ...plan.timeouts, ...bounds, connectMs: plan.timeouts.connectMs };
  const ofTime = Object.keys(bounds).length === 0 ? {} : { timeouts, timeTexts: textsOf(timeouts) };
  if (Object.keys(rules).length === 0) return ofTime;
  const { budget, maxConcurrent } = plan.retry;
  const retry = { ...plan.retry, ...rules, budget, maxConcurrent };
  const { slots, spent } = plan.retrying;
  return { ...ofTime, retry, retrying: new Retrying(retry, slots, spent), backoff: new FullJitter(retry, random) };
}

function placeOf(
  { placement, placing, shards, cluster }: LivePlan,
  { subset, policy: { hash } }: RouteParts,
  random: Random,
): { readonly placement: Placement; readonly part: Peopled } {
  // Which shard has a key is no route's to say, and a shard has no subsets: the configuration would have been refused.
  const isSharded = shards !== null && shards.sharding !== null;
  if (isSharded) return { placement: subset === null ? placement : NOBODY, part: cluster.all };
  if (subset === null && hash === null) return { placement, part: placing.partOf(null) };
  const placed = placing.at(subset, hash === null ? placing.key : makeHashKey(hash, random));
  return placed === null ? { placement: NOBODY, part: DESERTED } : { placement: placed, part: placing.partOf(subset) };
}

/** Of a subset that the upstream has not, or not yet: it waits for a port to be what it is told to be. */
const NOBODY: Placement = { place: () => 'no_endpoint', mark: () => undefined };
const DESERTED: Peopled = { isDeserted: true };
