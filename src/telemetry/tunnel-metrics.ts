import type { FailureCode } from '../base/failure.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { AttemptRecord, PlanObserver, RetryRefusal, TunnelRecord } from '../proxy/observer.ts';
import { AttemptMetrics } from './attempt-metrics.ts';
import type { Counter, Gauge } from './instruments.ts';
import type { Lease, Registry } from './registry.ts';
import { bindRetries, type RetryCounters } from './retry-counters.ts';

/** The metrics of one plan for opaque connections; see `ExchangeMetrics`. */
export class TunnelMetrics implements PlanObserver {
  private readonly attempts: AttemptMetrics;
  private series: TunnelSeries;
  private inProgress = 0;

  constructor(
    private readonly registry: Registry,
    private readonly labels: PlanLabels,
  ) {
    this.attempts = new AttemptMetrics(registry, labels);
    this.series = this.bind();
  }

  onExchangeOpen(): void {}

  onExchangeClose(): void {}

  onTunnelOpen(now: number): void {
    if (!this.series.lease.isHeld) this.series = this.bind();
    this.series.lease.usedAt = now;
    this.series.active.value += 1;
    this.inProgress += 1;
  }

  onTunnelClose(record: TunnelRecord): void {
    const { series } = this;
    series.lease.usedAt = record.endedAt;
    series.active.value -= 1;
    this.inProgress -= 1;
    series.finished(record.code).value += 1;
    series.bytesUp.value += record.bytesUp;
    series.bytesDown.value += record.bytesDown;
    this.attempts.count(record.attempts, record.attemptCount, record.endedAt);
  }

  onRetry(_record: AttemptRecord): void {
    this.series.retries.made.value += 1;
  }

  onRetryRefused(why: RetryRefusal): void {
    this.series.retries.refused[why].value += 1;
  }

  onKeyMissing(): void {
    this.series.missingKeys().value += 1;
  }

  private bind(): TunnelSeries {
    const lease = this.registry.lease(() => this.inProgress > 0);
    return new TunnelSeries(lease, this.labels);
  }
}

class TunnelSeries {
  readonly active: Gauge;
  readonly bytesUp: Counter;
  readonly bytesDown: Counter;
  readonly retries: RetryCounters;
  private missing: Counter | null = null;
  private readonly counts = new Map<FailureCode | null, Counter>();

  constructor(
    readonly lease: Lease,
    private readonly labels: PlanLabels,
  ) {
    const { direction, upstream } = labels;
    this.active = lease.gauge('remora_tunnels_active', [direction, upstream]);
    this.bytesUp = lease.counter('remora_tunnel_bytes_total', [direction, upstream, 'up']);
    this.bytesDown = lease.counter('remora_tunnel_bytes_total', [direction, upstream, 'down']);
    this.retries = bindRetries(lease, labels);
    this.finished(null);
  }

  /** Most plans hash nothing, so it is bound when it first happens. */
  missingKeys(): Counter {
    const { direction, upstream } = this.labels;
    return (this.missing ??= this.lease.counter('remora_hash_keys_missing_total', [direction, upstream]));
  }

  finished(code: FailureCode | null): Counter {
    const known = this.counts.get(code);
    if (known !== undefined) return known;
    const { direction, upstream } = this.labels;
    const counter = this.lease.counter('remora_tunnels_total', [direction, upstream, code ?? '']);
    this.counts.set(code, counter);
    return counter;
  }
}
