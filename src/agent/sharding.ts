import { isDeepStrictEqual } from 'node:util';
import type { Placement } from '../proxy/placement.ts';
import { makeFirstText } from '../route/hash-keys.ts';
import { AtShard } from '../route/shards/at-shard.ts';
import { ByShard } from '../route/shards/by-shard.ts';
import { shardLensKey } from '../route/shards/shard-lenses.ts';
import { makeShardMap } from '../route/shards/shard-map.ts';
import { type ShardsOptions, shardsOf } from '../route/shards/shard-options.ts';
import type { Sharding, Shards } from '../route/shards/shards.ts';

/** The map of a configuration; that of the one before where it says the same, since a ring takes a while to make. */
export function shardingOf(options: ShardsOptions | null, before: Sharding | null): Sharding | null {
  if (options === null) return null;
  if (before !== null && isDeepStrictEqual(options, before.options)) return before;
  return { options, key: makeFirstText(options.key), map: makeShardMap(options.map) };
}

/** Inside a part of the cluster, by its lens, or in all of it where that is null. */
export type PlacementMaker = (part: string | null) => Placement;

/**
 * By the key of a request to its shard, and inside it as `make` says; as it says of the whole where there are no
 * shards.
 */
export function placementOf(sharding: Sharding | null, shards: Shards | null, make: PlacementMaker): Placement {
  if (sharding === null || shards === null) return make(null);
  const { by, map } = sharding.options;
  const inside = shardsOf(map).map((shard) => {
    return [shard, new AtShard(shard, shards, make(shardLensKey(by, shard)))] as const;
  });
  return new ByShard(sharding, shards, new Map(inside), make(null));
}
