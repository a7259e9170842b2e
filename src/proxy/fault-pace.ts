import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Mishap } from '../policy/fault.ts';

/** How fast an answer may go to its client. */
export interface Pace {
  /** So many bytes went out. False: no more until `PaceOwner.onPaceOver`. */
  spend(bytes: number, now: number): boolean;
  /** The answer waits for its pace, and not for anybody. */
  readonly isPausing: boolean;
  stop(): void;
}

export interface PaceOwner {
  onPaceOver(now: number): void;
  onBug(error: unknown): void;
}

/** As fast as it comes. */
export const NO_PACE: Pace = { spend: () => true, isPausing: false, stop: () => undefined };

/** Of the answer to a request that this befell. */
export function paceOf({ pace }: Mishap, clock: Clock, owner: PaceOwner, now: number): Pace {
  if (pace === null || pace.options.effect.kind !== 'bandwidth') return NO_PACE;
  return new FaultPace(pace.options.effect.bytesPerSecond, clock, owner, now);
}

/** Less debt than this is carried on: timers go in steps of 10 ms. */
const STEP_MS = 10;

/**
 * The pace of one answer whose bandwidth is a fault. What has come goes out at once, and the endpoint is held back until
 * it would have gone out by itself: nothing is copied, so that a read (64 KiB mostly) is the grain of it, and an answer
 * that came in one read is not slowed.
 */
export class FaultPace implements Pace, TimerOwner {
  private readonly timer = new Timer(this);
  private freeAt: number;

  constructor(
    private readonly bytesPerSecond: number,
    private readonly clock: Clock,
    private readonly owner: PaceOwner,
    now: number,
  ) {
    this.freeAt = now;
  }

  get isPausing(): boolean {
    return this.timer.isArmed;
  }

  spend(bytes: number, now: number): boolean {
    this.freeAt = Math.max(this.freeAt, now) + (bytes * 1000) / this.bytesPerSecond;
    if (this.freeAt - now < STEP_MS) return true;
    this.clock.arm(this.timer, this.freeAt);
    return false;
  }

  stop(): void {
    this.clock.disarm(this.timer);
  }

  onTimer(_timer: Timer, now: number): void {
    try {
      this.owner.onPaceOver(now);
    } catch (error) {
      this.owner.onBug(error);
    }
  }
}
