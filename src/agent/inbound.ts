import type { Watch } from '../base/watch.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterSnapshot } from '../cluster/snapshot.ts';
import { DEFAULT_TREE } from '../cluster/tree/options.ts';
import type { InboundConfig, ServiceConfig } from '../config/config.ts';
import { Closed } from '../net/close-reasons.ts';
import { ConnectionLimit } from '../net/connection-limit.ts';
import { DEFAULT_CONNECTIONS } from '../net/connection-options.ts';
import { DEFAULT_BREAKER, DEFAULT_RETRY } from '../policy/options.ts';
import { NO_DOORS } from '../route/doors/doors.ts';
import { Identified } from '../route/identified.ts';
import { FixedRouter } from '../route/routers.ts';
import { makeCluster } from './clusters.ts';
import { Entry } from './entry.ts';
import type { Parts } from './parts.ts';
import { type LivePlan, makePlan, otherwise, placedBy } from './plans.ts';
import { endpointProtocolOf, inboundLabel, portProtocolOf } from './protocols.ts';
import { NO_SUBSETS } from './subset-parts.ts';

/**
 * The port in front of the local application. Its cluster has one endpoint mostly, which is never shut out: a breaker
 * here would hide from callers what their own breakers must see. Nothing is retried either, since callers do that, and
 * a retry of a retry multiplies. Requests that the application cannot have seen are no retries: they are sent again
 * while it is there, and gRPC calls are given back to their callers when it is not.
 */
export class Inbound {
  readonly levelNames: readonly string[] = [];

  private constructor(
    readonly entry: Entry,
    readonly cluster: Cluster,
    readonly connections: ConnectionLimit,
    readonly plan: LivePlan,
    /** Where the application is. */
    readonly discovery: Watch<ClusterSnapshot>,
    /** What the application is spoken to in; opaque bytes behind a port for them. */
    readonly protocol: ServiceConfig['protocol'] | 'tcp',
  ) {}

  /** Rejects with a `ListenError`. */
  static async open(
    { name, protocol: spoken }: Pick<ServiceConfig, 'name' | 'protocol'>,
    application: Watch<ClusterSnapshot>,
    config: InboundConfig,
    parts: Parts,
  ): Promise<Inbound> {
    const { protocol, limits, adaptive, criticality, timeouts, rateLimits, faults } = config;
    const connections = new ConnectionLimit(limits.maxConnections);
    const breaker = { ...DEFAULT_BREAKER, consecutiveFailures: 0, failureRatio: 0 };
    const cluster = makeCluster(
      name,
      { balancer: { name: 'round_robin' }, breaker, tree: DEFAULT_TREE, lenses: [] },
      { connectMs: timeouts.connectMs, connections: DEFAULT_CONNECTIONS, limit: connections, closed: new Closed() },
      endpointProtocolOf(spoken),
      parts,
    );
    const labels = { direction: 'inbound', upstream: name, protocol: inboundLabel(protocol, spoken) } as const;
    // What HTTP/2 gives back unseen, as an application's GOAWAY does, is sent for the first time when it is sent again,
    // so its body must still be there. HTTP/1.1 gives nothing back.
    const replayBytes = spoken === 'http' ? 0 : DEFAULT_RETRY.replayBytes;
    const retry = { ...DEFAULT_RETRY, maxAttempts: 1, replayBytes };
    const trust = { trustsPeer: false, returnsUnseen: true };
    const made = makePlan(parts, cluster, {
      labels,
      // Whether the application is well is for its callers to judge: they have others to ask.
      doors: { ...NO_DOORS, rateLimits },
      limits,
      adaptive,
      criticality,
      retry,
      timeouts,
      hedge: null,
      hash: null,
      roles: null,
      shards: null,
      subsets: NO_SUBSETS,
      fallback: null,
      faults,
      ...trust,
    });
    const passing = parts.overrides.isOn ? otherwise(made, { effects: parts.overrides.passing }) : made;
    const plan = config.identify ? placedBy(passing, new Identified(made.placement, name)) : passing;
    connections.onRoom = () => plan.line.roomMade();
    cluster.onApply(() => plan.parking.wakeAll(parts.clock.now()));
    application.subscribe((snapshot) => cluster.apply(snapshot));

    const options = { name: 'inbound', direction: 'inbound', address: config.address, port: config.port } as const;
    const entry = await Entry.open(parts, options, portProtocolOf(protocol), new FixedRouter(plan));
    return new Inbound(entry, cluster, connections, plan, application, protocol === 'tcp' ? 'tcp' : spoken);
  }
}
