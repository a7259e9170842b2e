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
  gradient = 1;
  private readonly timeoutUs: number;

  constructor(
    private readonly bounds: LimitBounds,
    private readonly options: AimdOptions,
  ) {
    this.limit = bounds.initial;
    this.timeoutUs = options.timeoutMs * 1000;
  }

  observe({ rttUs, inFlight, didDrop }: LimitSample): void {
    const { limit, options, bounds } = this;
    if (didDrop || rttUs > this.timeoutUs) {
      this.gradient = options.backoffRatio;
      this.limit = Math.max(bounds.min, Math.floor(limit * options.backoffRatio));
      return;
    }
    this.gradient = 1;
    if (2 * inFlight >= limit) this.limit = Math.min(bounds.max, limit + 1);
  }
}
