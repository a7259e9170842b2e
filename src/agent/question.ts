import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { invariant } from '../base/invariant.ts';
import type { Watch } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, ServiceQuery, Start } from '../cluster/snapshot.ts';
import type { Subset } from '../cluster/tree/subset.ts';
import type { FailoverTarget, UpstreamConfig } from '../config/config.ts';
import { MergedWatch } from '../discovery/merged-watch.ts';
import type { Sources } from '../discovery/sources.ts';

/** What discovery is asked for one level of an upstream. */
export interface Question {
  /** For operators: `orders`, `orders-eu@dc2`, `orders/v2`. */
  readonly name: string;
  readonly source: DiscoverySource;
  readonly query: ServiceQuery;
  readonly subset: Subset | null;
}

const ITSELF: FailoverTarget = { subset: null, service: null, datacenter: null };

/** The upstream itself and its failover targets, in order: the levels of its endpoints. */
export function targetsOf({ failover }: Pick<UpstreamConfig, 'failover'>): readonly FailoverTarget[] {
  return [ITSELF, ...failover];
}

/** `isWhole`: several of its subsets are parts of one cluster, so that all of them are asked for. */
export function questionsOf(config: UpstreamConfig, sources: Sources, isWhole: boolean): readonly Question[] {
  return targetsOf(config).map((target) => questionOf(config, target, sources, isWhole));
}

export function isSameQuestions(a: readonly Question[], b: readonly Question[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ source, query, subset }, i) => {
    const other = b[i]!;
    return source === other.source && isDeepStrictEqual([query, subset], [other.query, other.subset]);
  });
}

export function follow(
  questions: readonly Question[],
  clock: Clock,
  signal: AbortSignal,
  start: Start,
): Watch<ClusterSnapshot> {
  const targets = questions.map(({ name, source, query, subset }) => {
    return { name, watch: source.follow(query, signal, start), subset };
  });
  const [only] = targets;
  return targets.length === 1 && only!.subset === null ? only!.watch : new MergedWatch(targets, clock, signal);
}

function questionOf(config: UpstreamConfig, target: FailoverTarget, sources: Sources, isWhole: boolean): Question {
  const service = target.service ?? config.service;
  const isOwn = service === config.service;
  const datacenter = target.datacenter ?? config.datacenter;
  const subset = target.subset ?? (isOwn && !isWhole ? config.subset : null);
  const source = sources.pick(service);
  invariant(source !== null, `no source for ${service}: the configuration would have been refused`);
  const { tag, filter } = isOwn ? config : { tag: null, filter: null };
  const query = {
    service,
    datacenter,
    namespace: null,
    tag,
    filter,
    connect: false,
    roles: config.roles?.rule ?? null,
  };
  const name = `${service}${subset === null ? '' : `/${subset}`}${datacenter === null ? '' : `@${datacenter}`}`;
  return { name, source, query, subset: subset === null ? null : config.subsets[subset]! };
}
