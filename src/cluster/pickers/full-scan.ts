import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { PickContext, Picker } from '../picker.ts';
import { WARM } from '../slow-start.ts';
import { isUsable, lastResort } from './last-resort.ts';

/**
 * The least busy of all, any of them in a tie. It finds the one idle endpoint among many busy ones, which two choices
 * may miss; but sidecars that know the same run to it together, and a pick takes as long as the cluster is large.
 *
 * Where weights differ (in slow start they do) the rule is that of `TwoChoices`: one is drawn in proportion to weight,
 * and the best of the others takes the request from it only if it would still be less busy with it, for its weight.
 */
export class FullScan implements Picker {
  private readonly isUniform: boolean;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly random: Random,
  ) {
    this.isUniform = endpoints.every(({ spec }) => spec.weight === endpoints[0]!.spec.weight);
  }

  pick(context: PickContext): Endpoint | null {
    const found = this.isUniform && this.isWarm(context) ? this.leastBusy(context) : this.leastBusyForWeight(context);
    return found ?? lastResort(this.endpoints, 0, context);
  }

  private isWarm(context: PickContext): boolean {
    const { endpoints } = this;
    for (let i = 0; i < endpoints.length; i++) if (endpoints[i]!.warmthAt(context) < WARM) return false;
    return true;
  }

  private leastBusy(context: PickContext): Endpoint | null {
    const { endpoints, random } = this;
    let found: Endpoint | null = null;
    let ties = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i]!;
      if ((found !== null && endpoint.active > found.active) || !isUsable(endpoint, context)) continue;
      ties = found !== null && endpoint.active === found.active ? ties + 1 : 1;
      // The n-th of equals takes the place with a chance of 1 / n, so that each has it in the end with the same.
      if (ties === 1 || random.below(ties) === 0) found = endpoint;
    }
    return found;
  }

  private leastBusyForWeight(context: PickContext): Endpoint | null {
    const { endpoints, random } = this;
    let drawn: Endpoint | null = null;
    let best: Endpoint | null = null;
    let total = 0;
    let loadWithIt = Number.POSITIVE_INFINITY;
    let drawnLoad = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i]!;
      if (!isUsable(endpoint, context)) continue;
      const weight = endpoint.spec.weight * (endpoint.warmthAt(context) / WARM);
      total += weight;
      if (random.next() * total < weight) {
        drawn = endpoint;
        drawnLoad = endpoint.active / weight;
      }
      const load = (endpoint.active + 1) / weight;
      if (load >= loadWithIt) continue;
      best = endpoint;
      loadWithIt = load;
    }
    return loadWithIt < drawnLoad ? best : drawn;
  }
}
