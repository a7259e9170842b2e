import type { Moment } from './clock.ts';

/**
 * An exponentially weighted mean over time: a sample counts for the time since the one before it, and what is not
 * confirmed by new samples fades towards 0 with the time constant `tauMs` (to a half in 0.69 of it).
 *
 * Weighing by time and not by number keeps a burst of equal answers from drowning what came before it.
 */
export class Ewma {
  constructor(
    private readonly tauMs: number,
    private value: number,
    private stampedAt: number,
  ) {}

  observe(sample: number, now: number): void {
    const kept = this.kept(now);
    this.set(this.value * kept + sample * (1 - kept), now);
  }

  at(now: number): number {
    return this.value * this.kept(now);
  }

  /** Writes down what it is `at` the moment. */
  write({ now }: Moment, into: Float64Array, slot: number): void {
    const { value, stampedAt } = this;
    // In two steps: a choice between two fractions is put on the heap itself.
    into[slot] = value;
    if (value !== 0 && now > stampedAt) into[slot]! *= Math.exp((stampedAt - now) / this.tauMs);
  }

  set(value: number, now: number): void {
    this.value = value;
    if (now > this.stampedAt) this.stampedAt = now;
  }

  private kept(now: number): number {
    return now <= this.stampedAt ? 1 : Math.exp((this.stampedAt - now) / this.tauMs);
  }
}
