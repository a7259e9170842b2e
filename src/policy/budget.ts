import { SlidingSum } from '../base/window.ts';
import type { BudgetOptions } from './options.ts';

const BUCKETS = 10;

/**
 * How many retries a caller may send to one cluster: a share of its first attempts, and a few per second besides, so
 * that a quiet cluster can retry at all (Finagle's and Linkerd's budget).
 *
 * The law: within any stretch of `windowMs` that ends with a retry, retries are at most `ratio` x first attempts within
 * it + `minPerSecond` x its seconds. To hold it for every stretch and not just for those that begin on a bucket, first
 * attempts are remembered for at most the window and retries for at least the window: one bucket more. What was saved
 * up over a window may be spent in a moment.
 */
export class RetryBudget {
  private readonly firsts: SlidingSum;
  private readonly retries: SlidingSum;
  private readonly reserve: number;

  constructor(private readonly options: BudgetOptions) {
    const { windowMs } = options;
    this.firsts = new SlidingSum(windowMs, BUCKETS);
    this.retries = new SlidingSum((windowMs / BUCKETS) * (BUCKETS + 1), BUCKETS + 1);
    this.reserve = (options.minPerSecond * windowMs) / 1000;
  }

  /** Once per exchange, with its first attempt. */
  deposit(now: number): void {
    this.firsts.add(1, now);
  }

  /** Takes one retry out of the budget, or answers false and takes nothing. */
  tryWithdraw(now: number): boolean {
    if (this.balance(now) < 1) return false;
    this.retries.add(1, now);
    return true;
  }

  /** How many retries could be withdrawn now; whole ones count. */
  balance(now: number): number {
    const { ratio } = this.options;
    // The last term gives back what binary fractions lose: 0.29 x 100 is 28.999...
    return ratio * this.firsts.at(now) + this.reserve - this.retries.at(now) + 1e-9;
  }
}
