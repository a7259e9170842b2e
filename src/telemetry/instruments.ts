/** Something that only grows. Hot code adds to `value` itself. */
export class Counter {
  value = 0;
}

export class Gauge {
  value = 0;
}

/** OpenTelemetry's bounds for `http.server.request.duration`, in ms. */
export const DURATION_BOUNDS_MS: readonly number[] = [
  5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000,
];

/**
 * How many durations fell between fixed bounds. A bound belongs to the bucket below it (Prometheus' `le`).
 *
 * The bounds are walked from below: most requests end in the first two buckets, where this beats a binary search.
 */
export class Histogram {
  /** One per bound and one for what is beyond the last; not cumulative. */
  readonly counts: Float64Array;
  sumMs = 0;

  constructor(readonly boundsMs: readonly number[] = DURATION_BOUNDS_MS) {
    this.counts = new Float64Array(boundsMs.length + 1);
  }

  record(ms: number): void {
    const { boundsMs } = this;
    let bucket = 0;
    while (bucket < boundsMs.length && ms > boundsMs[bucket]!) bucket++;
    this.counts[bucket]! += 1;
    this.sumMs += ms;
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}
