import { DEFAULT_TREE } from '../cluster/tree/options.ts';
import { undeclaredUpstream } from '../config/undeclared.ts';
import { Closed } from '../net/close-reasons.ts';
import { ConnectionLimit } from '../net/connection-limit.ts';
import { Destination } from '../route/routing/leaf.ts';
import { makeCluster } from './clusters.ts';
import type { Parts } from './parts.ts';
import { type LivePlan, makePlan } from './plans.ts';
import { NO_SUBSETS } from './subset-parts.ts';

/** What no upstream is called. */
export const NO_UPSTREAM = '-';

/**
 * The plan of what routes of the shared port answer themselves: redirects, written answers, maintenance. It has the
 * defaults of an upstream and nobody behind it, and is made when the first such route is.
 */
export class LocalPlan {
  readonly destination = new Destination<LivePlan>(NO_UPSTREAM);

  constructor(private readonly parts: Parts) {}

  open(): Destination<LivePlan> {
    this.destination.upstream ??= { plan: this.make() };
    return this.destination;
  }

  private make(): LivePlan {
    const { parts } = this;
    const config = undeclaredUpstream({ service: NO_UPSTREAM, tag: null, datacenter: null }, parts.unsaid());
    const { balancer, breaker, limits, timeouts, connections, rateLimits, throttle } = config;
    const limit = new ConnectionLimit(limits.maxConnections);
    const dialing = { connectMs: timeouts.connectMs, connections, limit, closed: new Closed() };
    const options = { balancer, breaker, tree: DEFAULT_TREE, lenses: [] };
    const cluster = makeCluster(NO_UPSTREAM, options, dialing, 'http1', parts);
    cluster.apply({ service: NO_UPSTREAM, endpoints: [], source: 'route' });
    return makePlan(parts, cluster, {
      ...config,
      labels: { direction: 'outbound', upstream: NO_UPSTREAM, protocol: 'http' },
      doors: { rateLimits, throttle },
      subsets: NO_SUBSETS,
      trustsPeer: true,
      returnsUnseen: false,
    });
  }
}
