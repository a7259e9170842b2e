import type { Endpoint } from '../endpoint.ts';
import { isHashing } from '../hashing-options.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { isUsable } from './last-resort.ts';

export interface FreshOptions {
  /** A replica further behind than this gets no reads; `Infinity` for no bound. */
  readonly maxLagMs: number;
  /** So many of the least late are kept however late they are. */
  readonly minEndpoints: number;
}

/**
 * Who is ten seconds late has lost step: that is as long as a client reads what it wrote elsewhere. Two of the least
 * late are kept, as Vitess does.
 */
export const DEFAULT_LAG = { maxMs: 10_000, keep: 2 } as const;

/** How long a judgement of everybody's lag holds, in ms: it is not worth more with every pick. */
const JUDGED_MS = 100;
/** With most replicas fresh enough, so many picks of the balancer find one. */
const DRAWS = 4;

/**
 * Replicas that are fresh enough for a read, chosen by another balancer.
 *
 * Two bounds. Lag: who is later than allowed is left out, but never below a minimum, because a load that slows all
 * replicas down would otherwise be thrown at the few that are left, or all at the primary (ProxySQL is known for it;
 * the minimum is Vitess'). Position: a client that has written reads only where its write has arrived, and here the
 * bound holds: when nobody is there yet the pick is refused, and the lens asks the primary.
 */
export class FreshReplicas implements Balancer {
  readonly name: string;

  constructor(
    private readonly inner: Balancer,
    private readonly options: FreshOptions,
  ) {
    this.name = inner.name;
  }

  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    const inner = yield* this.inner.build(endpoints);
    if (!isHashing(this.name)) return new FreshPicker(endpoints, inner, this.options, false);
    // In an order that all sidecars have.
    const sorted = [...endpoints].sort((a, b) => (a.id < b.id ? -1 : 1));
    return new FreshPicker(sorted, inner, this.options, true);
  }
}

class FreshPicker implements Picker {
  private readonly late = new Set<Endpoint>();
  /** The endpoints, least late first when they were last judged. */
  private readonly byLag: Endpoint[];
  private readonly lags: Map<Endpoint, number>;
  private judgedAt = Number.NEGATIVE_INFINITY;
  private next = 0;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly inner: Picker,
    private readonly options: FreshOptions,
    /** The balancer gives a key the same endpoint each time, and so does the search for another one. */
    private readonly isByKey: boolean,
  ) {
    this.byLag = [...endpoints];
    this.lags = new Map(endpoints.map((endpoint) => [endpoint, 0]));
  }

  pick(context: PickContext): Endpoint | null {
    if (this.options.maxLagMs !== Number.POSITIVE_INFINITY && context.now - this.judgedAt >= JUDGED_MS) {
      this.judge(context.now);
    }
    if (this.late.size === 0 && context.minPosition === 0) return this.inner.pick(context);
    const draws = this.isByKey && context.hasHash ? 1 : DRAWS;
    for (let i = 0; i < draws; i++) {
      const endpoint = this.inner.pick(context);
      if (endpoint === null) return null;
      if (!this.isFresh(endpoint, context)) this.count(endpoint);
      else if (!context.avoid.includes(endpoint)) return endpoint;
    }
    return this.search(context);
  }

  private isFresh(endpoint: Endpoint, { minPosition }: PickContext): boolean {
    return !this.late.has(endpoint) && (minPosition === 0 || endpoint.freshness.position >= minPosition);
  }

  private count(endpoint: Endpoint): void {
    if (this.late.has(endpoint)) endpoint.freshness.tooLate += 1;
    else endpoint.freshness.tooFarBehind += 1;
  }

  private search(context: PickContext): Endpoint | null {
    const { endpoints } = this;
    const n = endpoints.length;
    let tried: Endpoint | null = null;
    this.next = (this.next + 1) % n;
    const first = this.isByKey && context.hasHash ? context.hashLow % n : this.next;
    for (let k = 0; k < n; k++) {
      const endpoint = endpoints[(first + k) % n]!;
      if (!this.isFresh(endpoint, context)) continue;
      if (isUsable(endpoint, context)) return endpoint;
      if (endpoint.gate.canAdmit(context.now)) tried ??= endpoint;
    }
    if (tried === null) context.refusal = 'no_endpoint';
    return tried;
  }

  private judge(now: number): void {
    const { byLag, lags, late } = this;
    const { maxLagMs, minEndpoints } = this.options;
    this.judgedAt = now;
    for (const endpoint of byLag) lags.set(endpoint, lagOf(endpoint, now));
    byLag.sort((a, b) => lags.get(a)! - lags.get(b)!);
    late.clear();
    for (let i = minEndpoints; i < byLag.length; i++) if (lags.get(byLag[i]!)! > maxLagMs) late.add(byLag[i]!);
  }
}

/**
 * What an endpoint says itself is newer than what discovery says of it. One of which nobody says anything is not late.
 */
export function lagOf(endpoint: Endpoint, now: number): number {
  return knownLag(endpoint, now) ?? 0;
}

/** Null where nobody says it. */
export function knownLag({ freshness, spec }: Endpoint, now: number): number | null {
  const said = freshness.lagAt(now);
  return said >= 0 ? said : (spec.lagMs ?? null);
}
