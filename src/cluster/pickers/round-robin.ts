import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Balancer, Picker } from '../picker.ts';
import { Turns, weightsOf } from './turns.ts';

/** Everyone in turn, by weight. See `Turns`. */
export class RoundRobinBalancer implements Balancer {
  readonly name = 'round_robin';

  constructor(private readonly random: Random) {}

  // biome-ignore lint/correctness/useYield: small enough to be built in one slice.
  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    return new Turns(endpoints, weightsOf(endpoints), this.random);
  }
}
