import type { ShardMoveView, ShardsView, ShardView } from '../admin/agent-view.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isOf } from '../route/shards/shard-lenses.ts';
import { shardsOf } from '../route/shards/shard-options.ts';
import type { ShardRange } from '../route/shards/shard-range.ts';
import type { Sharding, Shards } from '../route/shards/shards.ts';
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
      ranges: map.ranges.map((range) => ({ range: range.text, shard: range.shard, move: moveView(range, shards) })),
    },
  ];
}

/** More than anyone reads at once; the metrics count all of them. */
const LOSSES_SHOWN = 20;

function moveView(range: ShardRange, shards: Shards): ShardMoveView | null {
  const { move } = range;
  if (move === null || move.state === 'hold') return move === null ? null : { ...move, second: null };
  const ledger = shards.ledgerOf(range);
  const { isDiverged, reads, written, lost } = ledger;
  const losses = ledger
    .recent()
    .slice(-LOSSES_SHOWN)
    .map((loss) => ({ ...loss }));
  return { ...move, second: { isDiverged, reads: { ...reads }, written, lost, losses } };
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
