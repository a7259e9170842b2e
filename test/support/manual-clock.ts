import type { Clock, Timer } from '../../src/base/clock.ts';
import { TimerWheel } from '../../src/base/timer-wheel.ts';

/** A clock that moves only when told to, on the program's own timer wheel. Starts at 1000, so that 0 stays "never". */
export class ManualClock implements Clock {
  private at: number;
  private readonly wheel: TimerWheel;

  constructor(startAt = 1000) {
    this.at = startAt;
    this.wheel = new TimerWheel(startAt);
  }

  now(): number {
    return this.at;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.at;
  }

  arm(timer: Timer, at: number): void {
    this.wheel.arm(timer, at);
  }

  disarm(timer: Timer): void {
    this.wheel.disarm(timer);
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.wheel.size;
  }

  /** The process stands still for so long; timers that were due meanwhile fire late. */
  pause(ms: number): void {
    this.at += ms;
    this.wheel.advance(this.at);
  }

  /** Moves on in the wheel's own steps, so that timers armed by timers fire in their turn. */
  advance(ms: number): void {
    const end = this.at + ms;
    while (this.at < end) {
      this.at = Math.min(end, (Math.floor(this.at / 10) + 1) * 10);
      this.wheel.advance(this.at);
    }
  }
}
