import type { Attributes, HrTime, SpanContext, SpanKind, SpanStatus } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

const SAMPLED = 1;

/** Who makes the spans: the same for all of them. */
export interface SpanOrigin {
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
}

export interface SpanFacts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly isParentRemote: boolean;
  /** What the trace's flags say, here and downstream. */
  readonly isSampled: boolean;
  /** Milliseconds since 1970, with a fraction. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly status: SpanStatus;
}

/**
 * A span that is over before it is made: built from what an exchange recorded, with the ids that were sent on the wire.
 *
 * The SDK's batch processor takes only spans whose flags say sampled. A failed exchange is exported also when its trace
 * is not sampled, so the flags say so in the queue and are put right by `unmask` when the exporter gets the span.
 */
export class FinishedSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
  readonly links = [];
  readonly events = [];
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  private readonly honest: SpanContext;
  private shown: SpanContext;

  constructor(facts: SpanFacts, origin: SpanOrigin) {
    const { traceId, spanId, parentSpanId, isParentRemote: isRemote } = facts;
    const traceFlags = facts.isSampled ? SAMPLED : 0;
    this.honest = { traceId, spanId, traceFlags };
    this.shown = { traceId, spanId, traceFlags: SAMPLED };
    if (parentSpanId !== '') this.parentSpanContext = { traceId, spanId: parentSpanId, traceFlags, isRemote };
    this.name = facts.name;
    this.kind = facts.kind;
    this.startTime = hrTime(facts.startMs);
    this.endTime = hrTime(facts.endMs);
    this.duration = hrTime(Math.max(0, facts.endMs - facts.startMs));
    this.status = facts.status;
    this.attributes = facts.attributes;
    this.resource = origin.resource;
    this.instrumentationScope = origin.instrumentationScope;
  }

  spanContext(): SpanContext {
    return this.shown;
  }

  unmask(): void {
    this.shown = this.honest;
  }
}

/** Whole seconds and nanoseconds. Rounded to microseconds, which is all that a double holds of today's date. */
export function hrTime(ms: number): HrTime {
  const microseconds = Math.round(ms * 1000);
  const seconds = Math.floor(microseconds / 1e6);
  return [seconds, (microseconds - seconds * 1e6) * 1000];
}
