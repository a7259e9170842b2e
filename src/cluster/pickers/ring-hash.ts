import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import { type Hash64, hashText } from '../hash.ts';
import type { Balancer, PickContext, Picker } from '../picker.ts';
import { isUsable, lastResort } from './last-resort.ts';

/** Ketama's number: shares come out within about 8 % of fair. */
const POINTS_PER_WEIGHT = 160;
/** For a whole ring: half a megabyte, and about 20 ms to build. */
const MAX_POINTS = 65_536;

/** A point is one Number: its place on the ring (32 bits) above the index of its owner (20 bits), so that sorting is numeric. */
const OWNERS = 2 ** 20;
const BUCKETS = 64;
const BUCKET_WIDTH = (2 ** 32 / BUCKETS) * OWNERS;
/** How many points are made, and how many buckets sorted, before others get a chance: a millisecond's work. */
const POINTS_PER_SLICE = 2048;
const BUCKETS_PER_SLICE = 8;

/**
 * Consistent hashing on a ring (Karger, 1997): every endpoint owns points that depend on its identity alone, and a key belongs
 * to the first point at or after its hash. Where a key goes does not depend on the order of a snapshot, and an endpoint
 * that comes or goes moves only the keys that it gets or had.
 *
 * Refused and already tried endpoints are stepped over, so that a retry goes to the ring's next endpoint, which is the same
 * one for every sidecar. A request without a key goes to a random point.
 */
export class RingHashBalancer implements Balancer {
  readonly name = 'ring_hash';

  constructor(private readonly random: Random) {}

  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    // Two points at one place are ordered by owner, so owners are numbered by identity.
    const owners = [...endpoints].sort((a, b) => (a.id < b.id ? -1 : 1));
    const counts = pointCounts(owners);
    const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
    const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
    let made = 0;
    for (const [owner, endpoint] of owners.entries()) {
      for (let i = 0; i < counts[owner]!; i++) {
        hashText(`${endpoint.id}_${i}`, hash);
        points[made++] = hash.hashHigh * OWNERS + owner;
        if (made % POINTS_PER_SLICE === 0) yield;
      }
    }
    return new Ring(owners, yield* sorted(points), this.random);
  }
}

class Ring implements Picker {
  constructor(
    private readonly owners: readonly Endpoint[],
    private readonly points: Float64Array,
    private readonly random: Random,
  ) {}

  pick(context: PickContext): Endpoint | null {
    const { owners, points } = this;
    const n = owners.length;
    if (n < 2) return lastResort(owners, 0, context);
    const place = context.hasHash ? context.hashHigh : this.random.uint32();
    let at = this.firstAtOrAfter(place * OWNERS);
    // Long enough to meet most endpoints, short enough for a large ring of which nearly everything is refused.
    for (let step = Math.min(points.length, 4 * n); step > 0; step--) {
      if (at === points.length) at = 0;
      const endpoint = owners[points[at++]! % OWNERS]!;
      if (isUsable(endpoint, context)) return endpoint;
    }
    return lastResort(owners, place % n, context);
  }

  private firstAtOrAfter(point: number): number {
    const { points } = this;
    let from = 0;
    let to = points.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (points[middle]! < point) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/**
 * Points in proportion to weight, the same number per weight whoever else is there. A ring that would be too large has half,
 * a quarter, ... of them: fewer points of the same endpoint are the first of its many, so that such a step moves few keys.
 */
function pointCounts(owners: readonly Endpoint[]): number[] {
  for (let perWeight = POINTS_PER_WEIGHT; ; perWeight /= 2) {
    const counts = owners.map((endpoint) => Math.max(1, Math.round(endpoint.spec.weight * perWeight)));
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total <= Math.max(MAX_POINTS, owners.length)) return counts;
  }
}

/** Sorts by buckets, with a pause after a few of them: one sort of a full ring would take the loop too long. */
function* sorted(points: Float64Array): Generator<void, Float64Array> {
  const ends = new Uint32Array(BUCKETS + 1);
  for (const point of points) ends[Math.floor(point / BUCKET_WIDTH) + 1]! += 1;
  for (let bucket = 0; bucket < BUCKETS; bucket++) ends[bucket + 1]! += ends[bucket]!;
  const result = new Float64Array(points.length);
  const next = ends.slice();
  for (const point of points) result[next[Math.floor(point / BUCKET_WIDTH)]!++] = point;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    result.subarray(ends[bucket]!, ends[bucket + 1]!).sort();
    if (bucket % BUCKETS_PER_SLICE === 0) yield;
  }
  return result;
}
