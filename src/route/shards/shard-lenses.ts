import type { LensSpec } from '../../cluster/lens.ts';
import type { EndpointSpec } from '../../cluster/snapshot.ts';
import { SHARD_MARK, type ShardBy, type ShardsOptions, shardsOf } from './shard-options.ts';

/** A part of the cluster for each shard. No shard stands in for another. */
export function shardLenses({ by, map }: ShardsOptions): readonly LensSpec[] {
  return shardsOf(map).map((shard) => ({
    key: shardLensKey(by, shard),
    matches: (spec: EndpointSpec) => isOf(spec, by, shard),
    otherwise: null,
    balancer: null,
  }));
}

/** How it is told belongs to the key: told by another tag, a shard of the same name is another part of the cluster. */
export function shardLensKey(by: ShardBy, shard: string): string {
  const told = by.kind === 'meta' ? `meta.${by.key}` : `tag ${tagOf(by.pattern, shard)}`;
  return `shard=${shard} (${told})`;
}

export function isOf({ tags, meta }: Pick<EndpointSpec, 'tags' | 'meta'>, by: ShardBy, shard: string): boolean {
  return by.kind === 'meta'
    ? Object.hasOwn(meta, by.key) && meta[by.key] === shard
    : tags.includes(tagOf(by.pattern, shard));
}

function tagOf(pattern: string, shard: string): string {
  return pattern.replace(SHARD_MARK, () => shard);
}
