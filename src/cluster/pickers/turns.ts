import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { PickContext, Picker } from '../picker.ts';
import { isUsable, lastResort } from './last-resort.ts';

/** How many turns one pick may pass over refused endpoints before it looks at everyone. */
const MAX_TURNS = 8;

/** The weight of the endpoint at an index, above 0; asked when it takes its turn. */
export type WeightOf = (index: number, now: number) => number;

/**
 * Everyone in turn, by weight: earliest deadline first. Each endpoint has a deadline, the earliest one gets the request, and
 * its next is 1 / weight later. Turns of heavy endpoints are spread out, where weighted rounds would bunch them.
 *
 * The first deadlines are random within one turn, so that a thousand sidecars told of a new endpoint at the same moment do not
 * all begin with the same one. They are set at the first pick, because weights depend on the time.
 */
export class Turns implements Picker {
  private readonly deadlines: Float64Array;
  /** Indexes of endpoints as a binary heap, the earliest deadline at the root. */
  private readonly heap: Uint32Array;
  private isScheduled = false;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly weightOf: WeightOf,
    random: Random,
  ) {
    this.deadlines = Float64Array.from(endpoints, () => random.next());
    this.heap = Uint32Array.from(endpoints.keys());
  }

  pick(context: PickContext): Endpoint | null {
    const { endpoints } = this;
    if (!this.isScheduled) this.schedule(context.now);
    const turns = Math.min(endpoints.length, MAX_TURNS);
    for (let i = 0; i < turns; i++) {
      const endpoint = endpoints[this.takeTurn(context.now)]!;
      if (isUsable(endpoint, context)) return endpoint;
    }
    return lastResort(endpoints, turns === 0 ? 0 : this.heap[0]!, context);
  }

  private schedule(now: number): void {
    const { deadlines, heap } = this;
    this.isScheduled = true;
    for (let index = 0; index < deadlines.length; index++) deadlines[index]! /= this.weightOf(index, now);
    for (let at = (heap.length >>> 1) - 1; at >= 0; at--) this.sink(at);
  }

  private takeTurn(now: number): number {
    const index = this.heap[0]!;
    this.deadlines[index]! += 1 / this.weightOf(index, now);
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
