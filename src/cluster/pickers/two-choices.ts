import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import { EndpointDraw } from '../endpoint-draw.ts';
import type { PickContext, Picker } from '../picker.ts';
import { WARM } from '../slow-start.ts';
import { isUsable, lastResort } from './last-resort.ts';

/** With half of the endpoints refused, five pairs find nothing once in a thousand times. */
const PAIRS = 5;

/**
 * Writes down what one attempt costs on an endpoint that nobody else uses: above 0, or 0 for an endpoint that should be
 * taken at once. It is not returned, because a fraction that leaves a call is put on the heap.
 */
export type UnitCost = (endpoint: Endpoint, context: PickContext, into: Float64Array, at: number) => void;

/**
 * Power of two choices: draw two endpoints, take the one where the attempt costs less. Two random ones and not the best
 * of all, because everybody would run to the best one at the same time, and the cost does not grow with the cluster
 * (Mitzenmacher, 2001).
 *
 * Equal weights: cost x (attempts there + 1), the lower wins, the first drawn in a tie.
 *
 * Unequal weights: both are drawn in proportion to weight, attempts count per share of the weight, and the second takes
 * the request from the first only if it would still be cheaper with it. Without that clause the endpoint with the
 * greatest weight would win every comparison of idle endpoints and get all of a light traffic, and the smallest would
 * get half of it by being idle all the time. An endpoint in slow start makes weights unequal while it lasts.
 *
 * With more than two choices the one that was taken is compared with another, and so on.
 */
export class TwoChoices implements Picker {
  private readonly chance: EndpointDraw;
  private readonly shares: Float64Array;
  /** Of the two that are compared. */
  private readonly costs = new Float64Array(2);

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly unitCost: UnitCost,
    private readonly random: Random,
    private readonly choices = 2,
  ) {
    const weights = endpoints.map((endpoint) => endpoint.spec.weight);
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.shares = Float64Array.from(weights, (weight) => weight / mean);
    this.chance = new EndpointDraw(endpoints, random);
  }

  pick(context: PickContext): Endpoint | null {
    const { endpoints } = this;
    const n = endpoints.length;
    if (n < 2) return lastResort(endpoints, 0, context);
    // One of a pair that has no rival waits for the next pair's: without a comparison a slow endpoint would get half of
    // the traffic whenever the others are refused.
    let lone = -1;
    for (let i = 0; i < PAIRS; i++) {
      const first = this.chance.draw(context);
      const second = this.other(first, context);
      const hasFirst = isUsable(endpoints[first]!, context);
      const hasSecond = isUsable(endpoints[second]!, context);
      if (hasFirst && hasSecond) return this.best(first, second, context);
      if (!hasFirst && !hasSecond) continue;
      const found = hasFirst ? first : second;
      if (lone !== -1 && lone !== found) return this.best(lone, found, context);
      lone = found;
    }
    return lone === -1 ? lastResort(endpoints, this.random.below(n), context) : endpoints[lone]!;
  }

  /** An index that is not `first`. */
  private other(first: number, context: PickContext): number {
    if (!this.chance.isUniform) {
      const second = this.chance.draw(context);
      if (second !== first) return second;
    }
    return this.chance.drawOther(first, context);
  }

  private best(first: number, second: number, context: PickContext): Endpoint {
    let best = this.cheaper(first, second, context);
    for (let i = 2; i < this.choices; i++) {
      const other = this.other(best, context);
      if (isUsable(this.endpoints[other]!, context)) best = this.cheaper(best, other, context);
    }
    return this.endpoints[best]!;
  }

  private cheaper(first: number, second: number, context: PickContext): number {
    const a = this.endpoints[first]!;
    const b = this.endpoints[second]!;
    this.unitCost(a, context, this.costs, 0);
    this.unitCost(b, context, this.costs, 1);
    const costOfA = this.costs[0]!;
    const costOfB = this.costs[1]!;
    const warmthOfA = a.warmthAt(context);
    const warmthOfB = b.warmthAt(context);
    if (this.chance.isUniform && warmthOfA === WARM && warmthOfB === WARM) {
      return costOfA * (a.active + 1) <= costOfB * (b.active + 1) ? first : second;
    }
    const afterA = costOfA * (1 + a.active / (this.shares[first]! * (warmthOfA / WARM)));
    const afterB = costOfB * (1 + (b.active + 1) / (this.shares[second]! * (warmthOfB / WARM)));
    return afterA <= afterB ? first : second;
  }
}
