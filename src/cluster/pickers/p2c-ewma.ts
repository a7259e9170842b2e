import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { TwoChoices } from './two-choices.ts';

/** The one of two that is expected to answer sooner: the default. See `LiveEndpoint` for what is expected. */
export class P2cEwmaBalancer implements Balancer {
  readonly name = 'p2c_ewma';

  constructor(private readonly random: Random) {}

  // biome-ignore lint/correctness/useYield: small enough to be built in one slice.
  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    return new TwoChoices(endpoints, expected, this.random);
  }
}

function expected(endpoint: Endpoint, context: PickContext, into: Float64Array, at: number): void {
  endpoint.writeCost(context, into, at);
}
