/**
 * How much happened within the last stretch of time: a ring of equal buckets, each holding the sum of its own slice.
 *
 * The law: what is told is a function of `now` alone. Buckets that have grown too old are emptied by whoever asks next,
 * so an idle hour leaves nothing behind. A window of n buckets covers between n - 1 and n slices.
 */
export class SlidingSum {
  private readonly sums: number[];
  private readonly bucketMs: number;
  private total = 0;
  /** The number of the newest bucket, counted from the clock's zero. */
  private newest = 0;

  constructor(windowMs: number, buckets: number) {
    this.bucketMs = windowMs / buckets;
    this.sums = new Array<number>(buckets).fill(0);
  }

  add(amount: number, now: number): void {
    this.roll(now);
    this.sums[this.newest % this.sums.length]! += amount;
    this.total += amount;
  }

  at(now: number): number {
    this.roll(now);
    return this.total;
  }

  reset(): void {
    this.sums.fill(0);
    this.total = 0;
  }

  private roll(now: number): void {
    const bucket = Math.floor(now / this.bucketMs);
    if (bucket <= this.newest) return;
    if (bucket - this.newest >= this.sums.length) this.reset();
    else for (let i = this.newest + 1; i <= bucket; i++) this.expire(i % this.sums.length);
    this.newest = bucket;
  }

  private expire(index: number): void {
    this.total -= this.sums[index]!;
    this.sums[index] = 0;
  }
}
