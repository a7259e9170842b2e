import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';

/** Told when a bound is reached. It moves the bound, or ends the exchange and stops the bounds. */
export interface BoundsOwner {
  onDeadline(now: number): void;
  onAttemptDue(now: number): void;
  onIdle(now: number): void;
  /** One of the above threw. */
  onBug(error: unknown): void;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The three bounds on an exchange's time, on one timer: its deadline, the time of the attempt, and silence.
 *
 * A bound that moves on is only written down; the timer is left where it is, and looks again when it fires. So a
 * request costs one arm and one disarm however much it streams.
 */
export class TimeBounds implements TimerOwner {
  private readonly timer = new Timer(this);
  private deadlineAt = NEVER;
  private attemptDueAt = NEVER;
  private progressAt = 0;
  private idleMs = 0;
  private isRunning = false;

  constructor(
    private readonly clock: Clock,
    private readonly owner: BoundsOwner,
  ) {}

  /** `idleMs` 0: silence is not bounded. */
  start(idleMs: number, now: number): void {
    this.deadlineAt = NEVER;
    this.attemptDueAt = NEVER;
    this.progressAt = now;
    this.idleMs = idleMs;
    this.isRunning = true;
  }

  stop(): void {
    this.isRunning = false;
    this.clock.disarm(this.timer);
  }

  /** Bytes moved. */
  progress(now: number): void {
    this.progressAt = now;
  }

  /** Since bytes last moved. */
  silentMs(now: number): number {
    return now - this.progressAt;
  }

  /** To the deadline; `Infinity` without one. */
  leftMs(now: number): number {
    return this.deadlineAt - now;
  }

  boundDeadline(ms: number, now: number): void {
    this.deadlineAt = ms > 0 ? now + ms : NEVER;
    this.schedule();
  }

  boundAttempt(ms: number, now: number): void {
    this.attemptDueAt = ms > 0 ? now + ms : NEVER;
    this.schedule();
  }

  boundSilence(ms: number, now: number): void {
    this.idleMs = ms;
    this.progressAt = now;
    this.schedule();
  }

  onTimer(_timer: Timer, now: number): void {
    // No connection is above a timer to catch what is thrown here.
    try {
      this.look(now);
    } catch (error) {
      this.owner.onBug(error);
    }
  }

  private look(now: number): void {
    if (now >= this.deadlineAt) this.owner.onDeadline(now);
    if (this.isRunning && now >= this.attemptDueAt) this.owner.onAttemptDue(now);
    if (this.isRunning && now >= this.idleAt()) {
      this.progressAt = now;
      this.owner.onIdle(now);
    }
    if (this.isRunning) this.schedule();
  }

  private idleAt(): number {
    return this.idleMs > 0 ? this.progressAt + this.idleMs : NEVER;
  }

  private schedule(): void {
    const at = Math.min(this.deadlineAt, this.attemptDueAt, this.idleAt());
    if (at === NEVER) return;
    if (!this.timer.isArmed || at < this.timer.at) this.clock.arm(this.timer, at);
  }
}
