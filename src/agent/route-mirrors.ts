import type { Random } from '../base/random.ts';
import { NO_MIRRORS } from '../proxy/mirrors.ts';
import { type Mirror, mirrorPlan } from '../proxy/places/route-mirrors.ts';
import type { Plan } from '../proxy/plan.ts';
import { makeEffects } from '../route/effects/effects.ts';
import { DerivedLeaf, type Destination } from '../route/routing/leaf.ts';
import { type MirrorOptions, NO_CHANGES, type RouteOptions, type RoutePolicy } from '../route/table/options.ts';
import type { LivePlan } from './plans.ts';
import { routedPlan } from './routed-plan.ts';

const AS_THE_UPSTREAM: RoutePolicy = { timeouts: {}, retry: {}, hash: null };

/**
 * Where copies of the requests of a route go. They are rewritten as the requests are, and have the fields of the route;
 * what a target of a split changes, and the policy of the route, is not their business.
 */
export class MirrorLeaf implements Mirror {
  readonly share: number;
  readonly to: Destination<LivePlan>;
  private readonly leaf: DerivedLeaf<LivePlan>;

  constructor(
    route: RouteOptions,
    { upstream, subset, share }: MirrorOptions,
    to: Destination<LivePlan>,
    random: Random,
  ) {
    const target = { upstream, subset, weight: 0, request: NO_CHANGES, response: NO_CHANGES };
    const effects = makeEffects(route, target);
    const parts = { effects, mirrors: NO_MIRRORS, policy: AS_THE_UPSTREAM, asked: () => '', mayMove: true, subset };
    this.share = share;
    this.to = to;
    this.leaf = new DerivedLeaf(to, (own) => {
      const { plan, part } = routedPlan(own, parts, random);
      return { plan: mirrorPlan(plan, effects), part };
    });
  }

  get plan(): Plan | null {
    return this.leaf.plan;
  }

  letGo(): void {
    this.leaf.letGo();
  }
}
