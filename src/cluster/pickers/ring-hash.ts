import type { Random } from '../../base/random.ts';
import { BuildWork } from '../build-work.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Hash64 } from '../hash.ts';
import { addressOf, fingerprintOf, type HashMember, hashMembers, identityOf } from '../hash-members.ts';
import { DEFAULT_FIXED_RING, type RingOptions } from '../hashing-options.ts';
import type { Balancer, HashingFacts, PickContext, Picker } from '../picker.ts';
import { isUsable, lastResort } from './last-resort.ts';
import { makePoints, pointCounts, type RingPoints } from './ring-points.ts';

/**
 * Consistent hashing on a ring (Karger, 1997): every endpoint owns points that depend on its identity alone, and a key
 * belongs to the first point at or after its hash. Where a key goes does not depend on the order of a snapshot, and an
 * endpoint that comes or goes moves only the keys that it gets or had.
 *
 * Refused and already tried endpoints are stepped over, so that a retry goes to the ring's next endpoint, which is the
 * same one for every sidecar. A request without a key goes to a random point.
 */
export class RingHashBalancer implements Balancer {
  readonly name = 'ring_hash';

  constructor(
    private readonly random: Random,
    private readonly options: RingOptions = DEFAULT_FIXED_RING,
  ) {}

  *build(endpoints: readonly Endpoint[], work = new BuildWork()): Generator<void, Picker> {
    const { options } = this;
    const members = hashMembers(endpoints, options.sizing === 'fixed' ? identityOf : addressOf);
    const counts = pointCounts(members, options);
    const facts = { fingerprint: fingerprintOf(wordsOf(options), members), advice: adviceOf(members, counts, options) };
    const owners = members.map(({ endpoint }) => endpoint);
    return new Ring(facts, owners, yield* makePoints(members, counts, work), this.random);
  }
}

class Ring implements Picker {
  constructor(
    readonly facts: HashingFacts,
    private readonly owners: readonly Endpoint[],
    private readonly points: RingPoints,
    private readonly random: Random,
  ) {}

  pick(context: PickContext): Endpoint | null {
    const { owners } = this;
    const n = owners.length;
    if (n < 2) return lastResort(owners, 0, context);
    const numbers = this.points.owners;
    const first = context.hasHash ? this.firstAtOrAfter(context) : this.random.below(numbers.length);
    let at = first;
    // Long enough to meet most endpoints, short enough for a large ring of which nearly everything is refused.
    for (let step = Math.min(numbers.length, 4 * n); step > 0; step--) {
      if (at === numbers.length) at = 0;
      const endpoint = owners[numbers[at++]!]!;
      if (isUsable(endpoint, context)) return endpoint;
    }
    return lastResort(owners, first % n, context);
  }

  private firstAtOrAfter({ hashHigh: high, hashLow: low }: Hash64): number {
    const { highs, lows, starts, shift } = this.points;
    const n = highs.length;
    let at = starts[high >>> shift]!;
    while (at < n && (highs[at]! < high || (highs[at] === high && lows[at]! < low))) at++;
    return at;
  }
}

function wordsOf(options: RingOptions): string {
  const { maxSize } = options;
  const least = options.sizing === 'fixed' ? options.points : options.minSize;
  return `ring_hash ${options.sizing} ${least} ${maxSize}`;
}

function adviceOf(members: readonly HashMember[], counts: Uint32Array, options: RingOptions): string | null {
  if (options.sizing !== 'fixed') return null;
  const wanted = members.reduce((sum, { endpoint }) => sum + endpoint.spec.weight * options.points, 0);
  const made = counts.reduce((sum, count) => sum + count, 0);
  if (made >= wanted) return null;
  return `the ring has ${made} points of the ${wanted} that its weights want: shares are coarser, and a change moves more keys than must; raise ring.maxSize, or scale the weights down`;
}
