import type { ConfigLayerView } from '../admin/agent-view.ts';
import type { ClusterChecks } from '../cluster/checks/cluster-checks.ts';
import { checkSamples } from '../telemetry/check-samples.ts';
import {
  clusterSamples,
  discoverySamples,
  freshSamples,
  holdSamples,
  placeSamples,
} from '../telemetry/cluster-samples.ts';
import { moveSamples } from '../telemetry/move-samples.ts';
import { type Sample, sample } from '../telemetry/registry.ts';
import type { LivePlan } from './plans.ts';
import { shardSamples } from './shards.ts';
import { poolSamples, type Shown } from './views.ts';

/** What an upstream looks like at a scrape. */
export function* upstreamSamples(
  { cluster, discovery, plan, checks }: Shown & { plan: LivePlan; checks: ClusterChecks | null },
  now: number,
): Generator<Sample> {
  yield* clusterSamples(cluster);
  yield* placeSamples(cluster);
  yield* poolSamples(cluster);
  if (checks !== null) yield* checkSamples(cluster, checks);
  yield* discoverySamples(cluster.name, discovery, now);
  yield* freshSamples(cluster, now);
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
