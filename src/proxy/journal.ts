import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { LocalAnswer } from '../http/answer.ts';
import type { Peer } from '../http/conduit.ts';
import { NO_GRPC_STATUS } from '../http/grpc.ts';
import type { RequestHead } from '../http/head.ts';
import { TraceIds } from '../http/trace-context.ts';
import type { FallbackKind } from '../policy/fallback.ts';
import { isCall } from './grpc-call.ts';
import { HeldTime } from './held-time.ts';
import type { PlanLabels } from './labels.ts';
import type { AttemptRecord, ExchangeRecord } from './observer.ts';
import { NO_EFFECTS, type RouteAnswerKind, type RouteEffects } from './route-effects.ts';

/** What was tried: `list[0 .. count-1]`. */
export interface Tries {
  readonly list: readonly AttemptRecord[];
  readonly count: number;
  /** Whose answer the client gets, or null. */
  readonly answering: AttemptRecord | null;
}

/** The record of one exchange, filled while it runs and lent to observers when it closes. */
export class Journal implements ExchangeRecord {
  labels!: PlanLabels;
  head!: RequestHead;
  isGrpc = false;
  startedAt = 0;
  answeredAt = 0;
  endedAt = 0;
  status = 0;
  code: FailureCode | null = null;
  requestBytes = 0;
  responseBytes = 0;
  requestId = '';
  /** Of the route that led it here; they hold under every plan that it comes to. */
  effects: RouteEffects = NO_EFFECTS;
  routeAnswer: RouteAnswerKind | null = null;
  overrideOf: string | null = null;
  shard: string | null = null;
  fault: string | null = null;
  fallback: FallbackKind | null = null;
  /** Of an answer made here whose failure does not say it; -1 for none. */
  private ownGrpcStatus = NO_GRPC_STATUS;
  readonly trace = new TraceIds();
  readonly held = new HeldTime();

  constructor(
    readonly peer: Peer,
    private readonly tries: Tries,
  ) {}

  begin(head: RequestHead, labels: PlanLabels, now: number): void {
    this.head = head;
    this.labels = labels;
    this.isGrpc = isCall(head);
    this.startedAt = now;
    this.answeredAt = 0;
    this.endedAt = 0;
    this.status = 0;
    this.code = null;
    this.requestBytes = 0;
    this.responseBytes = 0;
    this.fault = null;
    this.fallback = null;
    this.routeAnswer = null;
    this.ownGrpcStatus = NO_GRPC_STATUS;
    this.held.reset();
  }

  /**
   * The request begins anew under another plan, as another span of the same trace. What the client has sent of it
   * stays.
   */
  move(labels: PlanLabels, spanId: string, now: number): void {
    const { head, requestBytes, trace } = this;
    this.begin(head, labels, now);
    this.requestBytes = requestBytes;
    trace.spanId = spanId;
  }

  /** The head of an answer made here goes to the client, which is no failure's or has a status of its own. */
  answerLocally({ status, grpcStatus }: LocalAnswer, code: FailureCode | null, now: number): void {
    this.answer(this.isGrpc ? 200 : status, code, now);
    this.ownGrpcStatus = grpcStatus;
  }

  /** The head of an answer goes to the client. */
  answer(status: number, code: FailureCode | null, now: number): void {
    this.status = status;
    this.code = code;
    this.answeredAt = now;
  }

  get route(): string | null {
    return this.effects.route;
  }

  get grpcStatus(): number {
    if (!this.isGrpc) return NO_GRPC_STATUS;
    if (this.ownGrpcStatus !== NO_GRPC_STATUS) return this.ownGrpcStatus;
    if (this.code !== null) return FAILURES[this.code].grpcStatus;
    return this.answeredBy === null ? NO_GRPC_STATUS : this.answeredBy.grpcStatus;
  }

  get answeredBy(): AttemptRecord | null {
    const { answering, list, count } = this.tries;
    return answering ?? (count === 0 ? null : list[count - 1]!);
  }

  get heldMs(): number {
    return this.held.ms;
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

  get attempts(): readonly AttemptRecord[] {
    return this.tries.list;
  }

  get attemptCount(): number {
    return this.tries.count;
  }
}
