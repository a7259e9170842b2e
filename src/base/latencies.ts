/** Each power of two is cut into so many equal parts, so that what is told is at most 1/16 too much. */
const PARTS = 16;
/** Sixteenths of a millisecond up to 2^20 ms. */
const SCALE = 16;
const MAX_UNITS = 2 ** 24 - 1;
const BUCKETS = 4 * PARTS + 20 * PARTS;

/**
 * How long things take, counted in buckets that grow with the time (an HdrHistogram of fixed size), over two slices of
 * time: the one that runs and the one before it. So it speaks of between one and two slices, and what is older is gone.
 */
export class Latencies {
  private current = new Uint32Array(BUCKETS);
  private previous = new Uint32Array(BUCKETS);
  private currentCount = 0;
  private previousCount = 0;
  /** The number of the running slice, counted from the clock's zero. */
  private slice = 0;

  constructor(private readonly sliceMs: number) {}

  observe(ms: number, now: number): void {
    this.roll(now);
    this.current[bucketOf(ms)]! += 1;
    this.currentCount += 1;
  }

  /** How many it speaks of. */
  count(now: number): number {
    this.roll(now);
    return this.currentCount + this.previousCount;
  }

  /** Whole ms, rounded up, that this share (0 .. 1) of them took at most; 0 when there are none. */
  quantileMs(share: number, now: number): number {
    const total = this.count(now);
    if (total === 0) return 0;
    const wanted = Math.max(1, Math.ceil(share * total));
    let seen = 0;
    let bucket = 0;
    while (bucket < BUCKETS - 1) {
      seen += this.current[bucket]! + this.previous[bucket]!;
      if (seen >= wanted) break;
      bucket += 1;
    }
    return Math.ceil(endOf(bucket) / SCALE);
  }

  private roll(now: number): void {
    const slice = Math.floor(now / this.sliceMs);
    if (slice <= this.slice) return;
    const isNext = slice === this.slice + 1;
    const spare = this.previous;
    this.previous = this.current;
    this.previousCount = isNext ? this.currentCount : 0;
    if (!isNext) this.previous.fill(0);
    spare.fill(0);
    this.current = spare;
    this.currentCount = 0;
    this.slice = slice;
  }
}

function bucketOf(ms: number): number {
  const units = ms >= MAX_UNITS / SCALE ? MAX_UNITS : Math.max(0, Math.floor(ms * SCALE));
  if (units < PARTS) return units;
  const power = 31 - Math.clz32(units) - 4;
  return power * PARTS + (units >>> power);
}

/** The least number of units beyond the bucket. */
function endOf(bucket: number): number {
  if (bucket < PARTS) return bucket + 1;
  const power = Math.floor(bucket / PARTS) - 1;
  return (bucket - power * PARTS + 1) * 2 ** power;
}
