import type { Clock } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import {
  type ExchangeRecord,
  IGNORED_PLAN,
  type PlanObserver,
  type ProxyObserver,
  type TunnelRecord,
} from '../proxy/observer.ts';
import { exchangeLine, rejectLine, tunnelLine } from './access-line.ts';
import type { LineSink } from './line-sink.ts';
import { isServerError } from './rpc-method.ts';

/** `failures`: what failed in remora's eyes, and answers of 500 and above, or what that is of gRPC. */
export type AccessLogMode = 'off' | 'failures' | 'all';

/** One line of JSON for each exchange, tunnel and reject. The mode may change at any time. */
export class AccessLog implements ProxyObserver, PlanObserver {
  readonly onExchangeOpen = IGNORED_PLAN.onExchangeOpen;
  readonly onTunnelOpen = IGNORED_PLAN.onTunnelOpen;
  readonly onRetry = IGNORED_PLAN.onRetry;
  readonly onRetryRefused = IGNORED_PLAN.onRetryRefused;
  readonly onKeyMissing = IGNORED_PLAN.onKeyMissing;

  constructor(
    private readonly sink: LineSink,
    private readonly clock: Clock,
    public mode: AccessLogMode,
  ) {}

  follow(): PlanObserver {
    return this;
  }

  onExchangeClose(record: ExchangeRecord): void {
    const { code, fault, fallback } = record;
    const isOdd = code !== null || fault !== null || fallback !== null;
    if (!this.wants(isOdd || isServerError(record.status, record.grpcStatus))) return;
    this.sink.write(exchangeLine(record, this.clock.wallMs()));
  }

  onTunnelClose(record: TunnelRecord): void {
    if (this.wants(record.code !== null || record.fault !== null))
      this.sink.write(tunnelLine(record, this.clock.wallMs()));
  }

  onReject(listener: string, code: FailureCode): void {
    if (this.wants(true)) this.sink.write(rejectLine(listener, code, this.clock.wallMs()));
  }

  onConnection(): void {}

  onDetected(): void {}

  onBug(): void {}

  private wants(isFailure: boolean): boolean {
    return this.mode === 'all' || (isFailure && this.mode === 'failures');
  }
}
