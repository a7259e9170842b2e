import {
  type ExchangeRecord,
  IGNORED_PLAN,
  type PlanObserver,
  type ProxyObserver,
  type TunnelRecord,
} from '../proxy/observer.ts';

/** What tracing wants to hear. */
export type RecordObserver = Pick<PlanObserver, 'onExchangeClose' | 'onTunnelClose'>;

/**
 * Holds the place of tracing, which is loaded late, may be exchanged when the configuration changes, and may be absent.
 */
export class TracingSlot implements ProxyObserver, PlanObserver {
  readonly onExchangeOpen = IGNORED_PLAN.onExchangeOpen;
  readonly onTunnelOpen = IGNORED_PLAN.onTunnelOpen;
  readonly onRetry = IGNORED_PLAN.onRetry;
  readonly onRetryRefused = IGNORED_PLAN.onRetryRefused;
  readonly onKeyMissing = IGNORED_PLAN.onKeyMissing;
  private observer: RecordObserver = IGNORED_PLAN;

  fill(observer: RecordObserver | null): void {
    this.observer = observer ?? IGNORED_PLAN;
  }

  follow(): PlanObserver {
    return this;
  }

  onExchangeClose(record: ExchangeRecord): void {
    this.observer.onExchangeClose(record);
  }

  onTunnelClose(record: TunnelRecord): void {
    this.observer.onTunnelClose(record);
  }

  onReject(): void {}

  onConnection(): void {}

  onDetected(): void {}

  onBug(): void {}
}
