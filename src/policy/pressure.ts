export interface PressureOptions {
  readonly mode: 'off' | 'observe' | 'enforce';
  /** From this reading on there is pressure. */
  readonly start: number;
  /** From this reading on it is full. */
  readonly full: number;
}

/** What is looked at is the middle one of so many readings. */
const READINGS = 5;
/** Pressure that falls takes five seconds from full to none. */
const FALL_PER_MS = 1 / 5_000;
/** It is over only when the reading is a tenth below where it began, ... */
const RELEASE = 0.9;
/** ... and no sooner than after this. */
const LEAST_MS = 5_000;

/**
 * How near one resource of the process is to its bound: 0 up to `start`, 1 from `full` on, and evenly between.
 *
 * One reading means nothing. The median of the last five counts, so that a pause of the process, however long (a
 * collection of garbage, SIGSTOP, a machine that slept), is one late reading among four that are not, and nothing is
 * refused for it; only what lasts for three readings is pressure.
 *
 * It rises at once and falls slowly, and it ends well below where it began: a load at the very edge would otherwise be
 * let in and turned away by turns, several times a second.
 */
export class Pressure {
  /** 0 .. 1. */
  level = 0;
  /** From its beginning to its end, as operators are told. */
  isOn = false;
  private readonly readings = new Float64Array(READINGS);
  private readonly sorted = new Float64Array(READINGS);
  private taken = 0;
  private beganAt = 0;
  private lastAt = 0;

  constructor(public options: PressureOptions) {}

  /** The median of the last readings. */
  get reading(): number {
    this.sorted.set(this.readings);
    return this.sorted.sort()[READINGS >> 1]!;
  }

  /** True when it began or ended with this. */
  take(reading: number, now: number): boolean {
    this.readings[this.taken % READINGS] = reading;
    this.taken += 1;
    const { reading: usual } = this;
    const { mode, start, full } = this.options;
    const raw = mode === 'off' ? 0 : Math.min(1, Math.max(0, (usual - start) / (full - start)));
    this.level = Math.max(raw, this.level - (now - this.lastAt) * FALL_PER_MS, 0);
    this.lastAt = now;
    if (!this.isOn) return this.level > 0 && this.begin(now);
    const isOver = this.level === 0 && usual < RELEASE * start && now - this.beganAt >= LEAST_MS;
    if (mode !== 'off' && !isOver) return false;
    this.level = 0;
    this.isOn = false;
    return true;
  }

  private begin(now: number): boolean {
    this.isOn = true;
    this.beganAt = now;
    return true;
  }
}
