import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { HashConfig } from '../config/config.ts';
import { FullJitter } from '../policy/backoff.ts';
import { RetryBudget } from '../policy/budget.ts';
import { ConcurrencyLimit } from '../policy/concurrency.ts';
import type { LimitOptions, RetryOptions, TimeoutOptions } from '../policy/options.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { ProxyObserver } from '../proxy/observer.ts';
import { Parking } from '../proxy/parking.ts';
import type { HashKey, Plan } from '../proxy/plan.ts';
import { HeaderKey, SourceKey } from '../route/hash-keys.ts';

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
  readonly hash: HashConfig | null;
  readonly trustsPeer: boolean;
}

/** A plan whose counted parts can be read by who shows and stops the program. */
export interface LivePlan extends Plan {
  readonly limits: LimitOptions;
  readonly admission: ConcurrencyLimit;
}

/**
 * A plan for a cluster. Where one was there before, what counts is kept as long as its own options are the same: limits
 * and budgets must not start from zero whenever a timeout is changed.
 */
export function makePlan(
  parts: PlanParts,
  cluster: Cluster,
  options: PlanOptions,
  before: LivePlan | null = null,
): LivePlan {
  const { clock, random, observer, sampling } = parts;
  const { labels, limits, retry, timeouts, hash, trustsPeer } = options;
  const hasLimits = before !== null && isDeepStrictEqual(before.limits, limits);
  const hasBudget = before !== null && isDeepStrictEqual(before.retry.budget, retry.budget);
  return {
    labels,
    cluster,
    limits,
    admission: hasLimits ? before.admission : new ConcurrencyLimit(limits.maxRequests),
    retry,
    budget: hasBudget ? before.budget : new RetryBudget(retry.budget),
    backoff: new FullJitter(retry, random),
    parking: hasLimits ? before.parking : new Parking(clock, limits),
    timeouts,
    hashKey: hash === null ? null : makeHashKey(hash),
    lens: 0,
    sampleRatio: sampling.ratio,
    trustsPeer,
    observer: before === null ? observer.follow(labels) : before.observer,
  };
}

function makeHashKey(hash: HashConfig): HashKey {
  return hash.kind === 'header' ? new HeaderKey(hash.name) : new SourceKey();
}
