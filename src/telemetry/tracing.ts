import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { type OtlpOptions, openExporter, type SpanIdentity, spanOrigin } from './otlp.ts';
import { type Sample, sample } from './registry.ts';
import { SpanExport } from './span-export.ts';
import { Spans } from './spans.ts';
import type { RecordObserver } from './tracing-slot.ts';

export interface TracingOptions {
  readonly otlp: OtlpOptions;
  readonly sampleRatio: number;
  readonly identity: SpanIdentity;
}

/**
 * Tracing as a whole. This file is the door to everything that needs OpenTelemetry, and is imported when that is
 * configured.
 */
export interface Tracing {
  readonly observer: RecordObserver;
  samples(): Iterable<Sample>;
  /** At most so long. */
  flush(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function openTracing(options: TracingOptions, clock: Clock, random: Random, log: Log): Promise<Tracing> {
  const spans = new SpanExport(await openExporter(options.otlp), clock, log);
  return {
    observer: new Spans(spans, spanOrigin(options.identity), options.sampleRatio, clock, random),
    samples: () => [
      sample('remora_spans_total', ['exported'], spans.exported.value),
      sample('remora_spans_total', ['dropped'], spans.dropped.value),
      sample('remora_spans_total', ['failed'], spans.failed.value),
      sample('remora_spans_queued', [], spans.queued),
    ],
    flush: (timeoutMs) => spans.flush(timeoutMs),
    close: () => spans.close(),
  };
}
