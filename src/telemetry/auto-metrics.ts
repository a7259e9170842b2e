import type { PlanLabels } from '../proxy/labels.ts';
import type { AttemptRecord, ExchangeRecord, PlanObserver, RetryRefusal, TunnelRecord } from '../proxy/observer.ts';
import { ExchangeMetrics } from './exchange-metrics.ts';
import type { Registry } from './registry.ts';
import { TunnelMetrics } from './tunnel-metrics.ts';

/**
 * The metrics of one plan whose connections are HTTP or opaque, as each turns out.
 *
 * Retries and missing keys do not say whose they are, and need not: both sides have the same counters. They go to the
 * side that something began on last, whose series have not been taken back.
 */
export class AutoMetrics implements PlanObserver {
  private readonly exchanges: ExchangeMetrics;
  private readonly tunnels: TunnelMetrics;
  private latest: PlanObserver;

  constructor(registry: Registry, labels: PlanLabels) {
    this.exchanges = new ExchangeMetrics(registry, labels);
    this.tunnels = new TunnelMetrics(registry, labels);
    this.latest = this.exchanges;
  }

  onExchangeOpen(now: number): void {
    this.latest = this.exchanges;
    this.exchanges.onExchangeOpen(now);
  }

  onExchangeClose(record: ExchangeRecord): void {
    this.exchanges.onExchangeClose(record);
  }

  onTunnelOpen(now: number): void {
    this.latest = this.tunnels;
    this.tunnels.onTunnelOpen(now);
  }

  onTunnelClose(record: TunnelRecord): void {
    this.tunnels.onTunnelClose(record);
  }

  onRetry(record: AttemptRecord): void {
    this.latest.onRetry(record);
  }

  onRetryRefused(why: RetryRefusal): void {
    this.latest.onRetryRefused(why);
  }

  onKeyMissing(): void {
    this.latest.onKeyMissing();
  }
}
