import type { ConfigLayerView } from '../admin/agent-view.ts';
import {
  clusterSamples,
  discoverySamples,
  freshSamples,
  holdSamples,
  placeSamples,
} from '../telemetry/cluster-samples.ts';
import { moveSamples } from '../telemetry/move-samples.ts';
import { type Sample, sample } from '../telemetry/registry.ts';
import { reliefSamples } from '../telemetry/relief-samples.ts';
import type { LivePlan } from './plans.ts';
import { shardSamples } from './shards.ts';
import { poolSamples, type Shown } from './views.ts';

/** What traffic looks like at a scrape. */
export function* trafficSamples(
  upstreams: Iterable<Shown & { plan: LivePlan }>,
  local: { plan: LivePlan } | null,
  now: number,
): Generator<Sample> {
  for (const upstream of upstreams) yield* upstreamSamples(upstream, now);
  if (local !== null) yield* reliefSamples(local.plan, now);
}

/** What an upstream looks like at a scrape. */
export function* upstreamSamples(
  { cluster, discovery, plan }: Shown & { plan: LivePlan },
  now: number,
): Generator<Sample> {
  yield* clusterSamples(cluster);
  yield* placeSamples(cluster);
  yield* poolSamples(cluster);
  yield* discoverySamples(cluster.name, discovery, now);
  yield* freshSamples(cluster, now);
  yield* reliefSamples(plan, now);
  if (plan.roles !== null) yield* holdSamples(cluster.name, plan.roles.hold);
  yield* shardSamples({ cluster, plan });
  if (plan.spreader !== null) yield* moveSamples(cluster.name, plan.spreader.ledgers);
}

export function* layerSamples(layers: readonly ConfigLayerView[]): Generator<Sample> {
  for (const { name, revision, problems, unreachable } of layers) {
    const isGood = problems.length === 0 && unreachable === null;
    if (revision !== null) yield sample('remora_config_info', [name, revision], 1);
    yield sample('remora_config_last_reload_successful', [name], isGood ? 1 : 0);
  }
}
