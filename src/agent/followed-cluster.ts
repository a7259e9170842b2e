import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../base/random.ts';
import type { Watch } from '../base/watch.ts';
import { makeBalancer } from '../cluster/balancers.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { FreshFields } from '../cluster/freshness.ts';
import { isHashing } from '../cluster/hashing-options.ts';
import { type LensSpec, lensesInside } from '../cluster/lens.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { DEFAULT_LAG, type FreshOptions } from '../cluster/pickers/fresh-replicas.ts';
import { roleLenses } from '../cluster/role-lenses.ts';
import type { ClusterSnapshot, Start } from '../cluster/snapshot.ts';
import type { TreeOptions } from '../cluster/tree/options.ts';
import type { RolesConfig, UpstreamConfig } from '../config/config.ts';
import type { Closed } from '../net/close-reasons.ts';
import { ConnectionLimit } from '../net/connection-limit.ts';
import { shardLenses } from '../route/shards/shard-lenses.ts';
import { CheckedCluster } from './checked-cluster.ts';
import { type Dialing, makeCluster } from './clusters.ts';
import type { Parts } from './parts.ts';
import type { Place } from './place.ts';
import { type EndpointProtocol, endpointProtocolOf } from './protocols.ts';
import { follow, isSameQuestions, type Question } from './question.ts';
import { type SubsetParts, subsetParts } from './subset-parts.ts';
import { WarmConnections } from './warm-connections.ts';

/**
 * A cluster with the discovery that feeds it: the same questions to the same sources, and one way to speak to who is
 * found. All else about it may change.
 */
export class FollowedCluster {
  readonly cluster: Cluster;
  /** Its subsets that are parts of it. */
  subsets: SubsetParts;
  readonly checked: CheckedCluster;
  /** What discovery last said, and when. */
  readonly watch: Watch<ClusterSnapshot>;
  private readonly protocol: EndpointProtocol;
  readonly connections: ConnectionLimit;
  private readonly dialing: Dialing;
  private readonly warm: WarmConnections;
  private readonly ends = new AbortController();
  private stopHearing: () => void = () => undefined;
  private readonly stopFollowing: () => void;

  constructor(
    private config: UpstreamConfig,
    private readonly questions: readonly Question[],
    private readonly parts: Parts,
    start: Start,
    closed: Closed,
  ) {
    this.protocol = endpointProtocolOf(config.protocol);
    this.connections = new ConnectionLimit(config.limits.maxConnections);
    this.dialing = {
      connectMs: config.timeouts.connectMs,
      connections: config.connections,
      limit: this.connections,
      closed,
    };
    this.subsets = this.subsetsOf(config);
    const options = optionsOf(config, parts.place.value, parts.random, this.subsets.lenses);
    this.cluster = makeCluster(config.name, options, this.dialing, this.protocol, parts);
    this.warm = new WarmConnections(this.cluster, parts.clock, parts.random, this.dialing);
    this.checked = new CheckedCluster(this.cluster, parts);
    this.checked.reconfigure(config.healthCheck);
    this.watch = follow(questions, parts.clock, this.ends.signal, start);
    this.stopFollowing = parts.place.subscribe(() => this.reconfigure(this.config));
  }

  get levelNames(): readonly string[] {
    return this.questions.map(({ name }) => name);
  }

  /** Told of every swap of the picker, of one for what is known already too. */
  begin(onApply: () => void): void {
    this.cluster.onApply(onApply);
    this.cluster.onApply(() => this.warm.begin());
    this.stopHearing = this.watch.subscribe((snapshot) => this.checked.apply(snapshot));
  }

  /** Have roles been asked for? Else its endpoints have none, whatever is configured by now. */
  get hasRoles(): boolean {
    return this.questions[0]!.query.roles !== null;
  }

  private subsetsOf(config: UpstreamConfig): SubsetParts {
    return subsetParts(config, this.parts.subsets.of(config), this.questions[0]!.subset);
  }

  asks(config: UpstreamConfig, questions: readonly Question[]): boolean {
    return endpointProtocolOf(config.protocol) === this.protocol && isSameQuestions(questions, this.questions);
  }

  reconfigure(config: UpstreamConfig): void {
    this.config = config;
    this.subsets = this.subsetsOf(config);
    this.dialing.connectMs = config.timeouts.connectMs;
    this.dialing.connections = config.connections;
    if (this.cluster.size > 0) this.warm.begin();
    this.connections.reconfigure(config.limits.maxConnections);
    const { options } = this.cluster;
    const {
      balancer,
      breaker,
      tree,
      lenses,
      fresh,
      ejection,
      waitsForChecks = false,
    } = optionsOf(config, this.parts.place.value, this.parts.random, this.subsets.lenses);
    const isSameBalancer = isDeepStrictEqual(balancer, options.balancer);
    const made = isSameBalancer ? null : makeBalancer(balancer, this.parts.random, this.parts.caller);
    const next = {
      balancer,
      // A breaker told of the options it has would forget the failures it has counted.
      breaker: isDeepStrictEqual(breaker, options.breaker) ? options.breaker : breaker,
      // Nor is a tree of the same options worth building.
      tree: isDeepStrictEqual(tree, options.tree) ? options.tree : tree,
      lenses: isSameLenses(lenses, options.lenses) ? options.lenses : lenses,
      fresh: fresh ?? null,
      ejection: (isDeepStrictEqual(ejection, options.ejection) ? options.ejection : ejection) ?? null,
      waitsForChecks,
    };
    this.cluster.reconfigure(next, made);
    this.checked.reconfigure(config.healthCheck);
  }

  /** No more questions. Exchanges that hold the cluster end with it; see `Cluster.supersede`. */
  end(successor: FollowedCluster | null): void {
    this.warm.end();
    this.stopHearing();
    this.stopFollowing();
    this.ends.abort();
    this.checked.end();
    this.cluster.supersede(successor === null ? null : successor.cluster);
  }
}

/** What a configuration says of a cluster. */
export function optionsOf(
  config: UpstreamConfig,
  place: Place | null,
  random: Random,
  ofSubsets: readonly LensSpec[] = [],
): ClusterOptions {
  const { balancer, breaker, ejection, roles, shards } = config;
  const byKey = roles?.rule.kind === 'multi_primary' ? makeBalancer({ name: 'rendezvous' }, random) : null;
  const ofRoles = roles === null ? [] : roleLenses(roles.read, byKey, freshOptionsOf(roles));
  const ofShards = shards === null ? [] : shardLenses(shards);
  const insides = [...ofShards, ...ofSubsets].flatMap((part) => lensesInside(part, ofRoles));
  const lenses = [...ofRoles, ...ofShards, ...ofSubsets, ...insides];
  const waitsForChecks = config.healthCheck?.newEndpoints === 'wait';
  const fresh = freshFieldsOf(roles);
  return { balancer, breaker, tree: treeOf(config, place), lenses, fresh, ejection, waitsForChecks };
}

/** Null: one replica is as fresh as the other. */
function freshOptionsOf({ lag, readYourWrites }: RolesConfig): FreshOptions | null {
  if (lag === null && readYourWrites === null) return null;
  return { maxLagMs: lag?.maxMs ?? Number.POSITIVE_INFINITY, minEndpoints: lag?.keep ?? DEFAULT_LAG.keep };
}

function freshFieldsOf(roles: RolesConfig | null): FreshFields | null {
  const [lag, position] = [roles?.lag?.header ?? null, roles?.readYourWrites?.position ?? null];
  return lag === null && position === null ? null : { lag, position };
}

function treeOf({ balancer, zones, panic, overprovisioning }: UpstreamConfig, place: Place | null): TreeOptions {
  const own = place?.zone ?? null;
  const hasZones = own !== null && zones.mode !== 'off' && !isHashing(balancer.name);
  return {
    overprovisioning,
    panic,
    zones: hasZones ? { own, minEndpoints: zones.minEndpoints, callers: place!.callers } : null,
  };
}

function isSameLenses(a: readonly LensSpec[], b: readonly LensSpec[]): boolean {
  return isDeepStrictEqual(
    a.map(({ key, otherwise, revision, isAwaited }) => [key, otherwise, revision, isAwaited]),
    b.map(({ key, otherwise, revision, isAwaited }) => [key, otherwise, revision, isAwaited]),
  );
}
