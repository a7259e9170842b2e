import type { Connector } from '../http/conduit.ts';
import type { Evidence } from '../policy/evidence.ts';
import type { Gate } from '../policy/gate.ts';
import type { Freshness } from './freshness.ts';
import type { ReportedWeight } from './reported-weight.ts';
import type { EndpointSpec } from './snapshot.ts';

/** One live endpoint of a cluster: what discovery says of it and what this sidecar has learned. */
export interface Endpoint {
  readonly id: string;
  /** Replaced when discovery changes weight, health or tags under the same identity. */
  readonly spec: EndpointSpec;
  readonly connector: Connector;
  /** Hard: its own breaker. */
  readonly gate: Gate;
  /** Soft: discovery, probes, ejection. Ignored when too few are healthy. */
  readonly isHealthy: boolean;
  /** No longer part of the cluster; exchanges that run may finish. */
  readonly isRemoved: boolean;
  /** How far behind its primary it says to be. */
  readonly freshness: Freshness;
  /** Attempts and tunnels in flight; the exchange counts, once up and once down. */
  active: number;
  /** What it reports of its load; null where nobody wants to know, and then reports are not looked at. */
  readonly reported: ReportedWeight | null;
  /** The weight of discovery, as far as slow start lets it have it; above 0. */
  weightAt(now: number): number;
  /** Which part of its weight slow start lets it have: above 0, and 1 but for a while after it came. */
  warmthAt(now: number): number;
  /** What latency-aware balancers compare: lower is better. Includes the attempts in flight, not the weight. */
  loadAt(now: number): number;
  /** Feeds latency and later outlier detection; called once per attempt, beside the gate's `settle`. */
  learn(evidence: Evidence, now: number): void;
}

/** Makes the way to an endpoint; given to the cluster by whoever wires the program. */
export type ConnectorFactory = (spec: EndpointSpec) => Connector;
