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
    const { value, stampedAt } = this;
    if (now <= stampedAt) return;
    const kept = Math.exp((stampedAt - now) / this.tauMs);
    this.value = value * kept + sample * (1 - kept);
    this.stampedAt = now;
  }

  /** A sample that has been written down, since a fraction that goes into a call is put on the heap. */
  observeFrom(samples: Float64Array, slot: number, now: number): void {
    const { value, stampedAt } = this;
    if (now <= stampedAt) return;
    const kept = Math.exp((stampedAt - now) / this.tauMs);
    this.value = value * kept + samples[slot]! * (1 - kept);
    this.stampedAt = now;
  }

  setFrom(samples: Float64Array, slot: number, now: number): void {
    this.value = samples[slot]!;
    if (now > this.stampedAt) this.stampedAt = now;
  }

  /** Is the mean, by now, below what has been written down? */
  isBelow(samples: Float64Array, slot: number, now: number): boolean {
    const { value, stampedAt } = this;
    if (now <= stampedAt) return value < samples[slot]!;
    return value * Math.exp((stampedAt - now) / this.tauMs) < samples[slot]!;
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
