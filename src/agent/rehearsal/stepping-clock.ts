import type { Clock, Timer } from '../../base/clock.ts';
import { TimerWheel } from '../../base/timer-wheel.ts';

const STEP_MS = 10;
/** So that 0 stays "never". */
const START_MS = 1_000;

/** A clock that moves when it is told to. */
export class SteppingClock implements Clock {
  private at = START_MS;
  private readonly wheel = new TimerWheel(START_MS);

  constructor(private readonly startedWallMs: number) {}

  now(): number {
    return this.at;
  }

  wallMs(): number {
    return this.startedWallMs + this.at - START_MS;
  }

  arm(timer: Timer, at: number): void {
    this.wheel.arm(timer, at);
  }

  disarm(timer: Timer): void {
    this.wheel.disarm(timer);
  }

  /** On to the next moment at which a timer may be due. */
  step(): void {
    this.at += STEP_MS;
    this.wheel.advance(this.at);
  }
}
