import type { Cluster } from '../cluster/cluster.ts';
import type { EndpointSpec } from '../cluster/snapshot.ts';
import type { InboundConfig, ServiceConfig } from '../config/config.ts';
import { DEFAULT_BREAKER, DEFAULT_RETRY } from '../policy/options.ts';
import { FixedRouter } from '../route/routers.ts';
import { makeCluster } from './clusters.ts';
import { Entry } from './entry.ts';
import type { Parts } from './parts.ts';
import { type LivePlan, makePlan } from './plans.ts';

/**
 * The port in front of the local application. Its cluster has one endpoint, which is never shut out: a breaker here
 * would hide from callers what their own breakers must see. Nothing is retried either, since callers do that, and a
 * retry of a retry multiplies.
 */
export class Inbound {
  private constructor(
    readonly entry: Entry,
    readonly cluster: Cluster,
    readonly plan: LivePlan,
  ) {}

  /** Rejects with a `ListenError`. */
  static async open(service: ServiceConfig, config: InboundConfig, parts: Parts): Promise<Inbound> {
    const { protocol, limits, timeouts } = config;
    const breaker = { ...DEFAULT_BREAKER, consecutiveFailures: 0, failureRatio: 0 };
    const cluster = makeCluster(service.name, { balancer: 'round_robin', breaker, limits }, timeouts.connectMs, parts);
    cluster.apply({ service: service.name, source: 'file', endpoints: [localEndpoint(service)] });
    const labels = { direction: 'inbound', upstream: service.name, protocol } as const;
    const retry = { ...DEFAULT_RETRY, maxAttempts: 1, replayBytes: 0 };
    const plan = makePlan(parts, cluster, { labels, limits, retry, timeouts, hash: null, trustsPeer: false });

    const options = { name: 'inbound', address: config.address, port: config.port };
    const entry = await Entry.open(parts, options, protocol, new FixedRouter(plan));
    return new Inbound(entry, cluster, plan);
  }
}

function localEndpoint({ id, address, port }: ServiceConfig): EndpointSpec {
  return {
    id: `${address}:${port}/${id}`,
    host: address,
    port,
    weight: 1,
    health: 'passing',
    tags: [],
    meta: {},
    zone: null,
  };
}
