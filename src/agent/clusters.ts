import { makeBalancer } from '../cluster/balancers.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import type { Connector } from '../http/conduit.ts';
import type { Closed } from '../net/close-reasons.ts';
import type { Connections } from '../net/connection-limit.ts';
import type { ConnectionOptions } from '../net/connection-options.ts';
import { Http2Pool } from '../net/http2-pool.ts';
import { Pool, type PoolContext, type PoolOptions } from '../net/pool.ts';
import { AutoConnector } from '../net/protocol-connector.ts';
import { EjectionLog } from './ejection-log.ts';
import type { Parts } from './parts.ts';
import type { EndpointProtocol } from './protocols.ts';

/** What pools ask when they dial and when connections come to rest, so that it changes for all that are there. */
export interface Dialing {
  connectMs: number;
  connections: ConnectionOptions;
  /** How many may be open to all endpoints together. */
  readonly limit: Connections;
  /** Counts on when the cluster is replaced. */
  readonly closed: Closed;
}

/** A cluster whose endpoints are reached through pools of their own. */
export function makeCluster(
  name: string,
  options: ClusterOptions,
  dialing: Readonly<Dialing>,
  protocol: EndpointProtocol,
  parts: Parts,
): Cluster {
  const { clock, random, limits, breakers, caller, sockets, host: socketHost } = parts;
  const context = { sockets, host: socketHost, clock, random, closed: dialing.closed };
  return new Cluster({
    name,
    options,
    balancer: makeBalancer(options.balancer, random, caller),
    connectorFactory: ({ host, port }) =>
      makeConnector(protocol, parts, context, dialing.limit, {
        host,
        port,
        get connectTimeoutMs() {
          return dialing.connectMs;
        },
        get warm() {
          return dialing.connections.warm;
        },
        get maxIdle() {
          return dialing.connections.maxIdle;
        },
        get maxRequests() {
          return dialing.connections.maxRequests;
        },
        get maxAgeMs() {
          return dialing.connections.maxAgeMs;
        },
        get drainTimeoutMs() {
          return dialing.connections.drainTimeoutMs;
        },
        idleTimeoutMs: limits.upstreamIdleMs,
        limits,
      }),
    ...(parts.connectors === undefined ? {} : { connectorFactory: parts.connectors }),
    clock,
    random,
    listener: breakers,
    ejectionListener: new EjectionLog(parts.log, name),
    later: setImmediate,
  });
}

function makeConnector(
  protocol: EndpointProtocol,
  { http2: shared }: Parts,
  context: PoolContext,
  limit: Connections,
  options: PoolOptions,
): Connector {
  if (protocol === 'http1') return new Pool(context, options, limit);
  const http2 = new Http2Pool(context, options, shared, limit);
  return protocol === 'http2' ? http2 : new AutoConnector(new Pool(context, options, limit), http2);
}
