import type { CheckOptions } from '../cluster/checks/options.ts';
import type { BalancerOptions } from '../cluster/options.ts';
import type { Role, RoleRule } from '../cluster/role.ts';
import type { ReadPreference } from '../cluster/role-lenses.ts';
import type { Subset } from '../cluster/tree/subset.ts';
import type { ConsulOptions, StaticEndpoint } from '../discovery/options.ts';
import type { ConnectionOptions } from '../net/connection-options.ts';
import type { Http2Limits } from '../net/http2-shared.ts';
import type { AdaptiveOptions } from '../policy/adaptive-options.ts';
import type { CriticalityOptions } from '../policy/criticality-rule.ts';
import type { FallbackOptions } from '../policy/fallback.ts';
import type { FaultOptions } from '../policy/fault.ts';
import type { HedgeOptions } from '../policy/hedge.ts';
import type { BreakerOptions, LimitOptions, RetryOptions, TimeoutOptions } from '../policy/options.ts';
import type { EjectionOptions } from '../policy/outlier/options.ts';
import type { OverloadOptions } from '../policy/overload-guard.ts';
import type { ThrottleOptions } from '../policy/throttle.ts';
import type { HoldOptions } from '../proxy/hold.ts';
import type { RateLimitOptions } from '../route/doors/options.ts';
import type { KeyOptions } from '../route/keys/options.ts';
import type { OverrideOptions } from '../route/overrides/overrides.ts';
import type { ReadYourWritesOptions } from '../route/read-your-writes.ts';
import type { ReadOptions } from '../route/roles.ts';
import type { ShardsOptions } from '../route/shards/shard-options.ts';
import type { RouteOptions } from '../route/table/options.ts';
import type { Secrets } from './references.ts';

/** The effective configuration: validated, defaults filled in, units resolved. Immutable; a change makes a new one. */
export interface Config {
  readonly service: ServiceConfig;
  readonly inbound: InboundConfig | null;
  readonly outbound: OutboundConfig | null;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  /** Of the shared outbound port, sorted by name. Every upstream that one names is in `upstreams`. */
  readonly routes: readonly RouteOptions[];
  /** Services served from the file only. Hosts may be names here; discovery resolves them. */
  readonly static: ReadonlyMap<string, readonly StaticEndpoint[]>;
  /** Null: no Consul. */
  readonly consul: ConsulConfig | null;
  /** Null: nobody may say where a request goes. */
  readonly overrides: OverrideOptions | null;
  readonly admin: AdminConfig;
  readonly telemetry: TelemetryConfig;
  readonly http: HttpConfig;
  readonly http2: Http2Config;
  readonly overload: OverloadOptions;
  readonly shutdown: ShutdownConfig;
  readonly secrets: Secrets;
  /** Where last-good snapshots are kept for a cold start; null: nowhere. */
  readonly stateDir: string | null;
}

export type { Secrets };

export interface ListenAddress {
  readonly address: string;
  /** 0: one the kernel gives. */
  readonly port: number;
}

export interface ServiceConfig {
  readonly name: string;
  /** Unique per agent; the name itself unless told otherwise. */
  readonly id: string;
  /** Where the local application listens. */
  readonly address: string;
  readonly port: number;
  /** What is spoken to it; `auto`: what its caller speaks. */
  readonly protocol: 'auto' | 'http' | 'http2' | 'grpc';
  /** Null: the Consul agent's. */
  readonly zone: string | null;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Null: somebody else registers it. */
  readonly register: { readonly ttlMs: number } | null;
}

export interface InboundConfig extends ListenAddress {
  /** What callers speak. */
  readonly protocol: 'http' | 'grpc' | 'tcp' | 'auto';
  /** Whether health checks of callers are told whose application this is. */
  readonly identify: boolean;
  readonly limits: LimitOptions;
  readonly adaptive: AdaptiveOptions;
  readonly criticality: CriticalityOptions;
  readonly rateLimits: readonly RateLimitOptions[];
  readonly timeouts: TimeoutOptions;
  readonly faults: readonly FaultOptions[];
}

export interface OutboundConfig extends ListenAddress {
  /** `auto`: TLS too, routed by the name of its server. */
  readonly protocol: 'http' | 'auto';
  /** Also route to services that are not declared, found in Consul on first use. */
  readonly discover: boolean;
}

/** `http` is HTTP/1.1; `http2` and `grpc` are HTTP/2; `auto`: endpoints are spoken to as the client speaks. */
export type UpstreamProtocol = 'http' | 'http2' | 'grpc' | 'tcp' | 'auto';

export interface UpstreamConfig extends PlaceOptions {
  readonly name: string;
  /** The service to discover; the upstream's name unless told otherwise. */
  readonly service: string;
  /** Its own local port; null: only through the shared outbound port. */
  readonly listen: ListenAddress | null;
  readonly protocol: UpstreamProtocol;
  readonly datacenter: string | null;
  readonly tag: string | null;
  readonly filter: string | null;
  readonly balancer: BalancerOptions;
  /** What the key of a request is made of, in order; null: requests have no key. */
  readonly hash: readonly KeyOptions[] | null;
  readonly shards: ShardsOptions | null;
  /** Null: all endpoints are alike. */
  readonly roles: RolesConfig | null;
  /** Null: endpoints are not checked by us. */
  readonly healthCheck: CheckOptions | null;
  readonly breaker: BreakerOptions;
  readonly ejection: EjectionOptions;
  readonly limits: LimitOptions;
  readonly adaptive: AdaptiveOptions;
  readonly criticality: CriticalityOptions;
  readonly rateLimits: readonly RateLimitOptions[];
  readonly throttle: ThrottleOptions;
  readonly retry: RetryOptions;
  /** Null: nothing is hedged. */
  readonly hedge: HedgeOptions | null;
  readonly timeouts: TimeoutOptions;
  readonly connections: ConnectionOptions;
  /** Null: failures are what they are. */
  readonly fallback: FallbackOptions | null;
  readonly faults: readonly FaultOptions[];
  /** Of what is called by its name or port, sorted by name; they need no hosts. */
  readonly routes: readonly RouteOptions[];
}

/** Which endpoints, and which of them first. */
export interface PlaceOptions {
  readonly subsets: Readonly<Record<string, Subset>>;
  /** A name of `subsets`; null: all endpoints. */
  readonly subset: string | null;
  /** Asked in this order when those before them have too few that are healthy. */
  readonly failover: readonly FailoverTarget[];
  readonly zones: {
    /** Null: `prefer`, where the own zone is known. */
    readonly mode: 'off' | 'prefer' | null;
    readonly minEndpoints: number;
  };
  readonly panic: number;
  readonly overprovisioning: number;
}

/** What it does not name is as the upstream has it; but another service has no subset, unless it names one. */
export interface FailoverTarget {
  readonly subset: string | null;
  readonly service: string | null;
  readonly datacenter: string | null;
}

export interface RolesConfig {
  readonly rule: RoleRule;
  readonly read: ReadPreference;
  readonly reads: ReadOptions;
  readonly hold: HoldOptions;
  /** Null: nobody says how late replicas are. */
  readonly lag: LagConfig | null;
  /** Null: reads go where reads go, whatever their client has written. */
  readonly readYourWrites: ReadYourWritesOptions | null;
  /** Null: no port of its own. */
  readonly listen: Readonly<Record<Role, ListenAddress | null>>;
}

/** Beside what discovery is asked for it (`RoleRule.lag`). */
export interface LagConfig {
  /** Replicas that are later get no reads; infinite: no bound. */
  readonly maxMs: number;
  /** So many of the least late get reads all the same. */
  readonly keep: number;
  /** The field of answers that has it, in lower case; null: none. */
  readonly header: string | null;
}

export type { StaticEndpoint };
export interface ConsulConfig extends ConsulOptions {
  /** Whether Consul's own config entries are read. */
  readonly configEntries: boolean;
  /** Says in KV what it runs, and takes part in canaries. */
  readonly status: boolean;
}

export interface AdminConfig extends ListenAddress {
  /** The gRPC port beside the HTTP one; null: none. */
  readonly grpcPort: number | null;
  readonly tokenFile: string | null;
}

export interface TelemetryConfig {
  /** Null: spans are not exported. */
  readonly otlp: {
    readonly endpoint: string;
    readonly protocol: 'grpc' | 'http/protobuf';
    readonly headers: Readonly<Record<string, string>>;
  } | null;
  readonly sampleRatio: number;
  readonly accessLog: 'off' | 'failures' | 'all';
}

/** Limits of HTTP connections, both directions. */
export interface HttpConfig {
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  readonly maxTargetBytes: number;
  /** From the first byte of a request to the end of its head. */
  readonly headTimeoutMs: number;
  /** A client connection without a request. */
  readonly clientIdleMs: number;
  /** A pooled connection to an endpoint without a request. */
  readonly upstreamIdleMs: number;
  /** Accepted connections per listener. */
  readonly maxConnections: number;
}

/** Limits of HTTP/2 connections, both directions. */
export interface Http2Config extends Http2Limits {
  /** What all windows of the process together may have grown by. */
  readonly windowBudgetBytes: number;
}

export interface ShutdownConfig {
  /** How long the service stays reachable after it was put into maintenance. */
  readonly propagationMs: number;
  /** All of it, at most. */
  readonly timeoutMs: number;
}
