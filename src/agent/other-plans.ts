import { NO_MIRRORS } from '../proxy/mirrors.ts';
import type { Plan } from '../proxy/plan.ts';
import { NO_EFFECTS } from '../proxy/route-effects.ts';
import { DerivedLeaf, Destination } from '../route/routing/leaf.ts';
import type { Parts } from './parts.ts';
import type { LivePlan } from './plans.ts';
import { type RouteParts, routedPlan } from './routed-plan.ts';
import type { Upstream } from './upstream.ts';

/** What no route leads. */
const PLAIN: RouteParts = {
  effects: NO_EFFECTS,
  mirrors: NO_MIRRORS,
  policy: { timeouts: {}, retry: {}, hash: null },
  asked: () => '',
  mayMove: true,
  subset: null,
};
/** Plans that are kept for requests to come. */
const MAX_KEPT = 256;

/**
 * The plans of requests that an override sends elsewhere: what their route says of them holds there as well, but for the
 * place, and nobody stands in for whom they ask for. They are kept until anything about upstreams or routes is another.
 */
export class OtherPlans {
  private readonly origins = new WeakMap<Plan, RouteParts>();
  private readonly kept = new Map<RouteParts, Map<string, DerivedLeaf<LivePlan>>>();
  private size = 0;
  private find: (name: string) => Upstream | null = () => null;

  constructor(private readonly parts: Parts) {}

  /** A route has made this plan of these. */
  note(plan: Plan, parts: RouteParts): void {
    if (this.parts.overrides.isOn) this.origins.set(plan, parts);
  }

  follow(find: (name: string) => Upstream | null): void {
    this.find = find;
    this.forget();
  }

  /** Null: nobody is declared so, or has such a subset. */
  of(plan: Plan, name: string, subset: string | null): Plan | null {
    const upstream = this.find(name);
    if (upstream === null || upstream.declared.protocol === 'tcp') return null;
    if (subset !== null && !Object.hasOwn(upstream.declared.subsets, subset)) return null;
    const parts = this.origins.get(plan) ?? PLAIN;
    const key = subset === null ? name : `${name}/${subset}`;
    const known =
      this.kept.get(parts)?.get(key) ?? this.keep(upstream, { ...parts, mayMove: false, subset }, parts, key);
    return known.plan;
  }

  private keep(upstream: Upstream, made: RouteParts, of: RouteParts, key: string): DerivedLeaf<LivePlan> {
    if (this.size >= MAX_KEPT) this.forget();
    const to = new Destination<LivePlan>(upstream.declared.name);
    to.upstream = upstream;
    const leaf = new DerivedLeaf(to, (plan) => routedPlan(plan, made, this.parts.random));
    this.kept.set(of, (this.kept.get(of) ?? new Map()).set(key, leaf));
    this.size += 1;
    return leaf;
  }

  private forget(): void {
    this.kept.clear();
    this.size = 0;
  }
}
