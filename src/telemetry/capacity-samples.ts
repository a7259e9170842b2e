import type { ConnectionLimit } from '../net/connection-limit.ts';
import type { Admission } from '../policy/admission.ts';
import { CRITICALITY_NAMES } from '../policy/criticality.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { WaitingLine } from '../proxy/waiting-line.ts';
import { type Sample, sample } from './registry.ts';

/** What bounds the traffic of one plan. */
export interface Bounded {
  readonly plan: { readonly labels: PlanLabels; readonly admission: Admission; readonly line: WaitingLine };
  readonly connections: ConnectionLimit;
}

/** How near a plan is to its limits, and who was refused for them. */
export function* capacitySamples({ plan, connections }: Bounded): Generator<Sample> {
  const { admission, line } = plan;
  const { direction, upstream } = plan.labels;
  const labels = [direction, upstream] as const;
  yield sample('remora_limit', [...labels, 'requests'], admission.maxRequests);
  yield sample('remora_limit', [...labels, 'connections'], connections.max);
  yield sample('remora_limit_in_flight', [...labels, 'requests'], admission.inFlight);
  yield sample('remora_limit_in_flight', [...labels, 'connections'], connections.open);
  yield sample('remora_connections_refused_total', labels, connections.refused);
  yield sample('remora_connections_displaced_total', labels, connections.displaced);
  yield sample('remora_pending_active', labels, line.size);
  yield sample('remora_pending_total', labels, line.entered);
  yield sample('remora_pending_refused_total', [...labels, 'full'], line.full);
  yield sample('remora_pending_refused_total', [...labels, 'displaced'], line.displaced);
  yield sample('remora_pending_refused_total', [...labels, 'time'], line.expired);
  yield* adaptiveSamples(labels, admission);
}

/** A criticality is shown once it has been refused: most upstreams have one. */
function* adaptiveSamples(labels: readonly [string, string], { adaptive }: Admission): Generator<Sample> {
  if (adaptive.mode === 'off') return;
  yield sample('remora_limit', [...labels, 'adaptive'], adaptive.limit);
  yield sample('remora_adaptive_gradient', labels, adaptive.gradient);
  for (const [level, name] of CRITICALITY_NAMES.entries()) {
    const [refused, wouldRefuse] = [adaptive.refused[level]!, adaptive.wouldRefuse[level]!];
    if (refused > 0) yield sample('remora_adaptive_refused_total', [...labels, name], refused);
    if (wouldRefuse > 0) yield sample('remora_adaptive_would_refuse_total', [...labels, name], wouldRefuse);
  }
}
