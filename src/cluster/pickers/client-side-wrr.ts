import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { WARM } from '../slow-start.ts';
import { Turns, type WriteWeight, weightsOf } from './turns.ts';

/**
 * Everyone in turn, by the weights that endpoints report of themselves (gRPC's A58, Envoy's client-side weighted round
 * robin).
 *
 * An endpoint without a usable report has the mean of the others. While fewer than two have one, there is nothing to
 * compare, and the weights of discovery hold; otherwise a report stands in place of them, since what a machine can
 * take is in it already.
 */
export class ClientSideWrrBalancer implements Balancer {
  readonly name = 'client_side_wrr';

  constructor(
    private readonly updateMs: number,
    private readonly random: Random,
  ) {}

  // biome-ignore lint/correctness/useYield: small enough to be built in one slice.
  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    const reports = new Reports(endpoints, this.updateMs);
    const turns = new Turns(endpoints, reports.writeWeight, this.random);
    return new ReportedTurns(turns, reports);
  }
}

class ReportedTurns implements Picker {
  constructor(
    private readonly turns: Turns,
    private readonly reports: Reports,
  ) {}

  pick(context: PickContext): Endpoint | null {
    if (this.reports.update(context)) this.turns.reschedule(context);
    return this.turns.pick(context);
  }
}

/** The reported weights as of the last update: one look at everyone per update, none per pick. */
class Reports {
  private readonly weights: Float64Array;
  /** Weights of discovery hold. */
  private isPlain = true;
  private updateAt = Number.NEGATIVE_INFINITY;
  private readonly writePlain: WriteWeight;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly updateMs: number,
  ) {
    this.weights = new Float64Array(endpoints.length);
    this.writePlain = weightsOf(endpoints);
  }

  readonly writeWeight: WriteWeight = (index, context, into) => {
    if (this.isPlain) this.writePlain(index, context, into);
    else into[index] = this.weights[index]! * (this.endpoints[index]!.warmthAt(context) / WARM);
  };

  /** True when weights may be others than before. */
  update({ now }: PickContext): boolean {
    if (now < this.updateAt) return false;
    const { endpoints, weights } = this;
    const wasPlain = this.isPlain;
    this.updateAt = now + this.updateMs;
    let sum = 0;
    let count = 0;
    for (let i = 0; i < weights.length; i++) {
      const { reported } = endpoints[i]!;
      weights[i] = reported === null ? 0 : reported.at(now);
      if (weights[i]! === 0) continue;
      sum += weights[i]!;
      count += 1;
    }
    this.isPlain = count < 2;
    if (this.isPlain) return !wasPlain;
    for (let i = 0; i < weights.length; i++) if (weights[i]! === 0) weights[i] = sum / count;
    return true;
  }
}
