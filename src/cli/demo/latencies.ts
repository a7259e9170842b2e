const LEAST_MS = 0.05;
const GROWTH = 1.04;
/** Up to a minute; what takes longer is counted as that. */
const BUCKETS = Math.ceil(Math.log(60_000 / LEAST_MS) / Math.log(GROWTH)) + 1;

/** A histogram of durations whose buckets grow by 4 %, so that a quantile is true to 2 % and memory does not grow. */
export class Latencies {
  private readonly counts = new Uint32Array(BUCKETS);
  private total = 0;

  get size(): number {
    return this.total;
  }

  record(ms: number): void {
    const bucket = ms <= LEAST_MS ? 0 : Math.ceil(Math.log(ms / LEAST_MS) / Math.log(GROWTH));
    this.counts[Math.min(bucket, BUCKETS - 1)]! += 1;
    this.total += 1;
  }

  add(other: Latencies): void {
    other.counts.forEach((count, bucket) => {
      this.counts[bucket]! += count;
    });
    this.total += other.total;
  }

  reset(): void {
    this.counts.fill(0);
    this.total = 0;
  }

  /** In ms; null when nothing was recorded. */
  quantile(q: number): number | null {
    if (this.total === 0) return null;
    const rank = Math.max(1, Math.ceil(q * this.total));
    let seen = 0;
    let bucket = 0;
    while (bucket < BUCKETS - 1) {
      seen += this.counts[bucket]!;
      if (seen >= rank) break;
      bucket++;
    }
    return bucket === 0 ? LEAST_MS : LEAST_MS * GROWTH ** (bucket - 0.5);
  }
}
