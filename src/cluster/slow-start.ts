import type { Moment } from '../base/clock.ts';

export interface SlowStartOptions {
  /** How long an endpoint takes to its full weight; above 0. */
  readonly windowMs: number;
  /** 1: in a straight line. More: quickly at first. */
  readonly aggression: number;
  /** The share of its weight that it has at least, above 0 and at most 1. */
  readonly minWeight: number;
}

/**
 * Envoy's numbers. It has no window either: an endpoint that is at full speed at once would only be kept waiting by
 * one.
 */
export const DEFAULT_SLOW_START: SlowStartOptions = { windowMs: 0, aggression: 1, minWeight: 0.1 };

/**
 * All of a weight. Parts of it are whole numbers, because a fraction would be put on the heap on its way out of a call.
 */
export const WARM = 2 ** 30;

/** Within the first second there is nothing to tell one instant from the next by. */
const FIRST_STEP_MS = 1_000;

/**
 * How warm an endpoint is: a factor of its weight that grows to 1 within the window after it came, or came back. Caches
 * and compilers of a process that has just started are cold, and the share of a warm one would drown it.
 *
 *     factor = max(minWeight, (max(t, 1 s) / window) ^ (1 / aggression))
 *
 * It is a share against others: of endpoints that all began at the same moment, each gets as much as the next.
 */
export class WarmUp {
  private beganAt = Number.NEGATIVE_INFINITY;
  /** Null: slow start is off. */
  private options: SlowStartOptions | null = null;

  reconfigure(options: SlowStartOptions | null): void {
    this.options = options;
  }

  begin(now: number): void {
    this.beganAt = now;
  }

  /** In parts of `WARM`: above 0, and all of it outside the window. */
  at({ now }: Moment): number {
    const { options } = this;
    if (options === null) return WARM;
    const sinceMs = Math.max(now - this.beganAt, FIRST_STEP_MS);
    if (sinceMs >= options.windowMs) return WARM;
    const factor = Math.max(options.minWeight, (sinceMs / options.windowMs) ** (1 / options.aggression));
    return Math.ceil(factor * WARM);
  }
}
