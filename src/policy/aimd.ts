import type { LimitBounds, LimitLaw, LimitSample } from './limit-law.ts';

export interface AimdOptions {
  /** What the limit is multiplied by when something was refused, or took too long. */
  readonly backoffRatio: number;
  /** An answer that takes longer counts as refused. */
  readonly timeoutMs: number;
}

/**
 * Additive increase, multiplicative decrease (Netflix, concurrency-limits, AIMD), as TCP finds its share of a line: one
 * more for each answer while at least half of the limit is in use, and a tenth less for each refusal.
 *
 * It looks at no latency below its timeout, so it is for endpoints that refuse what is too much for them.
 */
export class Aimd implements LimitLaw {
  limit: number;
  private hasShrunk = false;
  private readonly timeoutUs: number;

  constructor(
    private readonly bounds: LimitBounds,
    private readonly options: AimdOptions,
  ) {
    this.limit = bounds.initial;
    this.timeoutUs = options.timeoutMs * 1000;
  }

  get gradient(): number {
    return this.hasShrunk ? this.options.backoffRatio : 1;
  }

  observe({ rttUs, inFlight, didDrop }: LimitSample): void {
    const { limit, options, bounds } = this;
    if (didDrop || rttUs > this.timeoutUs) {
      this.hasShrunk = true;
      // Cut off as the machine's own integers are: what is rounded any other way may go on the heap as a fraction.
      this.limit = Math.max(bounds.min, (limit * options.backoffRatio) | 0);
      return;
    }
    this.hasShrunk = false;
    if (2 * inFlight >= limit) this.limit = Math.min(bounds.max, limit + 1);
  }
}
