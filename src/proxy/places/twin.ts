import { createHash, type Hash } from 'node:crypto';
import { FAILURES, type FailureCode } from '../../base/failure.ts';
import type { LocalAnswer } from '../../http/answer.ts';
import type { Client, Peer, RequestHandler } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import { FieldList, type Fields } from '../../http/fields.ts';
import { NO_GRPC_STATUS } from '../../http/grpc.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import { RequestCopy } from '../../http/head-copy.ts';
import { Exchange } from '../exchange.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import { isCall } from '../grpc-call.ts';
import type { AttemptRecord, ExchangeRecord, PlanObserver, RetryRefusal } from '../observer.ts';
import { type Move, NO_FALLBACK, type Plan, type Router } from '../plan.ts';
import { Replay } from '../replay.ts';
import type { Routed } from '../routed.ts';
import type { Handover } from './handover.ts';
import type { ReadPair } from './read-pair.ts';
import { isSuccess, type KeptRequest, printOf } from './shadow.ts';
import type { Shadows } from './shadows.ts';

/** What the main place made of a write. `unknown`: it may have it, and nobody can say. */
type Verdict = 'taken' | 'refused' | 'unknown';

/**
 * One request whose client is answered by the main place, and which another place gets too: a read so that both answers
 * can be compared, a write so that both places have it.
 *
 * The client's exchange is one like any other; this only looks on, and keeps what a second sending needs. A read is
 * sent to both at once, when it is complete. A write is sent on only after the main place has said that it took it,
 * and in that order. Nothing is sent after a write that failed there; but one that the main place was lost over may
 * have been done, and the places may differ by it, so it is on the ledger as `unknown`. Made for one request.
 */
export class Twin implements RequestHandler, Client, Router, PlanObserver {
  readonly peer: Peer;
  private readonly plan: Plan;
  private readonly exchange: Exchange;
  private readonly body = new Replay();
  private readonly digest: Hash | null;
  private readonly isWrite: boolean;
  private head!: RequestCopy;
  private trailers: Fields | null = null;
  private isComplete = false;
  private isGrpc = false;
  private verdict: Verdict = 'refused';
  private print: string | null = null;
  private pair: ReadPair | null = null;
  /** The second place has been taken care of. */
  private isSettled = false;

  constructor(
    context: ExchangeContext,
    private readonly client: Client,
    private readonly move: Move,
    private readonly shadows: Shadows,
    private readonly routed: Routed,
    private readonly owner: Handover,
  ) {
    this.peer = client.peer;
    this.plan = { ...move.main, fallback: NO_FALLBACK, observer: this };
    this.isWrite = move.kind === 'dual_write';
    this.digest = this.isWrite ? null : createHash('sha256');
    this.exchange = new Exchange(context, this, this);
  }

  route(_head: RequestHead, _peer: Peer, routed: Routed): Plan {
    routed.setCookie = this.routed.setCookie;
    routed.overrideOf = this.routed.overrideOf;
    return this.plan;
  }

  routeTunnel(): null {
    return null;
  }

  // --- From the client ---

  onRequest(head: RequestHead): void {
    this.head = new RequestCopy(head);
    this.isGrpc = isCall(head);
    this.exchange.onRequest(head);
  }

  onRequestBody(bytes: Buffer): boolean {
    this.body.keep(bytes, this.plan.retry.replayBytes);
    return this.exchange.onRequestBody(bytes);
  }

  onRequestEnd(trailers: Fields | null): void {
    this.isComplete = true;
    if (trailers !== null) this.trailers = FieldList.copyOf(trailers);
    this.exchange.onRequestEnd(trailers);
    if (!this.isWrite && !this.isSettled && this.body.isWhole) this.pair = this.shadows.read(this.move, this.kept());
  }

  onClientDrain(): void {
    this.exchange.onClientDrain();
  }

  onClientGone(code: FailureCode): void {
    this.exchange.onClientGone(code);
    this.settle();
  }

  // --- From the exchange to the client ---

  sendInterim(head: ResponseHead, edits: Edits): void {
    this.client.sendInterim(head, edits);
  }

  sendHead(head: ResponseHead, edits: Edits): void {
    this.client.sendHead(head, edits);
    // The order of heads is the order of writes: what is still to come of an answer must not change it.
    if (!this.isWrite || this.isGrpc || !this.isComplete) return;
    if (!isSuccess({ status: head.status, grpcStatus: NO_GRPC_STATUS, isGrpc: false })) return;
    this.verdict = 'taken';
    this.settle();
  }

  sendBody(bytes: Buffer): boolean {
    this.digest?.update(bytes);
    return this.client.sendBody(bytes);
  }

  sendEnd(trailers: Fields | null): void {
    this.client.sendEnd(trailers);
  }

  sendLocal(answer: LocalAnswer, edits: Edits): void {
    this.client.sendLocal(answer, edits);
  }

  sendRefusal(): boolean {
    return this.client.sendRefusal();
  }

  resume(): void {
    this.client.resume();
  }

  finish(intact: boolean): void {
    this.owner.onOver();
    this.client.finish(intact);
    this.settle();
  }

  // --- From the exchange to observers ---

  onExchangeOpen(now: number): void {
    this.move.main.observer.onExchangeOpen(now);
  }

  onExchangeClose(record: ExchangeRecord): void {
    if (this.isWrite) this.verdict = verdictOf(record);
    else if (record.code === null) this.print = printOf(record, this.digest!);
    this.move.main.observer.onExchangeClose(record);
  }

  onTunnelOpen(): void {}

  onTunnelClose(): void {}

  onRetry(record: AttemptRecord): void {
    this.move.main.observer.onRetry(record);
  }

  onRetryRefused(why: RetryRefusal): void {
    this.move.main.observer.onRetryRefused(why);
  }

  onKeyMissing(): void {
    this.move.main.observer.onKeyMissing();
  }

  // --- The other place ---

  private settle(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    if (this.isWrite) this.settleWrite();
    else if (this.pair !== null) this.pair.onMainOver(this.print);
    else this.move.watch.onRead('skipped');
  }

  private settleWrite(): void {
    const { shadows, move, verdict } = this;
    const request = this.kept();
    if (verdict === 'refused') return;
    if (verdict === 'unknown') shadows.lose(move, request, 'unknown', 0);
    else if (!this.isComplete) shadows.lose(move, request, 'request_incomplete', 0);
    else if (!this.body.isWhole) shadows.lose(move, request, 'body_too_large', 0);
    else shadows.write(move, request);
  }

  private kept(): KeptRequest {
    const { peer, head, body, trailers } = this;
    return { peer, head, body, trailers };
  }
}

/** An answer that breaks off has said what it is in its head; a call says it at its end. */
function verdictOf(record: ExchangeRecord): Verdict {
  if (isSuccess(record) && (record.code === null || !record.isGrpc)) return 'taken';
  // Many applications answer so to what they have done, others to who has to log in first.
  if (record.status === 302) return 'unknown';
  for (let i = 0; i < record.attemptCount; i++) {
    const { code, connectedAt } = record.attempts[i]!;
    if (code !== null && connectedAt > 0 && FAILURES[code].reached) return 'unknown';
  }
  return 'refused';
}
