import { isDeepStrictEqual } from 'node:util';
import { invariant } from '../base/invariant.ts';
import type { Watch } from '../base/watch.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterSnapshot, DiscoverySource } from '../cluster/snapshot.ts';
import type { UpstreamConfig } from '../config/config.ts';
import { FixedRouter } from '../route/routers.ts';
import { makeCluster } from './clusters.ts';
import { Entry } from './entry.ts';
import type { Parts } from './parts.ts';
import { type LivePlan, makePlan } from './plans.ts';

/**
 * One upstream at work: its discovery, its cluster, its plan, and its own port when it has one.
 *
 * A change of configuration replaces as little as it can. Policies are a new plan over the same cluster. What the cluster
 * itself is made with (who is discovered, how it balances and breaks) makes a new cluster, and its connections and its
 * verdicts with it. Exchanges that run end under the plan they began with.
 */
export class Upstream {
  cluster!: Cluster;
  plan!: LivePlan;
  entry: Entry | null = null;
  private router: FixedRouter | null = null;
  private watch!: Watch<ClusterSnapshot>;
  private source: DiscoverySource | null = null;
  private following!: AbortController;
  private stopWaking: () => void = () => undefined;

  constructor(
    private config: UpstreamConfig,
    private readonly parts: Parts,
  ) {
    this.build(null);
  }

  /** What discovery last said, and when. */
  get discovery(): Watch<ClusterSnapshot> {
    return this.watch;
  }

  get declared(): UpstreamConfig {
    return this.config;
  }

  /** Opens its own port. Rejects with a `ListenError`. */
  async listen(): Promise<void> {
    const { config, parts } = this;
    if (config.listen === null) return;
    const router = new FixedRouter(this.plan);
    this.entry = await Entry.open(parts, { name: config.name, ...config.listen }, config.protocol, router);
    this.router = router;
  }

  /** Takes a new configuration with the same port and protocol. */
  reconfigure(config: UpstreamConfig): void {
    const isSameCluster =
      isDeepStrictEqual(clusterPart(this.config), clusterPart(config)) &&
      this.parts.sources.pick(config.service) === this.source;
    this.config = config;
    if (isSameCluster) this.plan = this.makePlan(this.plan);
    else this.rebuild();
    this.router?.replace(this.plan);
  }

  /** No new connections; discovery ends with the last of the exchanges. */
  close(): void {
    this.entry?.drain();
    this.stopWaking();
    this.following.abort();
    this.cluster.close();
  }

  private rebuild(): void {
    const { cluster, following, plan } = this;
    this.stopWaking();
    this.build(plan);
    following.abort();
    cluster.close();
  }

  private build(before: LivePlan | null): void {
    const { config, parts } = this;
    const { name, service, datacenter, tag, filter, balancer, breaker, limits, timeouts } = config;
    this.cluster = makeCluster(name, { balancer, breaker, limits }, timeouts.connectMs, parts);
    this.plan = this.makePlan(before);
    this.following = new AbortController();
    const { cluster } = this;
    // The park is the plan's, and plans are replaced: ask for it when the time comes.
    this.stopWaking = cluster.onApply(() => this.plan.parking.wakeAll(parts.clock.now()));
    const query = { service, datacenter, namespace: null, tag, filter, connect: false };
    this.source = parts.sources.pick(service);
    invariant(this.source !== null, `no source for ${service}: the configuration would have been refused`);
    this.watch = this.source.follow(query, this.following.signal);
    this.watch.subscribe((snapshot) => cluster.apply(snapshot));
  }

  private makePlan(before: LivePlan | null): LivePlan {
    const { name, protocol, limits, retry, timeouts, hash } = this.config;
    const labels = { direction: 'outbound', upstream: name, protocol } as const;
    // The application beside us is trusted: it is the one this sidecar works for.
    return makePlan(this.parts, this.cluster, { labels, limits, retry, timeouts, hash, trustsPeer: true }, before);
  }
}

/** What a cluster is made with and cannot change. */
function clusterPart({
  service,
  datacenter,
  tag,
  filter,
  balancer,
  breaker,
  limits,
  timeouts,
}: UpstreamConfig): unknown {
  return { service, datacenter, tag, filter, balancer, breaker, limits, connectMs: timeouts.connectMs };
}
