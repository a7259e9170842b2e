import type { ConfigLayerView } from '../admin/agent-view.ts';
import type { SpentTraces } from '../proxy/spent-traces.ts';
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

type ShownUpstream = Shown & { readonly plan: LivePlan };

/** What the program looks like at a scrape, beside its process. */
export function* agentSamples(
  upstreams: Iterable<ShownUpstream>,
  layers: readonly ConfigLayerView[],
  spent: SpentTraces,
  now: number,
): Generator<Sample> {
  for (const upstream of upstreams) yield* upstreamSamples(upstream, now);
  yield sample('remora_spent_traces_dropped_total', [], spent.dropped);
  yield* layerSamples(layers);
}

/** What an upstream looks like at a scrape. */
function* upstreamSamples({ cluster, discovery, plan }: ShownUpstream, now: number): Generator<Sample> {
  yield* clusterSamples(cluster);
  yield* placeSamples(cluster);
  yield sample('remora_retries_active', [cluster.name], plan.retrying.slots.inUse);
  yield* poolSamples(cluster);
  yield* discoverySamples(cluster.name, discovery, now);
  yield* freshSamples(cluster, now);
  if (plan.roles !== null) yield* holdSamples(cluster.name, plan.roles.hold);
  yield* shardSamples({ cluster, plan });
  if (plan.spreader !== null) yield* moveSamples(cluster.name, plan.spreader.ledgers);
}

function* layerSamples(layers: readonly ConfigLayerView[]): Generator<Sample> {
  for (const { name, revision, problems, unreachable } of layers) {
    const isGood = problems.length === 0 && unreachable === null;
    if (revision !== null) yield sample('remora_config_info', [name, revision], 1);
    yield sample('remora_config_last_reload_successful', [name], isGood ? 1 : 0);
  }
}
