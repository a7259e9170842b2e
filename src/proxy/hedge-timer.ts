import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';

export interface HedgeTimerOwner {
  /** The first attempt has been alone for its time. */
  onHedgeDue(now: number): void;
  onBug(error: unknown): void;
}

/** When an exchange is to get a second attempt beside its first. */
export class HedgeTimer implements TimerOwner {
  private readonly timer = new Timer(this);

  constructor(
    private readonly clock: Clock,
    private readonly owner: HedgeTimerOwner,
  ) {}

  get isArmed(): boolean {
    return this.timer.isArmed;
  }

  arm(at: number): void {
    this.clock.arm(this.timer, at);
  }

  stop(): void {
    this.clock.disarm(this.timer);
  }

  onTimer(_timer: Timer, now: number): void {
    // No connection is above a timer to catch what is thrown here.
    try {
      this.owner.onHedgeDue(now);
    } catch (error) {
      this.owner.onBug(error);
    }
  }
}
