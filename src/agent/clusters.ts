import { makeBalancer } from '../cluster/balancers.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import type { Connector } from '../http/conduit.ts';
import { Http2Pool } from '../net/http2-pool.ts';
import { DEFAULT_MAX_IDLE, Pool, type PoolOptions } from '../net/pool.ts';
import { AutoConnector } from '../net/protocol-connector.ts';
import { EjectionLog } from './ejection-log.ts';
import type { Parts } from './parts.ts';
import type { EndpointProtocol } from './protocols.ts';

/** What pools ask when they dial, so that it changes for all that are there. */
export interface Dialing {
  connectMs: number;
}

/** A cluster whose endpoints are reached through pools of their own. */
export function makeCluster(
  name: string,
  options: ClusterOptions,
  dialing: Readonly<Dialing>,
  protocol: EndpointProtocol,
  parts: Parts,
): Cluster {
  const { clock, random, limits, breakers, caller } = parts;
  return new Cluster({
    name,
    options,
    balancer: makeBalancer(options.balancer, random, caller),
    connectorFactory: ({ host, port }) =>
      makeConnector(protocol, parts, {
        host,
        port,
        get connectTimeoutMs() {
          return dialing.connectMs;
        },
        idleTimeoutMs: limits.upstreamIdleMs,
        maxIdle: DEFAULT_MAX_IDLE,
        limits,
      }),
    clock,
    random,
    listener: breakers,
    ejectionListener: new EjectionLog(parts.log, name),
    later: setImmediate,
  });
}

function makeConnector(protocol: EndpointProtocol, parts: Parts, options: PoolOptions): Connector {
  if (protocol === 'http1') return new Pool(parts, options);
  const http2 = new Http2Pool(parts, options, parts.http2);
  return protocol === 'http2' ? http2 : new AutoConnector(new Pool(parts, options), http2);
}
