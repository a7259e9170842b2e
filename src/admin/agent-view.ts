import type { Health } from '../cluster/snapshot.ts';
import type { Place, Problem } from '../config/problems.ts';
import type { EjectionEventView, EjectionView } from './ejection-view.ts';

/**
 * The running program as operators may see it. The agent implements this; admin only renders it.
 *
 * Everything that comes back is plain data, made at the moment of the call: no live object leaks out, so nothing an
 * operator does with an answer can reach the data path. Sizes follow the configuration (listeners, clusters, layers)
 * and discovery (endpoints); the renderers cut what is beyond their limits and say how much they cut.
 */
export interface AgentView {
  identity(): IdentityView;
  readiness(): ReadinessView;
  standing(): StandingView;
  listeners(): readonly ListenerView[];
  clusters(): readonly ClusterView[];
  /** Of the upstreams that have shards. */
  shards(): readonly ShardsView[];
  /** In force, as many as anyone reads. */
  routes(): RoutesView;
  config(): ConfigView;
  /** Prometheus text, format 0.0.4. */
  renderMetrics(): string | Promise<string>;
  /** Begins the orderly shutdown that SIGTERM begins. Doing it twice is doing it once. */
  drain(): void;
}

export interface IdentityView {
  /** Of remora. */
  readonly version: string;
  /** The service this sidecar stands beside. */
  readonly service: { readonly name: string; readonly id: string };
  readonly uptimeMs: number;
}

export interface ReadinessView {
  /** May traffic be sent here? Never while draining or while something is waited for. */
  readonly isReady: boolean;
  readonly isDraining: boolean;
  /** What is still missing, each in a few words: `listener outbound`, `first snapshot of orders`. Empty when ready. */
  readonly waitingFor: readonly string[];
}

/** What keeps callers away from a sidecar that is ready. */
export interface StandingView {
  /** Why Consul may not list the service as it should. Null: this sidecar does not register it. */
  readonly registration: { readonly problem: string | null } | null;
  /** Why the local application is held for down. Null: it is not looked at, which only a registration needs. */
  readonly application: { readonly problem: string | null } | null;
  /** What this process is short of; empty when it is not. */
  readonly overload: readonly PressureView[];
}

/** How near the process is to one of its bounds. */
export interface PressureView {
  /** `loop`, `heap` or `sockets`. */
  readonly resource: string;
  /** Of the way from where there is pressure to where all are refused. */
  readonly percent: number;
  /** It is acted on, and not only counted. */
  readonly isEnforced: boolean;
}

export interface ListenerView {
  readonly name: string;
  readonly protocol: 'http' | 'http2' | 'tcp' | 'auto';
  readonly address: string;
  /** The port in use, also where the configuration said 0; 0 while it is not bound. */
  readonly port: number;
  /** Open right now. */
  readonly connections: number;
}

export interface ClusterView {
  readonly name: string;
  /** It leads to the local application and has the service's name; an upstream may be called the same. */
  readonly isInbound: boolean;
  /** What its endpoints are said to speak; null from a sidecar that does not say. */
  readonly protocol: string | null;
  /** Where the snapshot in use came from (`consul`, `file`, `dns`, `disk`); null before the first. */
  readonly source: string | null;
  /** Since a source last vouched for the snapshot; null before the first. */
  readonly ageMs: number | null;
  /**
   * Why the snapshot may be out of date, has nobody of a role or shard, or does not suit the balancer; null when all is
   * well.
   */
  readonly problem: string | null;
  readonly balancer: string;
  /** Of a balancer that hashes: the same in all sidecars that send a key to the same endpoint. Null of others. */
  readonly fingerprint: string | null;
  /** What bounds its traffic; null from a sidecar that does not say. */
  readonly capacity: CapacityView | null;
  /** The share of usual requests that is held back, or would be. Null: none. */
  readonly throttled: { readonly percent: number; readonly isEnforced: boolean } | null;
  /** Levels and their zones, in order: what traffic each is meant to get. Empty before the first snapshot. */
  readonly places: readonly PlaceView[];
  readonly endpoints: readonly EndpointView[];
  /** What was done to endpoints that do worse than their peers, oldest first. */
  readonly ejections: readonly EjectionEventView[];
  /** Faults that are injected into its requests now, each in words. */
  readonly faults: readonly string[];
}

/** How near the traffic of a cluster is to its limits. */
export interface CapacityView {
  /** Requests and TCP connections, and as many as may be. */
  readonly inFlight: number;
  readonly maxRequests: number;
  /** To all endpoints together, idle ones included. */
  readonly connections: number;
  readonly maxConnections: number;
  /** Requests that wait for a place. */
  readonly pending: number;
  /** The limit that is learned; null where none is. */
  readonly adaptive: {
    readonly limit: number;
    /** 1 while nothing queues at the endpoints. */
    readonly gradient: number;
    /** It refuses; else it is only observed. */
    readonly isEnforced: boolean;
    /** Times that it refused, or would have. */
    readonly refusals: number;
  } | null;
}

/** The endpoints of one zone in one level. */
export interface PlaceView {
  /** 0 is asked first. */
  readonly level: number;
  /** What was asked for: `orders`, `orders-eu@dc2`; null where a level is not a target of its own. */
  readonly name: string | null;
  readonly zone: string | null;
  readonly healthy: number;
  readonly total: number;
  /** Of the cluster's traffic, in percent. What open circuits turn away goes elsewhere at each attempt. */
  readonly share: number;
  /** So little of the level is healthy that health is not looked at. */
  readonly isPanic: boolean;
}

export interface RoutesView {
  readonly total: number;
  /** The first of them. */
  readonly routes: readonly RouteView[];
}

export interface RouteView {
  /** Whose own it is; null: of the shared port. */
  readonly upstream: string | null;
  readonly name: string;
  readonly hosts: readonly string[];
  /** Which requests, and what becomes of them, in a few words. */
  readonly match: string;
  readonly does: string;
  /** Since the start, or since there is a route of this name. */
  readonly requests: number;
  /** As the file would say it. */
  readonly route: unknown;
}

/** The shards of one upstream. */
export interface ShardsView {
  readonly upstream: string;
  /** As the configuration says; which map this sidecar has. */
  readonly version: number;
  readonly kind: string;
  /** Requests without a key since the start, and writes that had to wait for a new owner. */
  readonly missingKeys: number;
  readonly held: number;
  readonly shards: readonly ShardView[];
  readonly ranges: readonly ShardRangeView[];
}

export interface ShardView {
  readonly name: string;
  readonly endpoints: number;
  /** Of them, those that requests may go to. */
  readonly healthy: number;
  /** Requests that were placed there since the start. */
  readonly requests: number;
}

export interface ShardRangeView {
  /** `0-8191`, `[a, m)`. */
  readonly range: string;
  readonly shard: string;
  /** Where it moves to, and how far that is; null for one that stays. */
  readonly move: ShardMoveView | null;
}

export interface ShardMoveView {
  readonly to: string;
  readonly state: string;
  /** How the new owner did so far; null of a move that does not ask it. */
  readonly second: {
    /** A write is in one of the two and may not be in the other. */
    readonly isDiverged: boolean;
    readonly reads: Readonly<Record<string, number>>;
    readonly written: number;
    readonly lost: number;
    /** The last of them, without what they said. */
    readonly losses: readonly Readonly<Record<string, string | number>>[];
  } | null;
}

export type BreakerView = 'closed' | 'open' | 'probing';

export interface EndpointView {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** As discovery reports it. */
  readonly health: Health;
  readonly breaker: BreakerView;
  /** How often the breaker opened since it was last closed for good. */
  readonly trips: number;
  /** Attempts and tunnels in flight. */
  readonly active: number;
  /** What the balancer believes an answer takes; null before the first answer. */
  readonly latencyMs: number | null;
  readonly pool: PoolView;
  /** No longer discovered; kept until its exchanges have ended. */
  readonly isRemoved: boolean;
  /** `primary` or `replica`; null where roles are not asked for, or where nobody knows it. */
  readonly role: string | null;
  /** How far it is behind its primary, and how far in its history, as it says; null where nobody says it. */
  readonly lagMs: number | null;
  readonly position: number | null;
  /** Null: it is not left out for doing worse than its peers. */
  readonly ejection: EjectionView | null;
  /** What this sidecar's own health checks say of it; null where there are none. */
  readonly check: CheckView | null;
}

export interface CheckView {
  readonly state: 'unknown' | 'up' | 'down';
  /** What the last one showed, in words: `passed`, `answered 503`; null before the first. */
  readonly last: string | null;
  /** Since the last one; null before the first. */
  readonly ageMs: number | null;
}

export interface PoolView {
  /** Connections to the endpoint, idle ones included. */
  readonly open: number;
  readonly idle: number;
  /** How long one may wait for a request, and who says so; null from a sidecar that does not tell. */
  readonly idleTimeoutMs: number | null;
  /** `configured`, `told` (the endpoint's `Keep-Alive`) or `learned` (from when it closed those that waited). */
  readonly idleTimeoutFrom: string | null;
}

export interface ConfigView {
  /** The configuration in force, every layer laid over the one before, secrets already replaced. JSON values only. */
  readonly effective: unknown;
  /** Where values of it came from that somebody wrote, by their path. */
  readonly origins: ReadonlyMap<string, Place>;
  /** In order of precedence, weakest first. */
  readonly layers: readonly ConfigLayerView[];
}

export interface ConfigLayerView {
  /**
   * A file's path, a key of Consul's KV store, or what keeps settings from taking effect: `restart`, `listeners`,
   * `registration`.
   */
  readonly name: string;
  /** Of the document in force: Consul's ModifyIndex, or a hash of the file; null when the layer has never been good. */
  readonly revision: string | null;
  /** Since its source last vouched for it; null before the first time, absent where it is not told. */
  readonly ageMs?: number | null;
  /** Why the newest document is not the one in force. Empty when it is. */
  readonly problems: readonly Problem[];
  /** Why its source cannot be asked for a newer one, and what is in force may be old; null when it can. */
  readonly unreachable: string | null;
}
