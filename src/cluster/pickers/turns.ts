import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { PickContext, Picker } from '../picker.ts';
import { WARM } from '../slow-start.ts';
import { isUsable, lastResort } from './last-resort.ts';

/** How many turns one pick may pass over refused endpoints before it looks at everyone. */
const MAX_TURNS = 8;

/**
 * Writes down the weight of the endpoint at an index, above 0; asked when it takes its turn. It is not returned,
 * because a fraction that leaves a call is put on the heap.
 */
export type WriteWeight = (index: number, context: PickContext, into: Float64Array) => void;

/** The weight of discovery, as far as slow start lets the endpoint have it. */
export function weightsOf(endpoints: readonly Endpoint[]): WriteWeight {
  return (index, context, into) => {
    const endpoint = endpoints[index]!;
    into[index] = endpoint.spec.weight * (endpoint.warmthAt(context) / WARM);
  };
}

/**
 * Everyone in turn, by weight: earliest deadline first. Each endpoint has a deadline, the earliest one gets the
 * request, and its next is 1 / weight later. Turns of heavy endpoints are spread out, where weighted rounds would bunch
 * them.
 *
 * The first deadlines are random within one turn, so that a thousand sidecars told of a new endpoint at the same moment
 * do not all begin with the same one. They are set at the first pick, because weights depend on the time.
 *
 * A weight is asked for when a turn is taken, and paid for with it. Where weights change under turns that are paid for,
 * `reschedule` puts what is left of each turn in terms of the new ones; or an endpoint that once weighed next to
 * nothing would wait for its next turn as if it still did. While they move from pick to pick, as in slow start, that is
 * done once in a round, which costs each pick as much as looking at one endpoint.
 */
export class Turns implements Picker {
  private readonly deadlines: Float64Array;
  /** Indexes of endpoints as a binary heap, the earliest deadline at the root. */
  private readonly heap: Uint32Array;
  /** The weight that each has paid for its turn with. */
  private readonly paid: Float64Array;
  /** Those that were asked for last. */
  private readonly weights: Float64Array;
  /** The deadline of the turn that was taken last. */
  private reached = 0;
  private picks: number;
  private isMoving = true;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly writeWeight: WriteWeight,
    random: Random,
    /** Weights move all the time, not in slow start alone. */
    private readonly isFluid = false,
  ) {
    this.deadlines = Float64Array.from(endpoints, () => random.next());
    this.paid = new Float64Array(endpoints.length).fill(1);
    this.weights = new Float64Array(endpoints.length);
    this.heap = Uint32Array.from(endpoints.keys());
    this.picks = endpoints.length;
  }

  pick(context: PickContext): Endpoint | null {
    const { endpoints } = this;
    if (this.isMoving && ++this.picks > endpoints.length) this.reschedule(context);
    const turns = Math.min(endpoints.length, MAX_TURNS);
    for (let i = 0; i < turns; i++) {
      const endpoint = endpoints[this.takeTurn(context)]!;
      if (isUsable(endpoint, context)) return endpoint;
    }
    return lastResort(endpoints, turns === 0 ? 0 : this.heap[0]!, context);
  }

  reschedule(context: PickContext): void {
    const { endpoints, deadlines, paid, weights, heap } = this;
    this.isMoving = this.isFluid;
    this.picks = 0;
    for (let index = 0; index < deadlines.length; index++) {
      this.writeWeight(index, context, weights);
      const weight = weights[index]!;
      deadlines[index] = ((deadlines[index]! - this.reached) * paid[index]!) / weight;
      paid[index] = weight;
      if (endpoints[index]!.warmthAt(context) < WARM) this.isMoving = true;
    }
    this.reached = 0;
    for (let at = (heap.length >>> 1) - 1; at >= 0; at--) this.sink(at);
  }

  private takeTurn(context: PickContext): number {
    const index = this.heap[0]!;
    this.writeWeight(index, context, this.weights);
    const weight = this.weights[index]!;
    this.reached = this.deadlines[index]!;
    this.deadlines[index] = this.reached + 1 / weight;
    this.paid[index] = weight;
    if (this.endpoints[index]!.warmthAt(context) < WARM) this.isMoving = true;
    this.sink(0);
    return index;
  }

  private sink(from: number): void {
    const { heap, deadlines } = this;
    const n = heap.length;
    const index = heap[from]!;
    const deadline = deadlines[index]!;
    let at = from;
    for (let child = 2 * at + 1; child < n; child = 2 * at + 1) {
      if (child + 1 < n && deadlines[heap[child + 1]!]! < deadlines[heap[child]!]!) child++;
      if (deadlines[heap[child]!]! >= deadline) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = index;
  }
}
