import type { CapacityView, ClusterView } from '../admin/agent-view.ts';
import type { Bounded } from '../telemetry/capacity-samples.ts';
import { clusterView, type Shown } from './views.ts';

/** A cluster, and how near its traffic is to its limits. */
export function boundedClusterView(shown: Shown & Bounded, isInbound: boolean, now: number): ClusterView {
  return { ...clusterView(shown, isInbound, now), capacity: capacityView(shown) };
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
