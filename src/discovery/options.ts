import type { EndpointSpec } from '../cluster/snapshot.ts';

/** How to reach Consul. */
export interface ConsulOptions {
  /** `http://host:port`, `https://host:port` or `unix:///path`. */
  readonly address: string;
  readonly token: string | null;
  /** Read again when it changes and after Consul refused the token; wins over `token`. */
  readonly tokenFile: string | null;
  readonly datacenter: string | null;
  readonly namespace: string | null;
  readonly tls: {
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly serverName: string | null;
    readonly verify: boolean;
  };
}

/** An endpoint as written in the file. The host may be a name. */
export type StaticEndpoint = Pick<EndpointSpec, 'host' | 'port' | 'weight' | 'tags' | 'meta' | 'zone' | 'priority'>;

/** What Consul is told of the local service. */
export interface RegistrationOptions {
  /** Unique per Consul agent. */
  readonly id: string;
  readonly name: string;
  /** Where peers reach it; empty: the address of the Consul agent. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Consul calls the service critical when it has not heard from us for this long. */
  readonly ttlMs: number;
}
