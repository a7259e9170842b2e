import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { sleep } from '../base/sleep.ts';
import { FinishedSpan } from './finished-span.ts';
import { Counter } from './instruments.ts';

export interface SpanQueueOptions {
  /** Spans that may wait; the SDK's number. */
  readonly maxQueued: number;
  readonly maxBatch: number;
  readonly delayMs: number;
  /** After this an export that has not come back is given up. */
  readonly exportTimeoutMs: number;
}

export const DEFAULT_SPAN_QUEUE: SpanQueueOptions = {
  maxQueued: 2_048,
  maxBatch: 512,
  delayMs: 5_000,
  exportTimeoutMs: 15_000,
};

/**
 * The queue between exchanges and the collector: the SDK's batch processor with books of its own, because the SDK does
 * not tell how many spans wait and how many it dropped.
 *
 * Every span offered ends as exported, dropped or failed. Whatever the collector does, an exchange sees a push onto an
 * array.
 */
export class SpanExport implements SpanExporter {
  readonly exported = new Counter();
  readonly dropped = new Counter();
  readonly failed = new Counter();
  queued = 0;
  private readonly processor: BatchSpanProcessor;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly options = DEFAULT_SPAN_QUEUE,
  ) {
    this.processor = new BatchSpanProcessor({
      exporter: this,
      maxQueueSize: options.maxQueued,
      maxExportBatchSize: options.maxBatch,
      scheduledDelayMillis: options.delayMs,
      exportTimeoutMillis: options.exportTimeoutMs,
    });
  }

  offer(span: FinishedSpan): void {
    if (this.queued >= this.options.maxQueued) {
      this.dropped.value += 1;
      return;
    }
    this.queued += 1;
    this.processor.onEnd(span);
  }

  /** Exports what waits and what is on its way, for at most so long. Spans that did not make it stay where they are. */
  async flush(timeoutMs: number): Promise<void> {
    const done = new AbortController();
    const flushed = this.drain().finally(() => done.abort());
    await Promise.race([flushed, sleep(this.clock, timeoutMs, done.signal)]);
    done.abort();
  }

  /** Sends what waits and takes nothing more. */
  async close(): Promise<void> {
    await this.processor.shutdown().catch(() => undefined);
  }

  /** The processor's flush takes what waits and forgets the batch that its timer has already begun to send. */
  private async drain(): Promise<void> {
    // A failed export has been counted and logged where it failed.
    await this.processor.forceFlush().catch(() => undefined);
    await this.exporter.forceFlush?.().catch(() => undefined);
  }

  // --- As the processor's exporter ---

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.queued -= spans.length;
    for (const span of spans) if (span instanceof FinishedSpan) span.unmask();
    this.exporter.export(spans, (result) => {
      const fate = result.code === ExportResultCode.SUCCESS ? this.exported : this.failed;
      fate.value += spans.length;
      if (fate === this.failed) this.complain(spans.length, result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  private complain(spans: number, error: Error | undefined): void {
    this.log.warn('span_export_failed', { spans, reason: error?.message ?? 'no reason given' });
  }
}
