/** So many requests in each window, and up to `burst` at once. */
export interface RateOptions {
  readonly requests: number;
  readonly windowMs: number;
  readonly burst: number;
}

/** What binary fractions lose when a bucket is filled in many small steps. */
const LOST = 1e-9;

/**
 * Token buckets of one rate, by the number of their slot. A bucket holds `burst` tokens at most, gets `requests` of
 * them in a window, evenly, and gives one to each request.
 *
 * The law: within any stretch of time t, a bucket lets through at most `burst` + `requests` x t / `windowMs`. It holds
 * for every stretch, where counters that begin anew with each window let twice the rate through around its end. What a
 * bucket has is a function of now and of what was taken, so nothing has to run while it is idle.
 *
 * Numbers are kept in typed arrays and answers are whole, so that nothing is put on the heap.
 */
export class TokenBuckets {
  private tokens: Float64Array;
  private filledAt: Float64Array;
  private perMs: number;

  constructor(
    private rate: RateOptions,
    capacity: number,
  ) {
    this.tokens = new Float64Array(capacity);
    this.filledAt = new Float64Array(capacity);
    this.perMs = rate.requests / rate.windowMs;
  }

  /** Buckets keep what they have, up to the new burst. */
  reconfigure(rate: RateOptions): void {
    this.rate = rate;
    this.perMs = rate.requests / rate.windowMs;
  }

  /** There are at least so many slots from now on. */
  grow(capacity: number): void {
    if (capacity <= this.tokens.length) return;
    const { tokens, filledAt } = this;
    this.tokens = new Float64Array(capacity);
    this.filledAt = new Float64Array(capacity);
    this.tokens.set(tokens);
    this.filledAt.set(filledAt);
  }

  /** The bucket begins anew, full. */
  fill(slot: number, now: number): void {
    this.tokens[slot] = this.rate.burst;
    this.filledAt[slot] = now;
  }

  /** Brings the bucket up to now. Answers how many whole tokens are in it. */
  left(slot: number, now: number): number {
    const gained = (now - this.filledAt[slot]!) * this.perMs;
    const tokens = Math.min(this.rate.burst, this.tokens[slot]! + gained);
    this.tokens[slot] = tokens;
    this.filledAt[slot] = now;
    return Math.floor(tokens + LOST);
  }

  /** Only after `left` has found one. */
  take(slot: number): void {
    this.tokens[slot] = Math.max(0, this.tokens[slot]! - 1);
  }

  /** How long until there is a token, in ms, from the instant `left` was asked last. */
  waitMs(slot: number): number {
    return Math.max(0, Math.ceil((1 - this.tokens[slot]! - LOST) / this.perMs));
  }

  /** How long until it is full. */
  fillMs(slot: number): number {
    return Math.max(0, Math.ceil((this.rate.burst - this.tokens[slot]! - LOST) / this.perMs));
  }
}
