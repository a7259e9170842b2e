import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { isUsable, lastResort } from './last-resort.ts';

/** How many turns one pick may pass over refused endpoints before it looks at everyone. */
const MAX_TURNS = 8;

/**
 * Everyone in turn, by weight: earliest deadline first. Each endpoint has a deadline, the earliest one gets the request, and
 * its next is 1 / weight later. Turns of heavy endpoints are spread out, where weighted rounds would bunch them.
 *
 * The first deadlines are random within one turn, so that a thousand sidecars told of a new endpoint at the same moment do not
 * all begin with the same one.
 */
export class RoundRobinBalancer implements Balancer {
  readonly name = 'round_robin';

  constructor(private readonly random: Random) {}

  // biome-ignore lint/correctness/useYield: small enough to be built in one slice.
  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    return new RoundRobin(endpoints, this.random);
  }
}

class RoundRobin implements Picker {
  private readonly deadlines: Float64Array;
  /** Indexes of endpoints as a binary heap, the earliest deadline at the root. */
  private readonly heap: Uint32Array;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    random: Random,
  ) {
    this.deadlines = Float64Array.from(endpoints, (endpoint) => random.next() / endpoint.spec.weight);
    // A sorted array is a heap.
    this.heap = Uint32Array.from(endpoints.keys()).sort((a, b) => this.deadlines[a]! - this.deadlines[b]!);
  }

  pick(context: PickContext): Endpoint | null {
    const { endpoints } = this;
    const turns = Math.min(endpoints.length, MAX_TURNS);
    for (let i = 0; i < turns; i++) {
      const endpoint = endpoints[this.takeTurn(context.now)]!;
      if (isUsable(endpoint, context)) return endpoint;
    }
    return lastResort(endpoints, turns === 0 ? 0 : this.heap[0]!, context);
  }

  private takeTurn(now: number): number {
    const index = this.heap[0]!;
    this.deadlines[index]! += 1 / this.endpoints[index]!.weightAt(now);
    this.sinkRoot();
    return index;
  }

  private sinkRoot(): void {
    const { heap, deadlines } = this;
    const n = heap.length;
    const index = heap[0]!;
    const deadline = deadlines[index]!;
    let at = 0;
    for (let child = 1; child < n; child = 2 * at + 1) {
      if (child + 1 < n && deadlines[heap[child + 1]!]! < deadlines[heap[child]!]!) child++;
      if (deadlines[heap[child]!]! >= deadline) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = index;
  }
}
