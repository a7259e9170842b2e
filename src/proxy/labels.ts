export type Direction = 'inbound' | 'outbound';

/** What a plan is called in metrics, spans and logs. Bound once, when the plan is built. */
export interface PlanLabels {
  readonly direction: Direction;
  /** The upstream's name as configured; for inbound, the local service's. */
  readonly upstream: string;
  /** `auto`: what each connection turns out to be. */
  readonly protocol: 'http' | 'grpc' | 'tcp' | 'auto';
}
