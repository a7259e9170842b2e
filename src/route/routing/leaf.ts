import type { Plan } from '../../proxy/plan.ts';

/** An upstream as its name finds it now. Who leads there holds this, and not the upstream, which others may replace. */
export class Destination<P extends Plan = Plan> {
  /** Null: nobody is called so. */
  upstream: { readonly plan: P } | null = null;

  constructor(readonly name: string) {}
}

/** Part of a cluster, as far as it matters whether anybody is there. */
export interface Peopled {
  /** Discovery has answered, and there is nobody. */
  readonly isDeserted: boolean;
}

/** What a route makes of the plan of an upstream. */
export interface Derived {
  readonly plan: Plan;
  /** Whom the plan picks from. */
  readonly part: Peopled;
}

/** Where one target of one route leads. */
export interface Leaf {
  readonly to: { readonly name: string };
  /** Null: there is no such upstream. */
  readonly plan: Plan | null;
  /** Whoever is sent there fails for sure. */
  readonly isDeserted: boolean;
  /** A plan that is past would keep its cluster in memory until the next request. */
  letGo(): void;
}

/**
 * The target's plan of the moment with what the route says of its own laid over
 * it. It is derived when the first request comes after the target's plan has become another, and kept until then, so
 * that a change costs what is used of it: ten thousand routes are not ten thousand plans.
 */
export class DerivedLeaf<P extends Plan> implements Leaf {
  private of: P | null = null;
  private derived: Derived | null = null;

  constructor(
    readonly to: Destination<P>,
    private readonly derive: (plan: P) => Derived,
  ) {}

  get plan(): Plan | null {
    const derived = this.current();
    return derived === null ? null : derived.plan;
  }

  get isDeserted(): boolean {
    const derived = this.current();
    return derived === null || derived.part.isDeserted;
  }

  letGo(): void {
    const { upstream } = this.to;
    if (upstream !== null && upstream.plan === this.of) return;
    this.of = null;
    this.derived = null;
  }

  private current(): Derived | null {
    const { upstream } = this.to;
    const plan = upstream === null ? null : upstream.plan;
    if (plan !== this.of) {
      this.of = plan;
      this.derived = plan === null ? null : this.derive(plan);
    }
    return this.derived;
  }
}
