import type { Clock, Timer } from './clock.ts';
import { TimerWheel } from './timer-wheel.ts';

/** The longest delay that `setTimeout` takes; a longer one would be taken for 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * The machine's clock. One `setTimeout` drives the wheel that carries every timer of the process and sleeps until the
 * nearest slot in use. When nothing is armed it does not keep the process alive.
 */
export class SystemClock implements Clock {
  private readonly wheel = new TimerWheel(performance.now());
  private readonly turn = (): void => this.advance();
  private driver: NodeJS.Timeout | null = null;
  private wakesAt = Number.POSITIVE_INFINITY;
  /** Nothing is armed, and the driver's last wake-up is let pass: cheaper than a new one for every lone timer. */
  private isIdle = false;

  now(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  arm(timer: Timer, at: number): void {
    this.wheel.arm(timer, at);
    if (at < this.wakesAt) this.wakeAt(at);
    else if (this.isIdle) this.driver?.ref();
    this.isIdle = false;
  }

  disarm(timer: Timer): void {
    this.wheel.disarm(timer);
    if (this.wheel.size > 0 || this.isIdle) return;
    this.isIdle = true;
    this.driver?.unref();
  }

  private advance(): void {
    this.driver = null;
    this.wakesAt = Number.POSITIVE_INFINITY;
    try {
      this.wheel.advance(performance.now());
    } finally {
      const next = this.wheel.nextAt();
      if (next < this.wakesAt) this.wakeAt(next);
    }
  }

  private wakeAt(at: number): void {
    if (this.driver !== null) clearTimeout(this.driver);
    this.wakesAt = at;
    this.driver = setTimeout(this.turn, Math.min(Math.max(1, Math.ceil(at - performance.now())), LONGEST_MS));
  }
}
