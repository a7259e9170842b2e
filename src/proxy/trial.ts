import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';

/** Who resets a connection after that has had time to look at it. */
const TRIAL_MS = 1_000;

export interface TrialOwner {
  /** The connection has lasted long enough. */
  onTrialPassed(now: number): void;
}

/**
 * The first second of a connection. An endpoint that accepts and resets at once, without a word, has accepted nothing:
 * a listener outlives the process behind it. So an opaque connection proves something when the first byte of the
 * endpoint is here, when it has lasted a second, or when it has ended, whichever comes first.
 */
export class Trial implements TimerOwner {
  private readonly timer = new Timer(this);

  constructor(
    private readonly clock: Clock,
    private readonly owner: TrialOwner,
  ) {}

  begin(now: number): void {
    this.clock.arm(this.timer, now + TRIAL_MS);
  }

  end(): void {
    this.clock.disarm(this.timer);
  }

  onTimer(_timer: Timer, now: number): void {
    this.owner.onTrialPassed(now);
  }
}
