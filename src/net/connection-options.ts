/** How many connections an endpoint is given, and how long they live. */
export interface ConnectionOptions {
  /** So many are opened ahead of requests and kept open; at most `maxIdle` of them. */
  readonly warm: number;
  /** Connections that wait for a request at a time; the one that has waited longest goes when there is one more. */
  readonly maxIdle: number;
  /** Requests that one carries at most; 0: no bound. */
  readonly maxRequests: number;
  /** How long one is used at most; 0: no bound. What runs on it then ends in its time. */
  readonly maxAgeMs: number;
  /** How long connections live on after their endpoint was removed; 0: as long as their exchanges and tunnels. */
  readonly drainTimeoutMs: number;
}

/**
 * 64 idle ones are as many as one endpoint is given at once on a bad day, and few enough that a thousand endpoints are
 * no burden. All else is off: a connection that works is better than a new one, and one that nobody asked for costs
 * both ends.
 */
export const DEFAULT_CONNECTIONS: ConnectionOptions = {
  warm: 0,
  maxIdle: 64,
  maxRequests: 0,
  maxAgeMs: 0,
  drainTimeoutMs: 0,
};
