import { isDeepStrictEqual } from 'node:util';
import { invariant } from '../base/invariant.ts';
import type { Watch } from '../base/watch.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterSnapshot, DiscoverySource, ServiceQuery } from '../cluster/snapshot.ts';
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
 * itself is made with (how it balances and breaks) makes a new cluster, and its connections and its verdicts with it, but
 * begins with the endpoints that are known: discovery may have nothing to say just now. Only another question to
 * discovery begins with nothing. Exchanges that run end under the plan they began with.
 */
export class Upstream {
  cluster!: Cluster;
  plan!: LivePlan;
  entry: Entry | null = null;
  private router: FixedRouter | null = null;
  private watch!: Watch<ClusterSnapshot>;
  private source: DiscoverySource | null = null;
  private following!: AbortController;
  private stopApplying: () => void = () => undefined;

  constructor(
    private config: UpstreamConfig,
    private readonly parts: Parts,
  ) {
    this.follow();
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
    const isSameQuestion =
      isDeepStrictEqual(queryOf(this.config), queryOf(config)) &&
      this.parts.sources.pick(config.service) === this.source;
    const isSameCluster = isSameQuestion && isDeepStrictEqual(clusterPart(this.config), clusterPart(config));
    this.config = config;
    if (isSameCluster) this.plan = this.makePlan(this.plan);
    else this.rebuild(isSameQuestion);
    this.router?.replace(this.plan);
  }

  /** No new connections; discovery ends with the last of the exchanges. */
  close(): void {
    this.entry?.drain();
    this.stopApplying();
    this.following.abort();
    this.cluster.close();
  }

  private rebuild(isSameQuestion: boolean): void {
    const { cluster, following, plan } = this;
    this.stopApplying();
    if (!isSameQuestion) this.follow();
    this.build(plan);
    if (!isSameQuestion) following.abort();
    cluster.close();
  }

  private follow(): void {
    const { service } = this.config;
    this.following = new AbortController();
    this.source = this.parts.sources.pick(service);
    invariant(this.source !== null, `no source for ${service}: the configuration would have been refused`);
    this.watch = this.source.follow(queryOf(this.config), this.following.signal);
  }

  private build(before: LivePlan | null): void {
    const { config, parts, watch } = this;
    const { name, balancer, breaker, limits, timeouts } = config;
    const cluster = makeCluster(name, { balancer, breaker, limits }, timeouts.connectMs, parts);
    this.cluster = cluster;
    this.plan = this.makePlan(before);
    // The park is the plan's, and plans are replaced: ask for it when the time comes.
    const stopWaking = cluster.onApply(() => this.plan.parking.wakeAll(parts.clock.now()));
    const stopHearing = watch.subscribe((snapshot) => cluster.apply(snapshot));
    this.stopApplying = () => {
      stopHearing();
      stopWaking();
    };
  }

  private makePlan(before: LivePlan | null): LivePlan {
    const { name, protocol, limits, retry, timeouts, hash } = this.config;
    const labels = { direction: 'outbound', upstream: name, protocol } as const;
    // The application beside us is trusted: it is the one this sidecar works for.
    return makePlan(this.parts, this.cluster, { labels, limits, retry, timeouts, hash, trustsPeer: true }, before);
  }
}

/** What discovery is asked. */
function queryOf({ service, datacenter, tag, filter }: UpstreamConfig): ServiceQuery {
  return { service, datacenter, namespace: null, tag, filter, connect: false };
}

/** What a cluster is made with and cannot change. */
function clusterPart({ balancer, breaker, limits, timeouts }: UpstreamConfig): unknown {
  return { balancer, breaker, limits, connectMs: timeouts.connectMs };
}
