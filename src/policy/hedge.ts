import { Latencies } from '../base/latencies.ts';
import { RetryBudget } from './budget.ts';

export interface HedgeOptions {
  /** How long the first attempt is alone, in ms; null: as long as `percentile` of answers take to begin. */
  readonly delayMs: number | null;
  /** 0 .. 1. */
  readonly percentile: number;
  /** It is alone at least as long as this, whatever the percentile says. */
  readonly minDelayMs: number;
  /** Hedges as a share of requests, 0 .. 1. */
  readonly maxExtraLoad: number;
  /** Idempotent ones only. */
  readonly methods: readonly string[];
}

/**
 * The slowest twentieth is asked again: of independent slowness that leaves one in four hundred. Finagle's backup
 * requests ask the slowest hundredth. 10 ms is the step of the timers. GET, HEAD and OPTIONS alone, since what is
 * cancelled may have been done all the same.
 */
export const DEFAULT_HEDGE: HedgeOptions = {
  delayMs: null,
  percentile: 0.95,
  minDelayMs: 10,
  maxExtraLoad: 0.05,
  methods: ['GET', 'HEAD', 'OPTIONS'],
};

/** With fewer answers a percentile is chance. */
const LEAST_ANSWERS = 100;
const SLICE_MS = 10_000;
/** Between two looks at the percentile: as often as Finagle. */
const REFRESH_MS = 3_000;
/** A quiet upstream may hedge once in a while, too. */
const MIN_PER_SECOND = 0.1;
const WINDOW_MS = 10_000;

/**
 * When a request that has no answer yet is sent to a second endpoint, beside the first (a hedged or backup request:
 * Dean and Barroso, The Tail at Scale, 2013).
 *
 * The law: hedges within any ten seconds are at most `maxExtraLoad` x requests within them, and one; and each costs the
 * retry budget a retry, so that hedges and retries together multiply a load no further than retries alone may. With a
 * percentile nothing is hedged before 100 answers have been seen within the last 10 to 20 s.
 */
export interface Hedge {
  /** Is there anything to ask of the others? */
  readonly isOn: boolean;
  covers(method: string): boolean;
  /** Once per request that it covers, with its first attempt. */
  onRequest(now: number): void;
  /** An answer began so long after its attempt; of one that was given up, it would have been later. */
  observe(latencyMs: number, now: number): void;
  /** How long the first attempt is alone, in whole ms; -1 while that is not known. */
  delayMs(now: number): number;
  /** May one more be sent? Takes it from its budget and from that of retries, or from neither. */
  tryWithdraw(retries: RetryBudget, now: number): boolean;
  /** It was sent after all, and its endpoint answered first. */
  onWin(): void;
}

export const NO_HEDGE: Hedge = {
  isOn: false,
  covers: () => false,
  onRequest: () => undefined,
  observe: () => undefined,
  delayMs: () => -1,
  tryWithdraw: () => false,
  onWin: () => undefined,
};

export class LiveHedge implements Hedge {
  readonly isOn = true;
  /** Since the start. */
  sent = 0;
  won = 0;
  /** Wanted, and not sent: no budget. */
  refused = 0;
  private readonly latencies = new Latencies(SLICE_MS);
  private readonly budget: RetryBudget;
  private readonly methods: ReadonlySet<string>;
  private learnedMs = -1;
  private learnedAt = Number.NEGATIVE_INFINITY;

  constructor(readonly options: HedgeOptions) {
    this.methods = new Set(options.methods);
    this.budget = new RetryBudget({
      ratio: options.maxExtraLoad,
      minPerSecond: MIN_PER_SECOND,
      windowMs: WINDOW_MS,
    });
  }

  covers(method: string): boolean {
    return this.methods.has(method);
  }

  onRequest(now: number): void {
    this.budget.deposit(now);
  }

  observe(latencyMs: number, now: number): void {
    if (this.options.delayMs === null) this.latencies.observe(latencyMs, now);
  }

  delayMs(now: number): number {
    const { delayMs, percentile, minDelayMs } = this.options;
    if (delayMs !== null) return delayMs;
    if (now - this.learnedAt >= REFRESH_MS) {
      this.learnedAt = now;
      const isKnown = this.latencies.count(now) >= LEAST_ANSWERS;
      this.learnedMs = isKnown ? Math.max(minDelayMs, this.latencies.quantileMs(percentile, now)) : -1;
    }
    return this.learnedMs;
  }

  tryWithdraw(retries: RetryBudget, now: number): boolean {
    if (this.budget.balance(now) < 1 || !retries.tryWithdraw(now)) {
      this.refused += 1;
      return false;
    }
    this.budget.tryWithdraw(now);
    this.sent += 1;
    return true;
  }

  onWin(): void {
    this.won += 1;
  }
}
