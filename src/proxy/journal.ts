import type { FailureCode } from '../base/failure.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import { TraceIds } from '../http/trace-context.ts';
import type { Attempts } from './attempts.ts';
import type { PlanLabels } from './labels.ts';
import type { ExchangeRecord } from './observer.ts';

/** The record of one exchange, filled while it runs and lent to observers when it closes. */
export class Journal implements ExchangeRecord {
  labels!: PlanLabels;
  head!: RequestHead;
  startedAt = 0;
  answeredAt = 0;
  endedAt = 0;
  status = 0;
  code: FailureCode | null = null;
  requestBytes = 0;
  responseBytes = 0;
  requestId = '';
  readonly trace = new TraceIds();

  constructor(
    readonly peer: Peer,
    private readonly tries: Attempts,
  ) {}

  begin(head: RequestHead, labels: PlanLabels, now: number): void {
    this.head = head;
    this.labels = labels;
    this.startedAt = now;
    this.answeredAt = 0;
    this.endedAt = 0;
    this.status = 0;
    this.code = null;
    this.requestBytes = 0;
    this.responseBytes = 0;
  }

  /** The head of an answer goes to the client. */
  answer(status: number, code: FailureCode | null, now: number): void {
    this.status = status;
    this.code = code;
    this.answeredAt = now;
  }

  get traceId(): string {
    return this.trace.traceId;
  }

  get spanId(): string {
    return this.trace.spanId;
  }

  get parentSpanId(): string {
    return this.trace.parentSpanId;
  }

  get isSampled(): boolean {
    return this.trace.isSampled;
  }

  get attempts(): Attempts['list'] {
    return this.tries.list;
  }

  get attemptCount(): number {
    return this.tries.count;
  }
}
