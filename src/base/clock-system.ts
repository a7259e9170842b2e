import type { Clock, Timer } from './clock.ts';
import { TimerWheel } from './timer-wheel.ts';

/**
 * The machine's clock. One `setTimeout` drives the wheel that carries every timer of the process; it sleeps until the
 * nearest slot in use and is not kept when nothing is armed.
 */
export class SystemClock implements Clock {
  private readonly wheel = new TimerWheel(performance.now());
  private readonly turn = (): void => this.advance();
  private driver: NodeJS.Timeout | null = null;
  private wakesAt = Number.POSITIVE_INFINITY;

  now(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  arm(timer: Timer, at: number): void {
    this.wheel.arm(timer, at);
    if (at < this.wakesAt) this.wakeAt(at);
  }

  disarm(timer: Timer): void {
    this.wheel.disarm(timer);
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
    this.driver = setTimeout(this.turn, Math.max(1, Math.ceil(at - performance.now())));
  }
}
