import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Balancer, Picker } from '../picker.ts';
import { TwoChoices } from './two-choices.ts';

/** The less busy of two: for endpoints that are equally fast, or whose latency says nothing (long streams). */
export class LeastRequestBalancer implements Balancer {
  readonly name = 'least_request';

  constructor(private readonly random: Random) {}

  // biome-ignore lint/correctness/useYield: small enough to be built in one slice.
  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    return new TwoChoices(endpoints, sameForAll, this.random);
  }
}

function sameForAll(): number {
  return 1;
}
