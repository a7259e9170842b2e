import type { Watch } from '../base/watch.ts';
import type { Role, RoleRule } from './role.ts';

/** `maintenance`: finish what runs, send nothing new. `critical`: out. `warning` takes part with its own weight. */
export type Health = 'passing' | 'warning' | 'maintenance' | 'critical';

/** An endpoint as discovered. Immutable. */
export interface EndpointSpec {
  /**
   * Identity across updates: `host:port/serviceId`. State (breaker, latency, pool) survives as long as it stays the
   * same.
   */
  readonly id: string;
  /** An IP address (IPv6 without brackets). Names are resolved by discovery. */
  readonly host: string;
  readonly port: number;
  /** Share of traffic against its peers, 1 .. 65535. */
  readonly weight: number;
  readonly health: Health;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly zone: string | null;
  /** The level it belongs to: 0 is asked first, the next when that has too few that are healthy. */
  readonly priority: number;
  /** How far behind its primary discovery says it is, in ms; absent when it does not say. */
  readonly lagMs?: number;
  /** Null: none, or nobody knows. Told where the question has `roles`. */
  readonly role: Role | null;
}

/** All that is known about one service at one moment. Immutable, replaced whole. */
export interface ClusterSnapshot {
  readonly service: string;
  readonly endpoints: readonly EndpointSpec[];
  /** Where it came from, for operators: `consul`, `file`, `dns`, `disk` (last good of an earlier run). */
  readonly source: string;
}

export interface ServiceQuery {
  readonly service: string;
  readonly datacenter: string | null;
  readonly namespace: string | null;
  readonly tag: string | null;
  /** A filter in Consul's expression language. */
  readonly filter: string | null;
  /** Ask for mesh proxies of the service instead of the service itself. */
  readonly connect: boolean;
  /** How roles are known; null: nobody asks for them. */
  readonly roles: RoleRule | null;
}

/** `cold`: nothing else is known, so that an old answer is better than none. `warm`: only a new one counts. */
export type Start = 'cold' | 'warm';

export interface DiscoverySource {
  /** Follows a service until the signal aborts. A failed or suspicious update never empties the watch. */
  follow(query: ServiceQuery, signal: AbortSignal, start: Start): Watch<ClusterSnapshot>;
}
