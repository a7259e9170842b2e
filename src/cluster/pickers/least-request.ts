import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { FullScan } from './full-scan.ts';
import { Turns, type WriteWeight, weightsOf } from './turns.ts';
import { TwoChoices } from './two-choices.ts';

export const SELECTIONS = ['two_choices', 'full_scan'] as const;

export interface LeastRequestOptions {
  readonly selection: (typeof SELECTIONS)[number];
  /** How many are compared by `two_choices`. */
  readonly choices: number;
  /** What attempts in flight count against an unequal weight; see `LeastRequestBalancer`. */
  readonly bias: number;
}

/** Those of Envoy: two see nearly all that three would, and everybody's best would be run down. */
export const DEFAULT_LEAST_REQUEST: LeastRequestOptions = { selection: 'two_choices', choices: 2, bias: 1 };

/**
 * The less busy of a few, or of all: for endpoints that are equally fast, or whose latency says nothing (long streams).
 *
 * Where weights differ, a bias other than 1 means what it means in Envoy: turns by the weight `weight / (active + 1) ^
 * bias`, so that 0 is plain round robin, and the greater it is the less does the weight say. Envoy does so at 1 too,
 * which keeps attempts in flight to the square root of the weights; here 1 keeps them to the weights.
 */
export class LeastRequestBalancer implements Balancer {
  readonly name = 'least_request';

  constructor(
    private readonly options: LeastRequestOptions,
    private readonly random: Random,
  ) {}

  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    const { random } = this;
    const { selection, choices, bias } = this.options;
    const isUniform = endpoints.every(({ spec }) => spec.weight === endpoints[0]!.spec.weight);
    if (!isUniform && bias !== 1) {
      return new Turns(endpoints, biasedWeights(endpoints, bias), random, true);
    }
    if (selection === 'full_scan') return new FullScan(endpoints, random);
    return new TwoChoices(endpoints, sameForAll, random, choices);
  }
}

function sameForAll(_endpoint: Endpoint, _context: PickContext, into: Float64Array, at: number): void {
  into[at] = 1;
}

function biasedWeights(endpoints: readonly Endpoint[], bias: number): WriteWeight {
  const writePlain = weightsOf(endpoints);
  return (index, context, into) => {
    writePlain(index, context, into);
    into[index]! /= (endpoints[index]!.active + 1) ** bias;
  };
}
