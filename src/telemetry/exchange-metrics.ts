import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { AttemptRecord, ExchangeRecord, PlanObserver, RetryRefusal } from '../proxy/observer.ts';
import type { RouteAnswerKind } from '../proxy/route-effects.ts';
import { AttemptMetrics } from './attempt-metrics.ts';
import { CallMetrics } from './call-metrics.ts';
import type { Counter, Gauge, Histogram } from './instruments.ts';
import type { Lease, Registry } from './registry.ts';
import { bindRetries, type RetryCounters } from './retry-counters.ts';

/** `none`: the client was not answered. */
const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const;

/**
 * The metrics of one HTTP plan. What every exchange needs is bound before the first one comes; a kind of failure is
 * bound when it first happens.
 */
export class ExchangeMetrics implements PlanObserver {
  private readonly attempts: AttemptMetrics;
  private readonly calls: CallMetrics;
  private series: ExchangeSeries;
  private inProgress = 0;

  constructor(
    private readonly registry: Registry,
    private readonly labels: PlanLabels,
  ) {
    this.attempts = new AttemptMetrics(registry, labels);
    this.calls = new CallMetrics(registry, labels);
    this.series = this.bind();
  }

  onExchangeOpen(now: number): void {
    if (!this.series.lease.isHeld) this.series = this.bind();
    this.series.lease.usedAt = now;
    this.series.active.value += 1;
    this.inProgress += 1;
  }

  onExchangeClose(record: ExchangeRecord): void {
    const { series } = this;
    const { endedAt } = record;
    series.lease.usedAt = endedAt;
    series.active.value -= 1;
    this.inProgress -= 1;
    series.finished(statusClass(record.status), record.code).value += 1;
    series.duration.record(endedAt - record.startedAt);
    if (record.routeAnswer !== null) series.routeAnswered(record.routeAnswer).value += 1;
    this.attempts.count(record.attempts, record.attemptCount, endedAt);
    if (record.isGrpc || this.labels.protocol === 'grpc') this.calls.count(record);
  }

  onTunnelOpen(): void {}

  onTunnelClose(): void {}

  onRetry({ code }: AttemptRecord): void {
    this.series.retries.made.value += 1;
    if (code !== null && !FAILURES[code].reached) this.series.retries.resent.value += 1;
  }

  onRetryRefused(why: RetryRefusal): void {
    this.series.retries.refused[why].value += 1;
  }

  onKeyMissing(): void {
    this.series.missingKeys().value += 1;
  }

  private bind(): ExchangeSeries {
    const lease = this.registry.lease(() => this.inProgress > 0);
    return new ExchangeSeries(lease, this.labels);
  }
}

class ExchangeSeries {
  readonly active: Gauge;
  readonly duration: Histogram;
  readonly retries: RetryCounters;
  /** By status class; null is not bound yet. */
  private readonly answered: (Counter | null)[] = STATUS_CLASSES.map(() => null);
  private missing: Counter | null = null;
  private readonly ofRoutes = new Map<RouteAnswerKind, Counter>();
  private readonly failed = new Map<FailureCode, (Counter | null)[]>();

  constructor(
    readonly lease: Lease,
    private readonly labels: PlanLabels,
  ) {
    const { direction, upstream } = labels;
    this.active = lease.gauge('remora_requests_active', [direction, upstream]);
    this.duration = lease.histogram('remora_request_duration_seconds', [direction, upstream]);
    this.retries = bindRetries(lease, labels);
    this.finished(2, null);
  }

  /** Most plans hash nothing, so it is bound when it first happens. */
  missingKeys(): Counter {
    const { direction, upstream } = this.labels;
    return (this.missing ??= this.lease.counter('remora_hash_keys_missing_total', [direction, upstream]));
  }

  /** Of routes that answer, and bound when one first does. */
  routeAnswered(kind: RouteAnswerKind): Counter {
    const known = this.ofRoutes.get(kind);
    if (known !== undefined) return known;
    const counter = this.lease.counter('remora_route_answers_total', [this.labels.upstream, kind]);
    this.ofRoutes.set(kind, counter);
    return counter;
  }

  finished(status: number, code: FailureCode | null): Counter {
    if (code === null) return this.answered[status] ?? this.bindFinished(this.answered, status, '');
    let row = this.failed.get(code);
    if (row === undefined) this.failed.set(code, (row = STATUS_CLASSES.map(() => null)));
    return row[status] ?? this.bindFinished(row, status, code);
  }

  private bindFinished(row: (Counter | null)[], status: number, failure: string): Counter {
    const { direction, upstream } = this.labels;
    const labels = [direction, upstream, STATUS_CLASSES[status]!, failure] as const;
    return (row[status] = this.lease.counter('remora_requests_total', labels));
  }
}

function statusClass(status: number): number {
  return status < 600 ? (status / 100) | 0 : STATUS_CLASSES.length - 1;
}
