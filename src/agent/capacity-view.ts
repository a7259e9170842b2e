import type { CapacityView, ClusterView } from '../admin/agent-view.ts';
import type { Doors } from '../route/doors/doors.ts';
import type { Bounded } from '../telemetry/capacity-samples.ts';
import { clusterView, type Shown } from './views.ts';

/** What holds requests back from it. */
interface Guarded {
  readonly plan: { readonly door: Doors };
}

/** A cluster, and how near its traffic is to its limits. */
export function boundedClusterView(shown: Shown & Bounded & Guarded, isInbound: boolean, now: number): ClusterView {
  return { ...clusterView(shown, isInbound, now, shown.plan.door.throttle), capacity: capacityView(shown) };
}

export function capacityView({ plan: { admission, line }, connections }: Bounded): CapacityView {
  const { inFlight, maxRequests, adaptive } = admission;
  const { open, max } = connections;
  return {
    inFlight,
    maxRequests,
    connections: open,
    maxConnections: max,
    pending: line.size,
    adaptive: adaptive.mode === 'off' ? null : adaptiveView(adaptive),
  };
}

function adaptiveView({ mode, limit, gradient, refused, wouldRefuse }: Bounded['plan']['admission']['adaptive']) {
  const isEnforced = mode === 'enforce';
  const refusals = (isEnforced ? refused : wouldRefuse).reduce((sum, count) => sum + count, 0);
  return { limit, gradient: Math.round(gradient * 1000) / 1000, isEnforced, refusals };
}
