import { type BuildWork, HASH_WORK } from '../build-work.ts';
import { type Hash64, hashText } from '../hash.ts';
import type { HashMember } from '../hash-members.ts';
import type { RingOptions } from '../hashing-options.ts';

/**
 * The points of a ring in the order of their places, 64-bit numbers in two halves, each with the number of its owner.
 */
export interface RingPoints {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  readonly owners: Uint32Array;
  /** Where the points of each bucket begin; a bucket is all places with the same topmost bits. One more for the end. */
  readonly starts: Uint32Array;
  /** A place shifted right by so many bits of its high half is its bucket. */
  readonly shift: number;
}

/** How many points each member has. */
export function pointCounts(members: readonly HashMember[], options: RingOptions): Uint32Array {
  return options.sizing === 'fixed'
    ? fixedCounts(members, options.points, options.maxSize)
    : envoyCounts(members, options.minSize, options.maxSize);
}

/** Makes and sorts the points: member m has those of the texts `key_0`, `key_1`, ... */
export function* makePoints(
  members: readonly HashMember[],
  counts: Uint32Array,
  work: BuildWork,
): Generator<void, RingPoints> {
  const size = counts.reduce((sum, count) => sum + count, 0);
  const highs = new Uint32Array(size);
  const lows = new Uint32Array(size);
  const owners = new Uint32Array(size);
  const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
  let made = 0;
  for (const [owner, { key }] of members.entries()) {
    for (let i = 0; i < counts[owner]!; i++) {
      hashText(`${key}_${i}`, hash);
      highs[made] = hash.hashHigh;
      lows[made] = hash.hashLow;
      owners[made++] = owner;
      if (work.isDue(HASH_WORK)) yield;
    }
  }
  return yield* sorted({ highs, lows, owners }, work);
}

/**
 * A ring that would be larger than it may is scaled down just as far: each change then moves up to twice the keys of
 * its endpoint. Halving it would leave others alone for longer, and move half of all keys at once when it comes to
 * that.
 */
function fixedCounts(members: readonly HashMember[], points: number, maxSize: number): Uint32Array {
  const total = members.reduce((sum, { endpoint }) => sum + endpoint.spec.weight, 0);
  const perWeight = Math.min(points, maxSize / total);
  return Uint32Array.from(members, ({ endpoint }) => Math.max(1, Math.floor(endpoint.spec.weight * perWeight)));
}

/**
 * Envoy's: so many that the lightest has a whole number and all together at least the minimum, and the shares of that
 * number handed out by running sums, which are kept in the order of its own arithmetic. It walks its hosts as they were
 * listed to it and this ring by address; that shows only where a share is no whole number of points.
 */
function envoyCounts(members: readonly HashMember[], minSize: number, maxSize: number): Uint32Array {
  const counts = new Uint32Array(members.length);
  const least = members.reduce((least, { share }) => Math.min(least, share), 1);
  const scale = Math.min(Math.ceil(least * minSize) / least, maxSize);
  let target = 0;
  let made = 0;
  for (const [owner, { share }] of members.entries()) {
    target += scale * share;
    const count = Math.max(0, Math.ceil(target - made));
    counts[owner] = count;
    made += count;
  }
  return counts;
}

/**
 * Sorts by distribution: hashes are spread evenly, so with a bucket for every four or so each needs only a little
 * sorting of its own, and the buckets later show a look-up where to begin.
 */
function* sorted(points: Pick<RingPoints, 'highs' | 'lows' | 'owners'>, work: BuildWork): Generator<void, RingPoints> {
  const size = points.highs.length;
  const bits = Math.max(1, 30 - Math.clz32(size));
  const shift = 32 - bits;
  const starts = new Uint32Array(2 ** bits + 1);
  for (let i = 0; i < size; i++) {
    starts[(points.highs[i]! >>> shift) + 1]! += 1;
    if (work.isDue(1)) yield;
  }
  for (let bucket = 1; bucket < starts.length; bucket++) {
    starts[bucket]! += starts[bucket - 1]!;
    if (work.isDue(1)) yield;
  }
  const ring = {
    highs: new Uint32Array(size),
    lows: new Uint32Array(size),
    owners: new Uint32Array(size),
    starts,
    shift,
  };
  const ends = starts.slice();
  for (let i = 0; i < size; i++) {
    const bucket = points.highs[i]! >>> shift;
    const moved = insert(ring, ends[bucket]!++, points, i);
    if (work.isDue(1 + moved)) yield;
  }
  return ring;
}

/** Puts a point at the end of its bucket's and moves it forward to its place; how many others it passed. */
function insert(
  { highs, lows, owners, starts, shift }: RingPoints,
  end: number,
  points: Pick<RingPoints, 'highs' | 'lows' | 'owners'>,
  from: number,
): number {
  const high = points.highs[from]!;
  const low = points.lows[from]!;
  const first = starts[high >>> shift]!;
  let at = end;
  // Two points at one place stay in the order of their owners, in which they come.
  while (at > first && isAfter(highs[at - 1]!, lows[at - 1]!, high, low)) {
    highs[at] = highs[at - 1]!;
    lows[at] = lows[at - 1]!;
    owners[at] = owners[at - 1]!;
    at--;
  }
  highs[at] = high;
  lows[at] = low;
  owners[at] = points.owners[from]!;
  return end - at;
}

function isAfter(highA: number, lowA: number, highB: number, lowB: number): boolean {
  return highA === highB ? lowA > lowB : highA > highB;
}
