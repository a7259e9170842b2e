import type { Cluster } from '../cluster/cluster.ts';
import type { RequestHead } from '../http/head.ts';
import type { Backoff } from '../policy/backoff.ts';
import type { RetryBudget } from '../policy/budget.ts';
import type { Gate } from '../policy/gate.ts';
import type { RetryOptions, TimeoutOptions } from '../policy/options.ts';
import type { PlanLabels } from './labels.ts';
import type { PlanObserver } from './observer.ts';
import type { Parking } from './parking.ts';
import type { Placement } from './placement.ts';

/**
 * Everything that was resolved before the request came: where to, under which limits, watched by whom. Immutable and
 * shared by all exchanges that it fits; a change of configuration makes a new one.
 */
export interface Plan {
  readonly labels: PlanLabels;
  readonly cluster: Cluster;
  /** The cluster's limit on requests in flight. */
  readonly admission: Gate;
  readonly retry: RetryOptions;
  readonly budget: RetryBudget;
  readonly backoff: Backoff;
  readonly parking: Parking;
  readonly timeouts: TimeoutOptions;
  readonly placement: Placement;
  /** Share of exchanges without a sampled parent that are traced. The process's, and so the one thing here that changes. */
  readonly sampleRatio: number;
  /** Are fields named `x-remora-*` believed? Forwarding fields are passed on whoever sends them. */
  readonly trustsPeer: boolean;
  /** Are calls that nobody has looked at given back to their callers, who know of other endpoints? */
  readonly returnsUnseen: boolean;
  readonly observer: PlanObserver;
}

/** Requests to plans. One per listener. */
export interface Router {
  /** The plan of a request, or null when no upstream is meant (`no_route`). */
  route(head: RequestHead): Plan | null;
  /** The plan of an opaque connection, or null. `serverName`: see `TunnelClient`. */
  routeTunnel(serverName: string | null): Plan | null;
}
