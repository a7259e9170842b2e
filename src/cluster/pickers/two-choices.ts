import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { PickContext, Picker } from '../picker.ts';
import { WeightedDraw } from '../weighted-draw.ts';
import { isUsable, lastResort } from './last-resort.ts';

/** With half of the endpoints refused, three pairs find nothing once in 64 times. */
const PAIRS = 3;

/** What one attempt costs on an endpoint that nobody else uses. Above 0, or 0 for an endpoint that should be taken at once. */
export type UnitCost = (endpoint: Endpoint, now: number) => number;

/**
 * Power of two choices: draw two endpoints, take the one where the attempt costs less. Two random ones and not the best of
 * all, because everybody would run to the best one at the same time, and the cost does not grow with the cluster
 * (Mitzenmacher, 2001).
 *
 * Equal weights: cost x (attempts there + 1), the lower wins, the first drawn in a tie.
 *
 * Unequal weights: both are drawn in proportion to weight, attempts count per share of the weight, and the second takes the
 * request from the first only if it would still be cheaper with it. Without that clause the endpoint with the greatest
 * weight would win every comparison of idle endpoints and get all of a light traffic, and the smallest would get half of it
 * by being idle all the time.
 */
export class TwoChoices implements Picker {
  private readonly chance: WeightedDraw;
  private readonly shares: Float64Array;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly unitCost: UnitCost,
    private readonly random: Random,
  ) {
    const weights = endpoints.map((endpoint) => endpoint.spec.weight);
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.shares = Float64Array.from(weights, (weight) => weight / mean);
    this.chance = new WeightedDraw(weights, random);
  }

  pick(context: PickContext): Endpoint | null {
    const { endpoints } = this;
    const n = endpoints.length;
    if (n < 2) return lastResort(endpoints, 0, context);
    for (let i = 0; i < PAIRS; i++) {
      const first = this.chance.draw();
      const endpoint = this.better(first, this.other(first), context);
      if (endpoint !== null) return endpoint;
    }
    return lastResort(endpoints, this.random.below(n), context);
  }

  /** An index that is not `first`. */
  private other(first: number): number {
    if (!this.chance.isUniform) {
      const second = this.chance.draw();
      if (second !== first) return second;
    }
    // One of the n - 1 others, stepping over the first: drawing until they differ would be unbounded.
    const second = this.random.below(this.endpoints.length - 1);
    return second < first ? second : second + 1;
  }

  private better(first: number, second: number, context: PickContext): Endpoint | null {
    const a = this.endpoints[first]!;
    const b = this.endpoints[second]!;
    if (!isUsable(a, context)) return isUsable(b, context) ? b : null;
    if (!isUsable(b, context)) return a;
    const costOfA = this.unitCost(a, context.now);
    const costOfB = this.unitCost(b, context.now);
    if (this.chance.isUniform) return costOfA * (a.active + 1) <= costOfB * (b.active + 1) ? a : b;
    const afterA = costOfA * (1 + a.active / this.shares[first]!);
    const afterB = costOfB * (1 + (b.active + 1) / this.shares[second]!);
    return afterA <= afterB ? a : b;
  }
}
