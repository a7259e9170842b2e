import type { Endpoint } from '../endpoint.ts';
import { type Hash64, mix } from '../hash.ts';
import { addressOf, hashMembers } from '../hash-members.ts';
import { Tally } from '../in-flight.ts';
import type { Balancer, HashingFacts, PickContext, Picker } from '../picker.ts';
import { isUsable } from './last-resort.ts';

/** What would be a whole number but for rounding is one, or it would be rounded up to the next. */
const EXACT = 1 - 1e-12;

/** The balancer with its loads bounded; without a factor it is as it is. */
export function boundedLoad(balancer: Balancer, factor: number | undefined): Balancer {
  return factor === undefined ? balancer : new BoundedLoadBalancer(balancer, factor);
}

/**
 * Consistent hashing with bounded loads (Mirrokni, 2016): no endpoint gets a request that would take it above the
 * factor times its share of all that is in flight. A key whose endpoint is full goes to another one for that request.
 *
 * Which one is drawn by chance from all, in an order that the key alone decides (random jumps: Chen, 2019, and Envoy).
 * The next endpoint of the ring would get all that its neighbour cannot take, then fill up, and pass it on in turn.
 *
 * There is always one with room, since the factor is above 1. Only when breakers or earlier attempts rule out every one
 * of those does the key's own endpoint get the request all the same: a request too many is better than none answered.
 *
 * A pick takes as long whatever the number of endpoints: what is in flight is counted where it changes, and among
 * endpoints of which a part has room the draws find one soon, some factor / (factor - 1) of them where all are busy.
 */
class BoundedLoadBalancer implements Balancer {
  readonly name: string;

  constructor(
    private readonly inner: Balancer,
    private readonly factor: number,
  ) {
    this.name = inner.name;
  }

  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    return new BoundedLoad(yield* this.inner.build(endpoints), endpoints, this.factor);
  }
}

class BoundedLoad implements Picker {
  readonly facts?: HashingFacts;
  private readonly owners: readonly Endpoint[];
  /** The part of what is in flight that each may have: its share times the factor. */
  private readonly parts: Float64Array;
  private readonly numbers: ReadonlyMap<Endpoint, number>;
  /** Of all that is in flight on its endpoints. */
  private readonly tally = new Tally();
  /** The endpoints' numbers in order, but while one is looked for. */
  private readonly shuffled: Uint32Array;
  /** What has to be put back in its place then. */
  private readonly moved: Uint32Array;
  private readonly jump: Hash64 = { hashHigh: 0, hashLow: 0 };

  constructor(
    private readonly inner: Picker,
    endpoints: readonly Endpoint[],
    factor: number,
  ) {
    if (inner.facts !== undefined) this.facts = inner.facts;
    const members = hashMembers(endpoints, addressOf);
    this.owners = members.map(({ endpoint }) => endpoint);
    this.parts = Float64Array.from(members, ({ share }) => share * factor * EXACT);
    this.numbers = new Map(this.owners.map((endpoint, i) => [endpoint, i]));
    this.shuffled = Uint32Array.from(this.owners.keys());
    this.moved = new Uint32Array(this.owners.length);
  }

  pick(context: PickContext): Endpoint | null {
    const own = this.inner.pick(context);
    if (own === null) return null;
    if (!this.tally.isKept) this.join();
    const all = this.tally.count + 1;
    if (this.hasRoom(this.numbers.get(own)!, all)) return own;
    return this.jumpFrom(own, all, context);
  }

  /** `all` is what is in flight with this request. */
  private hasRoom(number: number, all: number): boolean {
    return this.owners[number]!.active + 1 <= Math.ceil(all * this.parts[number]!);
  }

  private join(): void {
    this.tally.count = 0;
    this.tally.isKept = true;
    for (const owner of this.owners) owner.join(this.tally);
  }

  /**
   * The first with room in the key's own order of all endpoints, shuffled (Fisher and Yates) only as far as it is read.
   */
  private jumpFrom(own: Endpoint, all: number, context: PickContext): Endpoint {
    const { owners, shuffled, moved, jump } = this;
    const n = owners.length;
    let found = own;
    // Without a key any order will do. Words with a sign, because others would be put on the heap.
    let high = 0;
    let low = all;
    if (context.hasHash) {
      high = context.hashHigh | 0;
      low = context.hashLow | 0;
    }
    let steps = 0;
    while (found === own && steps < n) {
      mix(high ^ steps, low, jump);
      high = jump.hashHigh | 0;
      low = jump.hashLow | 0;
      const at = steps + Math.floor((jump.hashHigh / 2 ** 32) * (n - steps));
      const number = shuffled[at]!;
      shuffled[at] = shuffled[steps]!;
      moved[steps++] = at;
      if (this.hasRoom(number, all) && isUsable(owners[number]!, context)) found = owners[number]!;
    }
    for (let i = 0; i < steps; i++) shuffled[moved[i]!] = moved[i]!;
    return found;
  }
}
