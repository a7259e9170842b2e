import type { Endpoint } from '../endpoint.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { isUsable, lastResort } from './last-resort.ts';

export interface FirstOptions {
  /** Attempts in flight that fill an endpoint. */
  readonly maxActive: number;
}

/** What a process of the usual kind has in hand without a queue of its own, some dozens of workers or an event loop. */
export const DEFAULT_FIRST: FirstOptions = { maxActive: 100 };

/**
 * Fills one endpoint after the other (HAProxy's `first`): the first with room gets the request, in an order by identity
 * that all sidecars share, so that what is not needed is idle and can be switched off. Weights are not looked at.
 *
 * When all are full, the least busy gets it: a limit of this kind is no reason to refuse. A pick looks at every
 * endpoint that is full, so its time grows with the cluster.
 */
export class FirstFitBalancer implements Balancer {
  readonly name = 'first';

  constructor(private readonly options: FirstOptions) {}

  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    const inOrder = [...endpoints].sort((a, b) => (a.id < b.id ? -1 : 1));
    return new FirstFit(inOrder, this.options.maxActive);
  }
}

class FirstFit implements Picker {
  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly maxActive: number,
  ) {}

  pick(context: PickContext): Endpoint | null {
    const { endpoints, maxActive } = this;
    let leastBusy: Endpoint | null = null;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i]!;
      if (!isUsable(endpoint, context)) continue;
      if (endpoint.active < maxActive) return endpoint;
      if (leastBusy === null || endpoint.active < leastBusy.active) leastBusy = endpoint;
    }
    return leastBusy ?? lastResort(endpoints, 0, context);
  }
}
