import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import { EndpointDraw } from '../endpoint-draw.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { isUsable, lastResort } from './last-resort.ts';

/**
 * Drawing again keeps what a refused endpoint would have got evenly spread; walking on would give it to its neighbour.
 */
const DRAWS = 4;

/** Any endpoint, in proportion to weight. Needs no state, so that no two sidecars ever march in step. */
export class RandomBalancer implements Balancer {
  readonly name = 'random';

  constructor(private readonly random: Random) {}

  // biome-ignore lint/correctness/useYield: small enough to be built in one slice.
  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    return new RandomPicker(endpoints, this.random);
  }
}

class RandomPicker implements Picker {
  private readonly chance: EndpointDraw;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly random: Random,
  ) {
    this.chance = new EndpointDraw(endpoints, random);
  }

  pick(context: PickContext): Endpoint | null {
    const { endpoints } = this;
    if (endpoints.length > 1) {
      for (let i = 0; i < DRAWS; i++) {
        const endpoint = endpoints[this.chance.draw(context)]!;
        if (isUsable(endpoint, context)) return endpoint;
      }
    }
    return lastResort(endpoints, this.random.below(endpoints.length), context);
  }
}
