import { makeBalancer } from '../cluster/balancers.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { DEFAULT_MAX_IDLE, Pool } from '../net/pool.ts';
import type { Parts } from './parts.ts';

/** What pools ask when they dial, so that it changes for all that are there. */
export interface Dialing {
  connectMs: number;
}

/** A cluster whose endpoints are reached through pools of their own. */
export function makeCluster(name: string, options: ClusterOptions, dialing: Readonly<Dialing>, parts: Parts): Cluster {
  const { clock, random, limits, breakers } = parts;
  return new Cluster({
    name,
    options,
    balancer: makeBalancer(options.balancer, random),
    connectorFactory: ({ host, port }) =>
      new Pool(parts, {
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
    later: setImmediate,
  });
}
