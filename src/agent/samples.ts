import type { ClusterChecks } from '../cluster/checks/cluster-checks.ts';
import type { Closed } from '../net/close-reasons.ts';
import { LiveHedge } from '../policy/hedge.ts';
import type { OverloadGuard } from '../policy/overload-guard.ts';
import type { SpentTraces } from '../proxy/spent-traces.ts';
import { type Bounded, capacitySamples } from '../telemetry/capacity-samples.ts';
import { checkSamples } from '../telemetry/check-samples.ts';
import {
  clusterSamples,
  discoverySamples,
  freshSamples,
  holdSamples,
  placeSamples,
} from '../telemetry/cluster-samples.ts';
import { doorSamples, overloadSamples } from '../telemetry/door-samples.ts';
import { ejectionSamples } from '../telemetry/ejection-samples.ts';
import { hedgeSamples } from '../telemetry/hedge-samples.ts';
import { moveSamples } from '../telemetry/move-samples.ts';
import { type Sample, sample } from '../telemetry/registry.ts';
import { reliefSamples } from '../telemetry/relief-samples.ts';
import { type ConfigSampled, configSamples } from './config-samples.ts';
import type { LivePlan } from './plans.ts';
import { closedSamples, poolSamples } from './pools.ts';
import { shardSamples } from './shards.ts';
import type { Shown } from './views.ts';

type Sampled = Shown &
  Bounded & { readonly plan: LivePlan; readonly closed: Closed; readonly checks: ClusterChecks | null };

/** All that is read of the program when somebody asks. */
export function* agentSamples(
  upstreams: readonly Sampled[],
  inbound: (Bounded & { readonly plan: LivePlan }) | null,
  layers: ConfigSampled,
  guard: OverloadGuard,
  spent: SpentTraces,
  now: number,
): Generator<Sample> {
  for (const upstream of upstreams) yield* upstreamSamples(upstream, now);
  if (inbound !== null) {
    yield* capacitySamples(inbound);
    yield* doorSamples(inbound.plan, now);
    yield* reliefSamples(inbound.plan, now);
  }
  yield* overloadSamples(guard);
  yield sample('remora_spent_traces_dropped_total', [], spent.dropped);
  yield* configSamples(layers);
}

/** What an upstream looks like at a scrape. */
function* upstreamSamples(
  { cluster, discovery, plan, closed, connections, checks }: Sampled,
  now: number,
): Generator<Sample> {
  yield* capacitySamples({ plan, connections });
  yield* clusterSamples(cluster);
  yield* placeSamples(cluster);
  yield* ejectionSamples(cluster);
  yield sample('remora_retries_active', [cluster.name], plan.retrying.slots.inUse);
  yield* poolSamples(cluster);
  yield* closedSamples(cluster.name, closed);
  if (checks !== null) yield* checkSamples(cluster, checks);
  yield* discoverySamples(cluster.name, discovery, now);
  yield* freshSamples(cluster, now);
  yield* doorSamples(plan, now);
  yield* reliefSamples(plan, now);
  if (plan.roles !== null) yield* holdSamples(cluster.name, plan.roles.hold);
  if (plan.hedge instanceof LiveHedge) yield* hedgeSamples(cluster.name, plan.hedge);
  yield* shardSamples({ cluster, plan });
  if (plan.spreader !== null) yield* moveSamples(cluster.name, plan.spreader.ledgers);
}
