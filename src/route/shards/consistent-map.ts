import { type Hash64, hashText } from '../../cluster/hash.ts';
import type { ShardMap, ShardRange } from './shard-range.ts';

/** Shares come out within about 6 % of fair. 256 shards are 65536 points, some 20 ms to make. */
const POINTS = 256;
/** A point is one Number: its place (32 bits) above the index of its owner, so that sorting is numeric. */
const OWNERS = 2 ** 16;

const hash: Hash64 = { hashHigh: 0, hashLow: 0 };

/**
 * Shards on a ring (Karger, 1997). Points are made of a shard's name alone, so that neither the order of the names nor
 * where its endpoints are matters, and a shard that comes or goes moves only the keys that it gets or had.
 */
export class ConsistentMap implements ShardMap {
  readonly ranges: readonly ShardRange[];
  private readonly points: Float64Array;

  constructor(names: readonly string[]) {
    // Two points at one place are ordered by owner, so owners are numbered by name.
    this.ranges = [...names].sort().map((shard) => ({ text: `ring of ${shard}`, shard, move: null }));
    this.points = new Float64Array(names.length * POINTS);
    let made = 0;
    for (const [owner, { shard }] of this.ranges.entries()) {
      for (let i = 0; i < POINTS; i++) {
        hashText(`${shard}_${i}`, hash);
        this.points[made++] = hash.hashHigh * OWNERS + owner;
      }
    }
    this.points.sort();
  }

  find(key: string): ShardRange {
    const { points } = this;
    hashText(key, hash);
    const place = hash.hashHigh * OWNERS;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < place) low = middle + 1;
      else high = middle;
    }
    return this.ranges[points[low === points.length ? 0 : low]! % OWNERS]!;
  }
}
