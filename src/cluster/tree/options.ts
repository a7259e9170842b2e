/** How the endpoints of a cluster are ordered before a balancer chooses among some of them. */
export interface TreeOptions {
  /** A level takes all traffic while its healthy part times this is at least the whole: 1 .. 10. */
  readonly overprovisioning: number;
  /** A level of which a smaller part is healthy is used as if all of it were; 0: never. */
  readonly panic: number;
  /** Null: zones mean nothing. */
  readonly zones: ZoneOptions | null;
}

export interface ZoneOptions {
  /** Where this sidecar is. */
  readonly own: string;
  /** With fewer healthy endpoints a zone's share is too rough a figure to go by. */
  readonly minEndpoints: number;
  /** How many sidecars call from each zone; null: unknown, and taken for the same number in every zone. */
  readonly callers: ReadonlyMap<string, number> | null;
}

/** Envoy's. */
export const DEFAULT_OVERPROVISIONING = 1.4;

export const DEFAULT_TREE: TreeOptions = { overprovisioning: DEFAULT_OVERPROVISIONING, panic: 0, zones: null };
