import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Lens } from '../cluster/lens.ts';
import type { Role } from '../cluster/role.ts';
import { roleKey } from '../cluster/role-lenses.ts';
import type { RolesConfig } from '../config/config.ts';
import { FullJitter } from '../policy/backoff.ts';
import { RetryBudget } from '../policy/budget.ts';
import { ConcurrencyLimit } from '../policy/concurrency.ts';
import type { LimitOptions, RetryOptions, TimeoutOptions } from '../policy/options.ts';
import { Hold } from '../proxy/hold.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { ProxyObserver } from '../proxy/observer.ts';
import { Parking } from '../proxy/parking.ts';
import type { Placement } from '../proxy/placement.ts';
import type { Plan } from '../proxy/plan.ts';
import { Anywhere } from '../route/anywhere.ts';
import type { HashKey } from '../route/hash-key.ts';
import { makeHashKey } from '../route/hash-keys.ts';
import type { KeyOptions } from '../route/keys/options.ts';
import { AtRole, ByRole, Reads, type RoleParts } from '../route/roles.ts';

/** What all plans of a process are made with. */
export interface PlanParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: ProxyObserver;
  readonly sampling: { readonly ratio: number };
}

/** What is said of a plan in the configuration. */
export interface PlanOptions {
  readonly labels: PlanLabels;
  readonly limits: LimitOptions;
  readonly retry: RetryOptions;
  readonly timeouts: TimeoutOptions;
  readonly hash: readonly KeyOptions[] | null;
  readonly roles: RolesConfig | null;
  readonly trustsPeer: boolean;
  readonly returnsUnseen: boolean;
}

/** A plan whose counted parts can be read by who shows and stops the program. */
export interface LivePlan extends Plan {
  readonly admission: ConcurrencyLimit;
  /** Null: all endpoints are alike. */
  readonly roles: LiveRoles | null;
}

/** The roles of a plan's cluster at work. */
export interface LiveRoles extends RoleParts {
  readonly replica: Lens;
  readonly key: HashKey | null;
}

/**
 * A plan for a cluster. Where one was there before, what counts goes on counting: exchanges that began under the old plan
 * are in flight and parked as before, whatever the limits are now. The retry budget begins anew with options of its own.
 */
export function makePlan(
  parts: PlanParts,
  cluster: Cluster,
  options: PlanOptions,
  before: LivePlan | null = null,
): LivePlan {
  const { clock, random, observer, sampling } = parts;
  const { labels, limits, retry, timeouts, hash, roles: wanted, trustsPeer, returnsUnseen } = options;
  const hasBudget = before !== null && isDeepStrictEqual(before.retry.budget, retry.budget);
  const isSameLabels = before !== null && isDeepStrictEqual(before.labels, labels);
  before?.admission.reconfigure(limits.maxRequests);
  before?.parking.reconfigure(limits);
  const key = hash === null ? null : makeHashKey(hash, random);
  const roles = wanted === null ? null : makeRoles(clock, cluster, wanted, key, before?.roles?.hold ?? null);
  return {
    labels,
    cluster,
    admission: before?.admission ?? new ConcurrencyLimit(limits.maxRequests),
    retry,
    budget: hasBudget ? before.budget : new RetryBudget(retry.budget),
    backoff: new FullJitter(retry, random),
    parking: before?.parking ?? new Parking(clock, limits),
    timeouts,
    placement: roles === null ? new Anywhere(key) : new ByRole(new Reads(wanted!.reads), roles, key),
    roles,
    get sampleRatio() {
      return sampling.ratio;
    },
    trustsPeer,
    returnsUnseen,
    observer: isSameLabels ? before.observer : observer.follow(labels),
  };
}

/** The same plan for requests that are placed otherwise. */
export function placedBy(plan: LivePlan, placement: Placement): LivePlan {
  return {
    ...plan,
    placement,
    get sampleRatio() {
      return plan.sampleRatio;
    },
  };
}

/** The same plan for what goes to one role, whatever it is. */
export function atRole(plan: LivePlan, { primary, replica, hold, key }: LiveRoles, role: Role): LivePlan {
  return placedBy(plan, role === 'primary' ? new AtRole(primary, hold, key) : new AtRole(replica, null, key));
}

function makeRoles(
  clock: Clock,
  cluster: Cluster,
  { read, hold: options }: RolesConfig,
  key: HashKey | null,
  before: Hold | null,
): LiveRoles {
  before?.reconfigure(options);
  const [primary, replica] = [cluster.lensOf(roleKey('primary')), cluster.lensOf(roleKey('replica'))];
  const readers = read === 'any' ? null : read === 'primary' ? primary : replica;
  return { primary, replica, readers, hold: before ?? new Hold(clock, options), key };
}
