import type { ShardsView, ShardView } from '../admin/agent-view.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isOf } from '../route/shard-lenses.ts';
import { shardsOf } from '../route/shard-options.ts';
import type { Sharding, Shards } from '../route/shards.ts';
import { type Sample, sample } from '../telemetry/registry.ts';

/** An upstream as far as its shards go. */
export interface Sharded {
  readonly cluster: Cluster;
  readonly plan: { readonly shards: Shards | null };
}

/** The shards of an upstream for operators; nothing of one that has none. */
export function shardsView({ cluster, plan: { shards } }: Sharded): readonly ShardsView[] {
  if (shards === null || shards.sharding === null) return [];
  const { options, map } = shards.sharding;
  return [
    {
      upstream: cluster.name,
      version: options.version,
      kind: options.map.kind,
      missingKeys: shards.missingKeys,
      held: shards.held,
      shards: shardViews(cluster, shards, options),
      ranges: map.ranges.map(({ text, shard, move }) => ({ range: text, shard, move })),
    },
  ];
}

function shardViews(cluster: Cluster, shards: Shards, { by, map }: Sharding['options']): readonly ShardView[] {
  const endpoints = [...cluster.endpoints];
  return shardsOf(map).map((name) => {
    const own = endpoints.filter(({ spec }) => isOf(spec, by, name));
    const healthy = own.filter(({ isHealthy, gate }) => isHealthy && gate.state !== 'open');
    return { name, endpoints: own.length, healthy: healthy.length, requests: shards.countOf(name) };
  });
}

/** What its shards look like at a scrape. */
export function* shardSamples({ cluster: { name }, plan: { shards } }: Sharded): Generator<Sample> {
  if (shards === null || shards.sharding === null) return;
  const { version, map } = shards.sharding.options;
  yield sample('remora_shard_map_version', [name], version);
  for (const shard of shardsOf(map)) yield sample('remora_shard_requests_total', [name, shard], shards.countOf(shard));
  yield sample('remora_shard_keys_missing_total', [name], shards.missingKeys);
  yield sample('remora_shard_writes_held_total', [name], shards.held);
}
