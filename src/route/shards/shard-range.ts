import type { Move } from './shard-options.ts';

/** Keys that have one owner and move together. */
export interface ShardRange {
  /** As operators see it: `0-8191`, `[a, m)`. One of its kind in its map. */
  readonly text: string;
  readonly shard: string;
  readonly move: Move | null;
}

/**
 * Keys to shards: immutable, replaced whole, and without a hole or an overlap, which `shardMapFlaws` has refused. A key
 * is the bytes of the request as latin1. A look-up allocates nothing.
 */
export interface ShardMap {
  readonly ranges: readonly ShardRange[];
  /** Null for a key that is nobody's: one that a list does not name, or text where integers are meant. */
  find(key: string): ShardRange | null;
}
