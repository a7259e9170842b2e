import { whenAborted } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { Cell, type Watch, type WatchListener } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, EndpointSpec, ServiceQuery, Start } from '../cluster/snapshot.ts';
import { isIpAddress } from './address.ts';
import { FollowedName } from './followed-name.ts';
import type { NameResolver } from './name-resolver.ts';

/**
 * Another source with its host names turned into addresses, every record an endpoint of its own under the weight, tags
 * and health of the one that named it. A snapshot without names passes through as it is.
 */
export class ResolvingSource implements DiscoverySource {
  constructor(
    private readonly inner: DiscoverySource,
    private readonly resolver: NameResolver,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  follow(query: ServiceQuery, signal: AbortSignal, start: Start): Watch<ClusterSnapshot> {
    const cluster = new ResolvedCluster(
      this.inner.follow(query, signal, start),
      this.resolver,
      this.clock,
      this.random,
    );
    whenAborted(signal, () => cluster.stop());
    return cluster;
  }
}

class ResolvedCluster implements Watch<ClusterSnapshot> {
  private readonly cell: Cell<ClusterSnapshot>;
  private readonly names = new Map<string, FollowedName>();
  private readonly unsubscribe: () => void;

  constructor(
    private readonly inner: Watch<ClusterSnapshot>,
    private readonly resolver: NameResolver,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.cell = new Cell(clock);
    this.unsubscribe = inner.subscribe((snapshot) => this.follow(snapshot));
  }

  get value(): ClusterSnapshot | null {
    return this.cell.value;
  }

  get freshAt(): number {
    if (this.cell.value === null) return 0;
    return Math.min(this.inner.freshAt, ...[...this.names.values()].map((name) => name.freshAt));
  }

  get problem(): string | null {
    if (this.inner.problem !== null) return this.inner.problem;
    for (const name of this.names.values()) if (name.problem !== null) return name.problem;
    return null;
  }

  subscribe(listener: WatchListener<ClusterSnapshot>): () => void {
    return this.cell.subscribe(listener);
  }

  stop(): void {
    this.unsubscribe();
    for (const name of this.names.values()) name.stop();
  }

  private follow(snapshot: ClusterSnapshot): void {
    const wanted = new Set(snapshot.endpoints.map(({ host }) => host).filter((host) => !isIpAddress(host)));
    for (const [host, name] of this.names) {
      if (wanted.has(host)) continue;
      name.stop();
      this.names.delete(host);
    }
    for (const host of wanted) {
      if (this.names.has(host)) continue;
      const name = new FollowedName(host, this.resolver, this.clock, this.random, () => this.rebuild());
      this.names.set(host, name);
    }
    this.rebuild();
  }

  private rebuild(): void {
    const snapshot = this.inner.value;
    if (snapshot === null) return;
    const endpoints = uniqueById(snapshot.endpoints.flatMap((spec) => this.expand(spec)));
    // Nothing but names, and no answer yet or none at all: silence is not an empty cluster.
    if (endpoints.length === 0 && snapshot.endpoints.length > 0) return;
    const next = { ...snapshot, endpoints, source: this.names.size > 0 ? 'dns' : snapshot.source };
    if (JSON.stringify(next) !== JSON.stringify(this.cell.value)) this.cell.set(next);
  }

  private expand(spec: EndpointSpec): readonly EndpointSpec[] {
    if (isIpAddress(spec.host)) return [spec];
    const addresses = this.names.get(spec.host)?.addresses ?? [];
    const suffix = spec.id.slice(spec.host.length);
    return addresses.map((host) => ({ ...spec, host, id: host + suffix }));
  }
}

function uniqueById(specs: readonly EndpointSpec[]): readonly EndpointSpec[] {
  return [...new Map(specs.map((spec) => [spec.id, spec])).values()];
}
