import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../base/random.ts';
import type { Watch } from '../base/watch.ts';
import { makeBalancer } from '../cluster/balancers.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { type LensSpec, lensesInside } from '../cluster/lens.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { roleLenses } from '../cluster/role-lenses.ts';
import type { ClusterSnapshot, DiscoverySource, ServiceQuery, Start } from '../cluster/snapshot.ts';
import type { UpstreamConfig } from '../config/config.ts';
import { shardLenses } from '../route/shard-lenses.ts';
import { type Dialing, makeCluster } from './clusters.ts';
import type { Parts } from './parts.ts';
import { type EndpointProtocol, endpointProtocolOf } from './protocols.ts';

/** A cluster with the discovery that feeds it: one question to one source, and one way to speak to who is found. All else about it may change. */
export class FollowedCluster {
  readonly cluster: Cluster;
  /** What discovery last said, and when. */
  readonly watch: Watch<ClusterSnapshot>;
  private readonly query: ServiceQuery;
  private readonly protocol: EndpointProtocol;
  private readonly dialing: Dialing;
  private readonly ends = new AbortController();
  private stopHearing: () => void = () => undefined;

  constructor(
    config: UpstreamConfig,
    private readonly source: DiscoverySource,
    private readonly parts: Parts,
    start: Start,
  ) {
    this.query = queryOf(config);
    this.protocol = endpointProtocolOf(config.protocol);
    this.dialing = { connectMs: config.timeouts.connectMs };
    this.cluster = makeCluster(config.name, optionsOf(config, parts.random), this.dialing, this.protocol, parts);
    this.watch = source.follow(this.query, this.ends.signal, start);
  }

  /** Told of every swap of the picker, of one for what is known already too. */
  begin(onApply: () => void): void {
    this.cluster.onApply(onApply);
    this.stopHearing = this.watch.subscribe((snapshot) => this.cluster.apply(snapshot));
  }

  /** Have roles been asked for? Else its endpoints have none, whatever is configured by now. */
  get hasRoles(): boolean {
    return this.query.roles !== null;
  }

  asks(config: UpstreamConfig, source: DiscoverySource): boolean {
    if (source !== this.source || endpointProtocolOf(config.protocol) !== this.protocol) return false;
    return isDeepStrictEqual(queryOf(config), this.query);
  }

  reconfigure(config: UpstreamConfig): void {
    this.dialing.connectMs = config.timeouts.connectMs;
    const { options } = this.cluster;
    const { balancer, breaker, lenses } = optionsOf(config, this.parts.random);
    const isSameBalancer = isDeepStrictEqual(balancer, options.balancer);
    const made = isSameBalancer ? null : makeBalancer(balancer, this.parts.random);
    const next = {
      balancer,
      // A breaker told of the options it has would forget the failures it has counted.
      breaker: isDeepStrictEqual(breaker, options.breaker) ? options.breaker : breaker,
      lenses: isSameKeys(lenses, options.lenses) ? options.lenses : lenses,
    };
    this.cluster.reconfigure(next, made);
  }

  /** No more questions. Exchanges that hold the cluster end with it; see `Cluster.supersede`. */
  end(successor: FollowedCluster | null): void {
    this.stopHearing();
    this.ends.abort();
    this.cluster.supersede(successor === null ? null : successor.cluster);
  }
}

function queryOf({ service, datacenter, tag, filter, roles }: UpstreamConfig): ServiceQuery {
  return { service, datacenter, namespace: null, tag, filter, connect: false, roles: roles?.rule ?? null };
}

function optionsOf({ balancer, breaker, roles, shards }: UpstreamConfig, random: Random): ClusterOptions {
  const byKey = roles?.rule.kind === 'multi_primary' ? makeBalancer({ name: 'ring_hash' }, random) : null;
  const ofRoles = roles === null ? [] : roleLenses(roles.read, byKey);
  const ofShards = shards === null ? [] : shardLenses(shards);
  return {
    balancer,
    breaker,
    lenses: [...ofRoles, ...ofShards, ...ofShards.flatMap((shard) => lensesInside(shard, ofRoles))],
  };
}

function isSameKeys(a: readonly LensSpec[], b: readonly LensSpec[]): boolean {
  return isDeepStrictEqual(
    a.map(({ key, otherwise }) => [key, otherwise]),
    b.map(({ key, otherwise }) => [key, otherwise]),
  );
}
