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
import type { Plan } from '../proxy/plan.ts';
import { Anywhere } from '../route/anywhere.ts';
import type { HashKey } from '../route/hash-key.ts';
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
  readonly returnsUnseen: boolean;
}

/** A plan whose counted parts can be read by who shows and stops the program. */
export interface LivePlan extends Plan {
  readonly admission: ConcurrencyLimit;
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
  const { labels, limits, retry, timeouts, hash, trustsPeer, returnsUnseen } = options;
  const hasBudget = before !== null && isDeepStrictEqual(before.retry.budget, retry.budget);
  const isSameLabels = before !== null && isDeepStrictEqual(before.labels, labels);
  before?.admission.reconfigure(limits.maxRequests);
  before?.parking.reconfigure(limits);
  return {
    labels,
    cluster,
    admission: before?.admission ?? new ConcurrencyLimit(limits.maxRequests),
    retry,
    budget: hasBudget ? before.budget : new RetryBudget(retry.budget),
    backoff: new FullJitter(retry, random),
    parking: before?.parking ?? new Parking(clock, limits),
    timeouts,
    placement: new Anywhere(hash === null ? null : makeHashKey(hash)),
    spreader: null,
    get sampleRatio() {
      return sampling.ratio;
    },
    trustsPeer,
    returnsUnseen,
    observer: isSameLabels ? before.observer : observer.follow(labels),
  };
}

function makeHashKey(hash: HashConfig): HashKey {
  return hash.kind === 'header' ? new HeaderKey(hash.name) : new SourceKey();
}
