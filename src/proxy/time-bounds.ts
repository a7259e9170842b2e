import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { TimeoutOptions } from '../policy/options.ts';
import type { Due } from '../policy/pace.ts';

/** Told when a bound is reached. It moves the bound, or ends the exchange and stops the bounds. */
export interface BoundsOwner {
  onDeadline(now: number): void;
  onAttemptDue(now: number): void;
  onAttemptIdle(now: number): void;
  onIdle(now: number): void;
  onOverdue(now: number): void;
  /** One of the above threw. */
  onBug(error: unknown): void;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The bounds on an exchange's time, on one timer: its deadline, which is the earlier one of its caller's and its
 * plan's, the time of the attempt, silence within the attempt, silence at all, and how long it may last whatever it
 * does.
 *
 * A bound that moves on is only written down; the timer is left where it is, and looks again when it fires. So a
 * request costs one arm and one disarm however much it streams.
 */
export class TimeBounds implements TimerOwner {
  private readonly timer = new Timer(this);
  /** The caller's, and the plan's. */
  private callerAt = NEVER;
  private requestAt = NEVER;
  private attemptDueAt = NEVER;
  private overdueAt = NEVER;
  private progressAt = 0;
  private attemptAt = 0;
  private idleMs = 0;
  private attemptIdleMs = 0;
  private isRunning = false;

  constructor(
    private readonly clock: Clock,
    private readonly owner: BoundsOwner,
  ) {}

  start({ streamIdleMs, attemptIdleMs, maxDurationMs }: TimeoutOptions, now: number): void {
    this.callerAt = NEVER;
    this.requestAt = NEVER;
    this.attemptDueAt = NEVER;
    this.overdueAt = maxDurationMs > 0 ? now + maxDurationMs : NEVER;
    this.progressAt = now;
    this.attemptAt = now;
    this.idleMs = streamIdleMs;
    this.attemptIdleMs = attemptIdleMs;
    this.isRunning = true;
    if (maxDurationMs > 0) this.schedule();
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
    return Math.min(this.callerAt, this.requestAt) - now;
  }

  /** The same as a whole number of ms and at least 1; 0 without one. */
  tellableMs(now: number): number {
    const at = Math.min(this.callerAt, this.requestAt);
    return at === NEVER ? 0 : Math.max(1, Math.floor(at - now));
  }

  /** The caller gives up at an instant that is not `Infinity`. */
  boundCaller({ deadlineAt }: Due): void {
    this.callerAt = deadlineAt;
    this.schedule();
  }

  /** Neither the caller nor the plan bounds it any more, nor an attempt. */
  unbound(): void {
    this.callerAt = NEVER;
    this.requestAt = NEVER;
    this.attemptDueAt = NEVER;
  }

  /** What the plan leaves from now on; 0: no bound. */
  boundRequest(ms: number, now: number): void {
    this.requestAt = ms > 0 ? now + ms : NEVER;
    this.schedule();
  }

  /** An attempt begins, and its silence with it. */
  beginAttempt(ms: number, now: number): void {
    this.attemptAt = now;
    this.boundAttempt(ms, now);
  }

  boundAttempt(ms: number, now: number): void {
    this.attemptDueAt = ms > 0 ? now + ms : NEVER;
    this.schedule();
  }

  /** No other attempt can follow, so that its silence is that of the exchange. */
  endAttempts(): void {
    this.attemptIdleMs = 0;
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
    if (now >= this.callerAt || now >= this.requestAt) this.owner.onDeadline(now);
    if (this.isRunning && now >= this.overdueAt) this.owner.onOverdue(now);
    if (this.isRunning && now >= this.attemptDueAt) this.owner.onAttemptDue(now);
    if (this.isRunning && now >= this.attemptIdleAt()) {
      this.attemptAt = now;
      this.owner.onAttemptIdle(now);
    }
    if (this.isRunning && now >= this.idleAt()) {
      this.progressAt = now;
      this.owner.onIdle(now);
    }
    if (this.isRunning) this.schedule();
  }

  private idleAt(): number {
    return this.idleMs > 0 ? this.progressAt + this.idleMs : NEVER;
  }

  private attemptIdleAt(): number {
    return this.attemptIdleMs > 0 ? Math.max(this.progressAt, this.attemptAt) + this.attemptIdleMs : NEVER;
  }

  private schedule(): void {
    const first = Math.min(this.callerAt, this.requestAt, this.overdueAt);
    const at = Math.min(first, this.attemptDueAt, this.attemptIdleAt(), this.idleAt());
    if (at === NEVER) return;
    if (!this.timer.isArmed || at < this.timer.at) this.clock.arm(this.timer, at);
  }
}
