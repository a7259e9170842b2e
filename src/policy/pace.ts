const WINDOW_MS = 15_000;
/** Fewer answers say too little: a cold start refuses nobody. */
const LEAST_ANSWERS = 20;
/** The clock of a caller is not better than that. */
const FLOOR_MS = 1;

/** Of the window that fills, and of the one before it. */
const FRESH = 0;
const OLD = 1;
const ENDS_AT = 2;

/** Of an attempt, as far as it matters here. */
export interface Answered {
  readonly startedAt: number;
  readonly firstByteAt: number;
}

/** When somebody's patience ends: an object, since a fraction that goes into a call is put on the heap. */
export interface Due {
  /** `Infinity`: never. */
  readonly deadlineAt: number;
  /** From the end of the request; 0: without end. */
  readonly requestMs: number;
}

/**
 * The least time that any answer of an upstream took of late, to its head: who has less left cannot be answered in
 * time.
 *
 * The law: it is told of the last 15 to 30 s and is a function of `now`, so that an upstream whose every request was
 * refused for its sake is asked again; and any answer counts, of failures too, so that it errs on the side of asking.
 *
 * Times lie in one array of fractions, since a fraction as a field or a result would be put on the heap.
 */
export class Pace {
  private readonly times = new Float64Array([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0]);
  private freshCount = 0;
  private oldCount = 0;

  learn({ startedAt, firstByteAt }: Answered): void {
    this.roll(firstByteAt);
    const tookMs = firstByteAt - startedAt;
    if (tookMs < this.times[FRESH]!) this.times[FRESH] = tookMs;
    this.freshCount += 1;
  }

  /** Could no answer be here by then? */
  isBeyond({ deadlineAt, requestMs }: Due, now: number): boolean {
    const leastMs = this.leastMs(now);
    return leastMs > 0 && (deadlineAt - now < leastMs || (requestMs > 0 && requestMs < leastMs));
  }

  /** In ms; 0: not known. */
  leastMs(now: number): number {
    this.roll(now);
    if (this.freshCount + this.oldCount < LEAST_ANSWERS) return 0;
    return Math.max(FLOOR_MS, Math.min(this.times[FRESH]!, this.times[OLD]!));
  }

  private roll(now: number): void {
    const { times } = this;
    if (now < times[ENDS_AT]!) return;
    const isNext = now < times[ENDS_AT]! + WINDOW_MS;
    times[OLD] = isNext ? times[FRESH]! : Number.POSITIVE_INFINITY;
    this.oldCount = isNext ? this.freshCount : 0;
    times[FRESH] = Number.POSITIVE_INFINITY;
    this.freshCount = 0;
    times[ENDS_AT] = now + WINDOW_MS;
  }
}
