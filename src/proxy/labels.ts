export type Direction = 'inbound' | 'outbound';

/** What a plan is called in metrics, spans and logs. Bound once, when the plan is built. */
export interface PlanLabels {
  readonly direction: Direction;
  /** The upstream's name as configured; for inbound, the local service's. */
  readonly upstream: string;
  readonly protocol: 'http' | 'tcp';
}
