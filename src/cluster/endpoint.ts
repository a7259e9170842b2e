import type { Moment } from '../base/clock.ts';
import type { Connector } from '../http/conduit.ts';
import type { Fields } from '../http/fields.ts';
import type { Evidence } from '../policy/evidence.ts';
import type { Gate } from '../policy/gate.ts';
import type { Freshness } from './freshness.ts';
import type { Tally } from './in-flight.ts';
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
  /** Counts what is in flight here in the tally too, until the cluster has other pickers. */
  join(tally: Tally): void;
  /** What it reports of its load; null where nobody wants to know, and then reports are not looked at. */
  readonly reported: ReportedWeight | null;
  /** Who reads in its answers that it wants no more; null where it is not checked. */
  readonly check: { read(head: Fields, now: number): void } | null;
  /**
   * How much of its weight slow start lets it have, in parts of `WARM`: above 0, and all but for a while after it came.
   */
  warmthAt(moment: Moment): number;
  /**
   * Writes down what latency-aware balancers compare: what an attempt costs where it is alone, or 0 for one to be taken
   * at once.
   */
  writeCost(moment: Moment, into: Float64Array, slot: number): void;
  /** Feeds latency and later outlier detection; called once per attempt, beside the gate's `settle`. */
  learn(evidence: Evidence, now: number): void;
}

/** Makes the way to an endpoint; given to the cluster by whoever wires the program. */
export type ConnectorFactory = (spec: EndpointSpec) => Connector;
