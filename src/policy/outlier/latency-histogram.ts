/** Steps per doubling: a bucket is at most a quarter wider than where it begins. */
const STEPS = 4;
const STEP_BITS = 2;
/** Of a ms: what the first buckets are wide. Whole numbers of them go in, since a fraction would be put on the heap. */
export const UNITS_PER_MS = 64;
/** 64 s, with which a request is as slow as can be told. */
export const MAX_UNITS = 64_000 * UNITS_PER_MS;
const BUCKETS = bucketOf(MAX_UNITS) + 1;

/**
 * Latencies of one endpoint, counted in buckets that grow with what they hold, so that a median is right within some
 * percent at any scale and costs no memory per request.
 */
export class LatencyHistogram {
  private readonly counts = new Uint32Array(BUCKETS);
  private total = 0;
  /** The median, and of how many it is. */
  private known = 0;
  private knownOf = 0;

  get count(): number {
    return this.total;
  }

  /** At most `MAX_UNITS`; what is below 0 is 0. */
  add(units: number): void {
    this.counts[bucketOf(units > 0 ? units : 0)]! += 1;
    this.total += 1;
  }

  /** In ms, by a straight line within its bucket; 0 when there is nothing. */
  median(): number {
    if (this.knownOf !== this.total) this.known = this.found();
    this.knownOf = this.total;
    return this.known;
  }

  private found(): number {
    const half = this.total / 2;
    let below = 0;
    for (let i = 0; i < BUCKETS; i++) {
      const here = this.counts[i]!;
      if (here > 0 && below + here >= half) {
        const from = startOf(i);
        return (from + ((half - below) / here) * (startOf(i + 1) - from)) / UNITS_PER_MS;
      }
      below += here;
    }
    return 0;
  }

  clear(): void {
    if (this.total === 0) return;
    this.counts.fill(0);
    this.total = 0;
    this.known = 0;
    this.knownOf = 0;
  }
}

/** Whole numbers all the way: the first `STEPS` have a bucket each, then each doubling has `STEPS`. */
function bucketOf(units: number): number {
  if (units < STEPS) return units;
  const doubling = 31 - Math.clz32(units) - STEP_BITS;
  return (doubling + 1) * STEPS + ((units >> doubling) & (STEPS - 1));
}

function startOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const doubling = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS)) * 2 ** doubling;
}
