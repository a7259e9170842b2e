import type { Watch } from '../base/watch.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { knownLag } from '../cluster/pickers/fresh-replicas.ts';
import type { ReportedWeight } from '../cluster/reported-weight.ts';
import type { BreakerState } from '../policy/breaker.ts';
import type { Hold } from '../proxy/hold.ts';
import { type Sample, sample } from './registry.ts';

const BREAKER_STATES: Readonly<Record<BreakerState, number>> = { closed: 0, probing: 1, open: 2 };

/** What a cluster looks like at a scrape. It goes away with the endpoints it speaks of. */
export function* clusterSamples(cluster: Cluster): Generator<Sample> {
  const { name, hashing } = cluster;
  const healths = new Map<string, number>([['passing', 0]]);
  for (const { id, spec, active, gate, reported } of cluster.endpoints) {
    healths.set(spec.health, (healths.get(spec.health) ?? 0) + 1);
    yield sample('remora_endpoint_active', [name, id], active);
    yield sample('remora_breaker_state', [name, id], BREAKER_STATES[gate.state]);
    yield sample('remora_breaker_trips_total', [name, id], gate.trips);
    if (reported !== null) yield* reportSamples(name, id, reported);
  }
  for (const [health, count] of healths) yield sample('remora_endpoints', [name, health], count);
  if (hashing !== null) yield sample('remora_ring_fingerprint', [name, hashing.fingerprint], 1);
}

function* reportSamples(name: string, id: string, { taken, unusable, malformed }: ReportedWeight): Generator<Sample> {
  yield sample('remora_load_reports_total', [name, id, 'taken'], taken);
  yield sample('remora_load_reports_total', [name, id, 'unusable'], unusable);
  yield sample('remora_load_reports_total', [name, id, 'malformed'], malformed);
}

/** Whether it goes where it is meant to go. */
export function* placeSamples({ name, isPanic, spills }: Cluster): Generator<Sample> {
  yield sample('remora_panic', [name], isPanic ? 1 : 0);
  yield sample('remora_spilled_total', [name, 'level'], spills.toLevels);
  yield sample('remora_spilled_total', [name, 'zone'], spills.toZones);
}

/** How fresh replicas are, where reads look at that. */
export function* freshSamples(cluster: Cluster, now: number): Generator<Sample> {
  if (!cluster.options.lenses.some(({ revision }) => revision !== undefined)) return;
  for (const endpoint of cluster.endpoints) {
    const { id, spec, freshness } = endpoint;
    if (spec.role !== 'replica') continue;
    const lagMs = knownLag(endpoint, now);
    if (lagMs !== null) yield sample('remora_replica_lag_seconds', [cluster.name, id], lagMs / 1000);
    yield sample('remora_replica_passed_over_total', [cluster.name, id, 'lag'], freshness.tooLate);
    yield sample('remora_replica_passed_over_total', [cluster.name, id, 'position'], freshness.tooFarBehind);
  }
}

/** Writes that have no primary. */
export function* holdSamples(upstream: string, hold: Hold): Generator<Sample> {
  yield sample('remora_held_active', [upstream], hold.size);
  yield sample('remora_held_total', [upstream], hold.held);
  yield sample('remora_held_refused_total', [upstream, 'full'], hold.full);
  yield sample('remora_held_refused_total', [upstream, 'time'], hold.expired);
}

/** How much a followed service is to be trusted. There is no age before the first answer. */
export function* discoverySamples(upstream: string, watch: Watch<unknown>, now: number): Generator<Sample> {
  if (watch.value !== null) yield sample('remora_discovery_age_seconds', [upstream], (now - watch.freshAt) / 1000);
  yield sample('remora_discovery_problem', [upstream], watch.problem === null ? 0 : 1);
}
