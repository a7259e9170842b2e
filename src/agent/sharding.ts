import { isDeepStrictEqual } from 'node:util';
import type { Cluster } from '../cluster/cluster.ts';
import type { Placement } from '../proxy/placement.ts';
import { ByShard } from '../route/by-shard.ts';
import { Inside } from '../route/inside.ts';
import { shardLensKey } from '../route/shard-lenses.ts';
import { makeShardMap } from '../route/shard-map.ts';
import { type ShardsOptions, shardsOf } from '../route/shard-options.ts';
import type { Sharding, Shards } from '../route/shards.ts';

/** The map of a configuration; that of the one before where it says the same, since a ring takes a while to make. */
export function shardingOf(options: ShardsOptions | null, before: Sharding | null): Sharding | null {
  if (options === null) return null;
  if (before !== null && isDeepStrictEqual(options, before.options)) return before;
  return { options, map: makeShardMap(options.map) };
}

/** `inner` says where inside a shard, or in the whole cluster where there are no shards. */
export function placementOf(
  cluster: Cluster,
  sharding: Sharding | null,
  shards: Shards | null,
  inner: Placement,
): Placement {
  if (sharding === null || shards === null) return inner;
  const { by, map } = sharding.options;
  const inside = shardsOf(map).map(
    (shard) => [shard, new Inside(cluster.lensOf(shardLensKey(by, shard)), inner)] as const,
  );
  return new ByShard(sharding, shards, new Map(inside), inner);
}
