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

/**
 * The time, for calls that must allocate nothing: a fraction that goes into a call, or comes out of it, is put on the
 * heap where the compiler does not inline the call.
 */
export interface Moment {
  readonly now: number;
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
