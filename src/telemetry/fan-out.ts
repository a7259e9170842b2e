import type { FailureCode } from '../base/failure.ts';
import type { Spoken } from '../net/sniffer.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type {
  AttemptRecord,
  ExchangeRecord,
  PlanObserver,
  ProxyObserver,
  RetryRefusal,
  TunnelRecord,
} from '../proxy/observer.ts';

/**
 * One observer made of several. An observer that throws is a bug of telemetry and must not become one of an exchange:
 * it is reported, and the others are told all the same.
 */
export class FanOut implements ProxyObserver {
  constructor(
    private readonly observers: readonly ProxyObserver[],
    private readonly onThrow: (error: unknown) => void,
  ) {}

  follow(labels: PlanLabels): PlanObserver {
    const followers = this.observers.map((observer) => observer.follow(labels));
    return new PlanFanOut(followers, this.onThrow);
  }

  onReject(listener: string, code: FailureCode): void {
    this.tell((observer) => observer.onReject(listener, code));
  }

  onConnection(listener: string, change: 1 | -1): void {
    this.tell((observer) => observer.onConnection(listener, change));
  }

  onDetected(listener: string, spoken: Spoken): void {
    this.tell((observer) => observer.onDetected(listener, spoken));
  }

  onBug(error: unknown): void {
    this.tell((observer) => observer.onBug(error));
  }

  private tell(event: (observer: ProxyObserver) => void): void {
    for (const observer of this.observers) {
      try {
        event(observer);
      } catch (error) {
        this.onThrow(error);
      }
    }
  }
}

/** The same for one plan. The two events of every exchange are spelled out, so that they cost no closure. */
class PlanFanOut implements PlanObserver {
  constructor(
    private readonly observers: readonly PlanObserver[],
    private readonly onThrow: (error: unknown) => void,
  ) {}

  onExchangeOpen(now: number): void {
    for (const observer of this.observers) {
      try {
        observer.onExchangeOpen(now);
      } catch (error) {
        this.onThrow(error);
      }
    }
  }

  onExchangeClose(record: ExchangeRecord): void {
    for (const observer of this.observers) {
      try {
        observer.onExchangeClose(record);
      } catch (error) {
        this.onThrow(error);
      }
    }
  }

  onTunnelOpen(now: number): void {
    this.tell((observer) => observer.onTunnelOpen(now));
  }

  onTunnelClose(record: TunnelRecord): void {
    this.tell((observer) => observer.onTunnelClose(record));
  }

  onRetry(record: AttemptRecord): void {
    this.tell((observer) => observer.onRetry(record));
  }

  onRetryRefused(why: RetryRefusal): void {
    this.tell((observer) => observer.onRetryRefused(why));
  }

  onKeyMissing(): void {
    this.tell((observer) => observer.onKeyMissing());
  }

  private tell(event: (observer: PlanObserver) => void): void {
    for (const observer of this.observers) {
      try {
        event(observer);
      } catch (error) {
        this.onThrow(error);
      }
    }
  }
}
