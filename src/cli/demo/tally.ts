import { Latencies } from './latencies.ts';

const SLICE_MS = 250;
const SLICES = 8;
/** Different reasons to remember; there are fewer failure codes than this, and a bound is a bound. */
const MAX_REASONS = 32;

interface Slice {
  at: number;
  readonly latencies: Latencies;
  failed: number;
}

/** What the caller saw in the last two seconds. */
export interface Recent {
  readonly perSecond: number;
  /** 0 .. 1; null when nothing was answered. */
  readonly successRatio: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** The caller's own books: what it sent and what became of it. What remora says of itself is no part of this. */
export class Tally {
  sent = 0;
  succeeded = 0;
  failed = 0;
  readonly latencies = new Latencies();
  private readonly failures = new Map<string, number>();
  private readonly slices: Slice[] = Array.from({ length: SLICES }, () => ({
    at: Number.NEGATIVE_INFINITY,
    latencies: new Latencies(),
    failed: 0,
  }));

  constructor(private readonly startedAt: number) {}

  success(latencyMs: number, now: number): void {
    this.succeeded += 1;
    this.latencies.record(latencyMs);
    this.slice(now).latencies.record(latencyMs);
  }

  failure(reason: string, now: number): void {
    this.failed += 1;
    this.slice(now).failed += 1;
    const known = this.failures.get(reason);
    if (known !== undefined || this.failures.size < MAX_REASONS) this.failures.set(reason, (known ?? 0) + 1);
  }

  /** Of everything that has an outcome. */
  get successRatio(): number {
    const settled = this.succeeded + this.failed;
    return settled === 0 ? 0 : this.succeeded / settled;
  }

  /** `3x 503 no_endpoint, 1x ECONNRESET`, the most frequent first. */
  get reasons(): string {
    const sorted = [...this.failures].sort(([, a], [, b]) => b - a);
    return sorted.map(([reason, count]) => `${count}x ${reason}`).join(', ');
  }

  recent(now: number): Recent {
    const all = new Latencies();
    let failed = 0;
    for (const slice of this.slices) {
      if (now - slice.at >= SLICE_MS * SLICES) continue;
      all.add(slice.latencies);
      failed += slice.failed;
    }
    const settled = all.size + failed;
    // The newest slice is not full yet: what lies between the oldest one's beginning and now.
    const spanMs = Math.min(now - this.startedAt, SLICE_MS * (SLICES - 1) + (now % SLICE_MS));
    return {
      perSecond: spanMs <= 0 ? 0 : (settled * 1_000) / spanMs,
      successRatio: settled === 0 ? null : all.size / settled,
      p50Ms: all.quantile(0.5),
      p99Ms: all.quantile(0.99),
    };
  }

  private slice(now: number): Slice {
    const at = Math.floor(now / SLICE_MS) * SLICE_MS;
    const slice = this.slices[(at / SLICE_MS) % SLICES]!;
    if (slice.at !== at) {
      slice.at = at;
      slice.failed = 0;
      slice.latencies.reset();
    }
    return slice;
  }
}
