import type { Endpoint } from '../endpoint.ts';
import { type Hash64, mix } from '../hash.ts';
import { addressOf, hashMembers } from '../hash-members.ts';
import type { Balancer, HashingFacts, PickContext, Picker } from '../picker.ts';
import { isUsable } from './last-resort.ts';

/** What would be a whole number but for rounding is one, or it would be rounded up to the next. */
const EXACT = 1 - 1e-12;

/** The balancer with its loads bounded; without a factor it is as it is. */
export function boundedLoad(balancer: Balancer, factor: number | undefined): Balancer {
  return factor === undefined ? balancer : new BoundedLoadBalancer(balancer, factor);
}

/**
 * Consistent hashing with bounded loads (Mirrokni, 2016): no endpoint gets a request that would take it above the factor times
 * its share of all that is in flight. A key whose endpoint is full goes to another one for that request.
 *
 * Which one is drawn by chance from all, in an order that the key alone decides (random jumps: Chen, 2019, and Envoy). The
 * next endpoint of the ring would get all that its neighbour cannot take, then fill up, and pass it on in turn.
 *
 * There is always one with room, since the factor is above 1. Only when breakers or earlier attempts rule out every one of
 * those does the key's own endpoint get the request all the same: a request too many is better than none answered.
 * Adding up what is in flight makes a pick linear in the number of endpoints.
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
  private readonly inOrder: Uint32Array;
  private readonly shuffled: Uint32Array;
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
    this.inOrder = Uint32Array.from(this.owners.keys());
    this.shuffled = new Uint32Array(this.owners.length);
  }

  pick(context: PickContext): Endpoint | null {
    const own = this.inner.pick(context);
    if (own === null) return null;
    const { owners } = this;
    let all = 1;
    for (let i = 0; i < owners.length; i++) all += owners[i]!.active;
    if (this.hasRoom(this.numbers.get(own)!, all)) return own;
    return this.jumpFrom(own, all, context);
  }

  /** `all` is what is in flight with this request. */
  private hasRoom(number: number, all: number): boolean {
    return this.owners[number]!.active + 1 <= Math.ceil(all * this.parts[number]!);
  }

  /** The first with room in the key's own order of all endpoints, shuffled (Fisher and Yates) only as far as it is read. */
  private jumpFrom(own: Endpoint, all: number, context: PickContext): Endpoint {
    const { owners, shuffled, jump } = this;
    const n = owners.length;
    shuffled.set(this.inOrder);
    // Without a key any order will do.
    let high = 0;
    let low = all;
    if (context.hasHash) {
      high = context.hashHigh | 0;
      low = context.hashLow | 0;
    }
    for (let i = 0; i < n; i++) {
      mix(high ^ i, low, jump);
      high = jump.hashHigh | 0;
      low = jump.hashLow | 0;
      const other = i + Math.floor((jump.hashHigh / 2 ** 32) * (n - i));
      const number = shuffled[other]!;
      shuffled[other] = shuffled[i]!;
      if (this.hasRoom(number, all) && isUsable(owners[number]!, context)) return owners[number]!;
    }
    return own;
  }
}
