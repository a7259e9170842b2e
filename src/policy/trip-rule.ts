import { SlidingSum } from '../base/window.ts';
import type { BreakerOptions } from './options.ts';

const BUCKETS = 10;

/**
 * When an endpoint has failed enough. Two rules, because each is blind where the other sees: failures in a row catch an
 * endpoint that is gone, at any rate of traffic; the share of failures within a window catches one that fails every
 * other time and so never five times in a row. A rule whose number is 0 is off.
 *
 * Both are functions of `now`: the window empties itself, and a row of failures is broken by a silence longer than the
 * longest cool-down. Evidence too old to be punished any more is too old to punish for.
 */
export class TripRule {
  private readonly failures: SlidingSum;
  private readonly settled: SlidingSum;
  private inRow = 0;
  private lastFailureAt = 0;

  constructor(private readonly options: BreakerOptions) {
    this.failures = new SlidingSum(options.windowMs, BUCKETS);
    this.settled = new SlidingSum(options.windowMs, BUCKETS);
  }

  recordSuccess(now: number): void {
    this.inRow = 0;
    this.settled.add(1, now);
  }

  /** True when this failure is the one too many. */
  recordFailure(now: number): boolean {
    const { consecutiveFailures, failureRatio, minimumRequests, maxCoolDownMs } = this.options;
    if (now - this.lastFailureAt > maxCoolDownMs) this.inRow = 0;
    this.inRow += 1;
    this.lastFailureAt = now;
    this.failures.add(1, now);
    this.settled.add(1, now);
    if (consecutiveFailures > 0 && this.inRow >= consecutiveFailures) return true;
    const total = this.settled.at(now);
    return failureRatio > 0 && total >= minimumRequests && this.failures.at(now) >= failureRatio * total;
  }

  reset(): void {
    this.inRow = 0;
    this.failures.reset();
    this.settled.reset();
  }
}
