import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { invariant } from '../base/invariant.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { keyInside, type Lens } from '../cluster/lens.ts';
import type { Role } from '../cluster/role.ts';
import { EVERYONE, roleKey } from '../cluster/role-lenses.ts';
import type { RolesConfig } from '../config/config.ts';
import { FullJitter } from '../policy/backoff.ts';
import { RetryBudget } from '../policy/budget.ts';
import type { FallbackOptions } from '../policy/fallback.ts';
import { type FaultOptions, NO_FAULTS } from '../policy/fault.ts';
import { type HedgeOptions, LiveHedge, NO_HEDGE } from '../policy/hedge.ts';
import type { RetryOptions, TimeoutOptions } from '../policy/options.ts';
import type { OverloadGuard } from '../policy/overload-guard.ts';
import { Pace } from '../policy/pace.ts';
import { RetrySlots } from '../policy/retry-slots.ts';
import { textsOf } from '../proxy/allowance.ts';
import { Hold } from '../proxy/hold.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import { NO_MIRRORS } from '../proxy/mirrors.ts';
import type { ProxyObserver } from '../proxy/observer.ts';
import { Parking } from '../proxy/parking.ts';
import type { Placement } from '../proxy/placement.ts';
import type { Plan } from '../proxy/plan.ts';
import { Retrying } from '../proxy/retrying.ts';
import { NO_EFFECTS } from '../proxy/route-effects.ts';
import type { SpentTraces } from '../proxy/spent-traces.ts';
import { Anywhere } from '../route/anywhere.ts';
import { type DoorOptions, type Doors, makeDoors } from '../route/doors/doors.ts';
import type { HashKey } from '../route/hash-key.ts';
import { makeHashKey } from '../route/hash-keys.ts';
import type { KeyOptions } from '../route/keys/options.ts';
import { Pinned } from '../route/pinned.ts';
import { ReadYourWrites } from '../route/read-your-writes.ts';
import { AtRole, ByRole, Reads, type RoleParts } from '../route/roles.ts';
import { ByShard } from '../route/shards/by-shard.ts';
import type { ShardsOptions } from '../route/shards/shard-options.ts';
import { ShardSpreader } from '../route/shards/shard-spreader.ts';
import { type Sharding, Shards } from '../route/shards/shards.ts';
import { type Capacity, type CapacityOptions, makeCapacity } from './capacity.ts';
import { makeFallback, makeFaults, type PlanDirectory } from './relief.ts';
import { placementOf, shardingOf } from './sharding.ts';
import type { SubsetParts } from './subset-parts.ts';

/** What all plans of a process are made with. */
export interface PlanParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly observer: ProxyObserver;
  readonly guard: OverloadGuard;
  readonly sampling: { readonly ratio: number };
  readonly spent: SpentTraces;
  readonly directory: PlanDirectory;
}

/** What is said of a plan in the configuration. */
export interface PlanOptions extends CapacityOptions {
  readonly labels: PlanLabels;
  readonly doors: DoorOptions;
  readonly retry: RetryOptions;
  readonly timeouts: TimeoutOptions;
  /** Null: nothing is hedged. */
  readonly hedge: HedgeOptions | null;
  readonly hash: readonly KeyOptions[] | null;
  readonly roles: RolesConfig | null;
  readonly shards: ShardsOptions | null;
  /** The parts of the cluster that are subsets. */
  readonly subsets: SubsetParts;
  readonly trustsPeer: boolean;
  readonly returnsUnseen: boolean;
  readonly fallback: FallbackOptions | null;
  readonly faults: readonly FaultOptions[];
}

/** A plan whose counted parts can be read by who shows and stops the program. */
export interface LivePlan extends Plan {
  readonly door: Doors;
  readonly admission: Capacity['admission'];
  readonly line: Capacity['line'];
  readonly hedge: LiveHedge | typeof NO_HEDGE;
  /** Null: all endpoints are alike. */
  readonly roles: LiveRoles | null;
  /** Null of an upstream that has never had any. */
  readonly shards: Shards | null;
  /** For those that route to a part of it, or by another key. */
  readonly placing: Placing;
}

/** How requests of a plan are placed that are meant for one subset (null: as the upstream has it), or have another key. */
export interface Placing {
  readonly key: HashKey | null;
  /** Null: the subset is no part of the cluster. */
  at(subset: string | null, key: HashKey | null): Placement | null;
  /** Who is asked then. */
  partOf(subset: string | null): Lens;
}

/** The roles of a plan's cluster at work. */
export interface LiveRoles extends RoleParts {
  readonly key: HashKey | null;
}

/**
 * A plan for a cluster. Where one was there before, what counts goes on counting: exchanges that began under the old
 * plan are in flight and parked as before, whatever the limits are now. The retry budget begins anew with options of
 * its own.
 */
export function makePlan(
  parts: PlanParts,
  cluster: Cluster,
  options: PlanOptions,
  before: LivePlan | null = null,
): LivePlan {
  const { clock, random, log, observer, sampling } = parts;
  const { labels, limits, retry, timeouts, hash, roles: wanted, trustsPeer, returnsUnseen } = options;
  const hasBudget = before !== null && isDeepStrictEqual(before.retry.budget, retry.budget);
  const isSameLabels = before !== null && isDeepStrictEqual(before.labels, labels);
  before?.parking.reconfigure(limits);
  before?.retrying.slots.reconfigure(retry.maxConcurrent);
  const slots = before?.retrying.slots ?? new RetrySlots(retry.maxConcurrent);
  const key = hash === null ? null : makeHashKey(hash, random);
  const { home } = options.subsets;
  const roles = wanted === null ? null : makeRoles(clock, cluster, wanted, home, key, before?.roles?.hold ?? null);
  const sharding = shardingOf(options.shards, before?.shards?.sharding ?? null);
  const shards = before?.shards ?? (sharding === null ? null : makeShards(log, labels.upstream));
  const plan: LivePlan = {
    labels,
    cluster,
    door: makeDoors(parts.guard, options.doors, random, before?.door ?? null),
    ...makeCapacity(clock, options, before),
    retry,
    retrying: new Retrying(retry, slots, parts.spent),
    budget: hasBudget ? before.budget : new RetryBudget(retry.budget),
    backoff: new FullJitter(retry, random),
    hedge: makeHedge(options.hedge, before?.hedge ?? null),
    parking: before?.parking ?? new Parking(clock, limits),
    timeouts,
    timeTexts: textsOf(timeouts),
    pace: before?.pace ?? new Pace(),
    shards,
    placement: placementOf(sharding, shards, (part) => makePlacement(clock, cluster, part ?? home, wanted, roles, key)),
    placing: makePlacing(cluster, options.subsets, key, (part, own) =>
      makePlacement(clock, cluster, part, wanted, roles, own),
    ),
    roles,
    effects: NO_EFFECTS,
    mirrors: NO_MIRRORS,
    faults: makeFaults(options.faults, labels.upstream, parts, before?.faults ?? NO_FAULTS),
    fallback: makeFallback(options.fallback, parts.directory.find, before?.fallback ?? null),
    spreader: null,
    get sampleRatio() {
      return sampling.ratio;
    },
    trustsPeer,
    returnsUnseen,
    observer: isSameLabels ? before.observer : observer.follow(labels),
  };
  const whole = sharding === null ? plan : spreadBy(plan, sharding, shards!);
  shards?.replace(whole, sharding);
  return whole;
}

/** What was learned of latencies holds as long as the options do. */
function makeHedge(options: HedgeOptions | null, before: LivePlan['hedge'] | null): LivePlan['hedge'] {
  if (options === null) return NO_HEDGE;
  const isSame = before instanceof LiveHedge && isDeepStrictEqual(before.options, options);
  return isSame ? before : new LiveHedge(options);
}

/** A range that diverged has to be copied again, which somebody must hear of. */
function makeShards(log: Log, upstream: string): Shards {
  return new Shards(({ text: range, shard, move }, { why, status }) =>
    log.warn('range_diverged', { upstream, range, shard, to: move?.to ?? null, why, status }),
  );
}

/** A plan that sends to more shards than one what is meant for more. */
export function spreadBy(plan: LivePlan, sharding: Sharding, shards: Shards): LivePlan {
  const { placement } = plan;
  invariant(placement instanceof ByShard, 'a plan with shards places by them');
  const spreader = new ShardSpreader(sharding, shards, (shard) => otherwise(plan, { placement: placement.at(shard) }));
  return spreader.isNeeded ? otherwise(plan, { spreader }) : plan;
}

/** The same plan but for these parts of it. */
export function otherwise(plan: LivePlan, parts: Partial<LivePlan>): LivePlan {
  return {
    ...plan,
    ...parts,
    get sampleRatio() {
      return plan.sampleRatio;
    },
  };
}

/** The same plan for requests that are placed otherwise. */
export function placedBy(plan: LivePlan, placement: Placement): LivePlan {
  return otherwise(plan, { placement });
}

/** The same plan for what goes to one role, whatever it is. */
export function atRole(plan: LivePlan, { primary, replica, hold, key }: LiveRoles, role: Role): LivePlan {
  return placedBy(plan, role === 'primary' ? new AtRole(primary, hold, key) : new AtRole(replica, null, key));
}

/** Inside the part of a cluster that has the key, or in all of it where that is null. */
function makePlacement(
  clock: Clock,
  cluster: Cluster,
  part: string | null,
  wanted: RolesConfig | null,
  roles: LiveRoles | null,
  key: HashKey | null,
): Placement {
  if (wanted !== null && roles !== null) {
    const parts = part === null ? roles : { ...lensesOf(cluster, wanted, part), hold: roles.hold };
    return new ByRole(new Reads(wanted.reads), parts, key, readYourWritesOf(clock, cluster, wanted, parts));
  }
  const anywhere = new Anywhere(key);
  return part === null ? anywhere : new Pinned(cluster.lensOf(part), anywhere);
}

/** Positions are told apart by whose they are (of which primary, of which service) and by who tells them. */
function readYourWritesOf(
  clock: Clock,
  { name }: Cluster,
  { readYourWrites }: RolesConfig,
  { primary }: RoleParts,
): ReadYourWrites | null {
  if (readYourWrites === null) return null;
  return new ReadYourWrites(readYourWrites, `${name}/${primary.key}/${readYourWrites.position}`, clock);
}

function makePlacing(
  cluster: Cluster,
  { keys, home }: SubsetParts,
  key: HashKey | null,
  make: (part: string | null, key: HashKey | null) => Placement,
): Placing {
  // Undefined: none that the cluster has (any more).
  const partOf = (subset: string | null): string | null | undefined => {
    const part = subset === null ? home : keys.get(subset);
    return typeof part === 'string' && !cluster.hasLens(part) ? undefined : part;
  };
  return {
    key,
    at: (subset, own) => {
      const part = partOf(subset);
      return part === undefined ? null : make(part, own);
    },
    partOf: (subset) => {
      const part = partOf(subset) ?? null;
      return part === null ? cluster.all : cluster.lensOf(part);
    },
  };
}

function makeRoles(
  clock: Clock,
  cluster: Cluster,
  wanted: RolesConfig,
  home: string | null,
  key: HashKey | null,
  before: Hold | null,
): LiveRoles {
  before?.reconfigure(wanted.hold);
  return { ...lensesOf(cluster, wanted, home), hold: before ?? new Hold(clock, wanted.hold), key };
}

function lensesOf(cluster: Cluster, { read }: RolesConfig, part: string | null) {
  const lensOf = (key: string): Lens => cluster.lensOf(part === null ? key : keyInside(part, key));
  const [primary, replica] = [lensOf(roleKey('primary')), lensOf(roleKey('replica'))];
  const readers = read === 'any' ? lensOf(EVERYONE) : read === 'primary' ? primary : replica;
  return { primary, replica, readers };
}
