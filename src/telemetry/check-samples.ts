import type { ClusterChecks } from '../cluster/checks/cluster-checks.ts';
import { CHECK_RESULTS } from '../cluster/checks/prober.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { type Sample, sample } from './registry.ts';

/** What our own health checks found. An endpoint without a result has no state. */
export function* checkSamples({ name, endpoints }: Cluster, checks: ClusterChecks): Generator<Sample> {
  const { counts, waiting } = checks;
  yield sample('remora_health_checks_waiting', [name], waiting);
  for (const result of CHECK_RESULTS) yield sample('remora_health_checks_total', [name, result], counts[result]);
  for (const { id, check } of endpoints) {
    const state = check?.standing.state ?? 'unknown';
    if (state !== 'unknown') yield sample('remora_health_check_state', [name, id], state === 'up' ? 1 : 0);
  }
}
