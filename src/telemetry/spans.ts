import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { ExchangeRecord, TunnelRecord } from '../proxy/observer.ts';
import { exchangeSpans } from './exchange-spans.ts';
import type { FinishedSpan, SpanOrigin } from './finished-span.ts';
import { isServerError } from './rpc-method.ts';
import type { RecordObserver } from './tracing-slot.ts';
import { tunnelSpans } from './tunnel-spans.ts';

/** Where spans go; must neither block nor throw. */
export interface SpanSink {
  offer(span: FinishedSpan): void;
}

/**
 * Chooses whose spans are made, when an exchange closes: those of sampled traces, and of whatever failed. A failed
 * exchange of an unsampled trace is shown with `remora.unsampled`, because its neighbours in the trace are missing; its
 * flags stay what was sent downstream.
 */
export class Spans implements RecordObserver {
  /** `sampleRatio` is for tunnels: exchanges come with their decision. */
  constructor(
    private readonly sink: SpanSink,
    private readonly origin: SpanOrigin,
    private readonly sampleRatio: number,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  onExchangeClose(record: ExchangeRecord): void {
    const isFailed = record.code !== null || isServerError(record.status, record.grpcStatus);
    if (!record.isSampled && !isFailed) return;
    for (const span of exchangeSpans(record, this.wallOffsetMs(), this.origin)) this.sink.offer(span);
  }

  onTunnelClose(record: TunnelRecord): void {
    const isSampled = this.random.next() < this.sampleRatio;
    if (!isSampled && record.code === null) return;
    const spans = tunnelSpans(record, isSampled, this.random, this.wallOffsetMs(), this.origin);
    for (const span of spans) this.sink.offer(span);
  }

  /** From the clock's instants to wall time: one reading for all spans of an exchange, so that they fit each other. */
  private wallOffsetMs(): number {
    return this.clock.wallMs() - this.clock.now();
  }
}
