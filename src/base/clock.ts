import { TimerWheel } from './timer-wheel.ts';

/** Who is called when a timer fires. */
export interface TimerOwner {
  /** `now` is the clock's reading for the whole batch of timers that fire together. */
  onTimer(timer: Timer, now: number): void;
}

/**
 * A timer is made once by its owner and armed many times. Arming an armed timer moves it; disarming an idle one does
 * nothing. The links belong to the wheel that holds it.
 */
export class Timer {
  at = 0;
  next: Timer | null = null;
  previous: Timer | null = null;

  constructor(readonly owner: TimerOwner) {}

  get isArmed(): boolean {
    return this.previous !== null;
  }
}

/** Time as an argument: nothing else in the program may read a clock or set a timeout. */
export interface Clock {
  /** Monotonic milliseconds with a fraction. Only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970, for what leaves the process (logs, spans, snapshots). May jump. */
  wallMs(): number;
  /** Calls the owner at or shortly after the instant `at` (10 ms steps), never before it and never inside this call. */
  arm(timer: Timer, at: number): void;
  disarm(timer: Timer): void;
}

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
