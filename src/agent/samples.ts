import type { ConfigLayerView } from '../admin/agent-view.ts';
import type { Closed } from '../net/close-reasons.ts';
import { LiveHedge } from '../policy/hedge.ts';
import {
  clusterSamples,
  discoverySamples,
  freshSamples,
  holdSamples,
  placeSamples,
} from '../telemetry/cluster-samples.ts';
import { hedgeSamples } from '../telemetry/hedge-samples.ts';
import { moveSamples } from '../telemetry/move-samples.ts';
import { type Sample, sample } from '../telemetry/registry.ts';
import type { LivePlan } from './plans.ts';
import { closedSamples, poolSamples } from './pools.ts';
import { shardSamples } from './shards.ts';
import type { Shown } from './views.ts';

/** What an upstream looks like at a scrape. */
export function* upstreamSamples(
  { cluster, discovery, plan, closed }: Shown & { plan: LivePlan; closed: Closed },
  now: number,
): Generator<Sample> {
  yield* clusterSamples(cluster);
  yield* placeSamples(cluster);
  yield* poolSamples(cluster);
  yield* closedSamples(cluster.name, closed);
  yield* discoverySamples(cluster.name, discovery, now);
  yield* freshSamples(cluster, now);
  if (plan.roles !== null) yield* holdSamples(cluster.name, plan.roles.hold);
  if (plan.hedge instanceof LiveHedge) yield* hedgeSamples(cluster.name, plan.hedge);
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
