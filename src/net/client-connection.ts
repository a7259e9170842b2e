import type { FailureCode } from '../base/failure.ts';
import { failureAnswer, type LocalAnswer } from '../http/answer.ts';
import type { Client, Peer, RequestHandler } from '../http/conduit.ts';
import { type Edits, NO_EDITS } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { ResponseHead } from '../http/head.ts';
import { BodyScanner, type BodySink, BROKEN } from '../http1/body-scanner.ts';
import { Carry } from '../http1/carry.ts';
import { NEED_MORE, REFUSED } from '../http1/head-scanner.ts';
import { RequestParser } from '../http1/request-parser.ts';
import { ClientAnswer } from './client-answer.ts';
import type { ClientContext, KeptConnection } from './client-context.ts';
import { type Awaited, ClientWait, type WaitOwner } from './client-wait.ts';
import { Linger } from './linger.ts';
import { HIGH_WATER_BYTES } from './output.ts';
import { Reading } from './reading.ts';
import type { Transport, TransportHandler } from './transport.ts';

/** Requests sent ahead are kept up to about this much; then nothing more is read until they have had their turn. */
const MAX_AHEAD_BYTES = 16_384;

/** What is done with the bytes that come in. */
type Input =
  /** They are a head, once all of it is there. */
  | 'head'
  /** They are the body of the request, or of the other protocol after 101. */
  | 'body'
  /** The request is complete; they wait for its answer. */
  | 'ahead'
  /** They are dropped until the client closes. */
  | 'drop';

/**
 * A client's HTTP/1.1 connection: requests in order, one at a time, each answered before the next is looked at.
 *
 *     head --> body --> ahead --(finish)--> head     the connection goes on
 *        \________\________\_____________> drop      it has had its last answer: FIN, and a short wait for the client's
 *
 * The connection goes on after an answer only if the whole request was read, both ends want it, and the answer tells
 * how long it is. Anything else would have to guess where the next request begins.
 *
 * A client that does not take its answers is asked for no more: while as much as the high-water mark is pending, no
 * head is looked at and nothing is read. So what one connection can hold is bounded however many requests are sent
 * ahead.
 */
export class ClientConnection implements Client, KeptConnection, TransportHandler, BodySink, WaitOwner {
  private readonly answer: ClientAnswer;
  private readonly reading: Reading;
  private readonly parser: RequestParser;
  private readonly scanner = new BodyScanner(this);
  private readonly carry = new Carry();
  private readonly wait: ClientWait;
  private readonly proceed = (): void => this.proceedNow();
  /** Made for the first request: many connections wait long for theirs. */
  private handler: RequestHandler | null = null;

  private input: Input = 'head';
  /** A request is with the handler. */
  private isOpen = false;
  private isReading = false;
  private isProceeding = false;
  /** Every answer is the last from now on. */
  private isLeaving = false;
  /** The client's FIN has come. */
  private isEnded = false;
  private isGone = false;
  /** `sendBody` answered false. */
  private owesDrain = false;
  private lingering: Linger | null = null;

  /** Reads from now on. */
  constructor(
    private readonly transport: Transport,
    readonly peer: Peer,
    private readonly context: ClientContext,
  ) {
    this.answer = new ClientAnswer(transport, context.host.output);
    this.parser = new RequestParser(context.limits, peer.scheme);
    this.reading = new Reading(transport, context.clock);
    this.wait = new ClientWait(transport, context, this);
    this.wait.forRequest();
    transport.resume();
  }

  announceClose(): void {
    this.isLeaving = true;
  }

  drain(): void {
    this.isLeaving = true;
    this.wait.drain();
    if (this.isIdle) this.wait.forRequest();
  }

  expire(): void {
    this.isLeaving = true;
    if (this.isOpen) this.refuse('draining');
  }

  /** Between requests, and nothing of the next one is here. */
  get isIdle(): boolean {
    return this.input === 'head' && this.carry.size === 0;
  }

  /** The client has yet to take so much that it is answered nothing more. */
  private get isClogged(): boolean {
    return this.transport.pendingBytes >= HIGH_WATER_BYTES;
  }

  // --- From the client ---

  onBytes(bytes: Buffer): void {
    if (this.input === 'drop') {
      this.lingering?.drop(bytes.length);
    } else if (this.input === 'ahead') {
      this.carry.append(bytes);
      this.settleInput();
    } else if (this.carry.size > 0) {
      this.carry.append(bytes);
      this.takeCarry();
    } else {
      const used = this.read(bytes);
      if (used < bytes.length) this.carry.append(bytes.subarray(used));
      this.settleInput();
    }
  }

  onEnd(): void {
    this.isEnded = true;
    // With a request complete this is a half-close: its answer is still wanted.
    if (this.input === 'head' && !this.isProceeding) this.linger();
    else if (this.input === 'body' && !this.scanner.finish()) this.lose();
  }

  onDrain(): void {
    if (this.owesDrain) {
      this.owesDrain = false;
      this.handler!.onClientDrain();
    } else if (this.input === 'head' && !this.isProceeding) {
      this.takeCarry();
    }
  }

  onClose(code: FailureCode | null): void {
    const wasOpen = this.isOpen;
    this.leave();
    if (wasOpen) this.handler!.onClientGone(code === 'internal_error' ? code : 'client_gone');
  }

  onOverdue(what: Awaited): void {
    try {
      if (what === 'head') this.refuse('head_timeout');
      else if (what === 'room') this.giveUp();
      else this.linger();
    } catch (error) {
      this.fail(error);
    }
  }

  onBody(bytes: Buffer): boolean {
    return this.handler!.onRequestBody(bytes);
  }

  onBodyEnd(trailers: Fields | null): void {
    this.input = 'ahead';
    this.handler!.onRequestEnd(trailers);
  }

  /** Uses as much of the bytes as can be used now. Answers how much that was. */
  private read(bytes: Buffer): number {
    this.isReading = true;
    let at = 0;
    while (at < bytes.length) {
      const end =
        this.input === 'head' ? this.readHead(bytes, at) : this.input === 'body' ? this.readBody(bytes, at) : at;
      if (end === at) break;
      at = end;
    }
    this.isReading = false;
    return at;
  }

  private readHead(bytes: Buffer, at: number): number {
    if (this.isClogged) return at;
    const end = this.parser.parse(bytes, at);
    if (end === NEED_MORE) return at;
    if (end === REFUSED) {
      this.refuse(this.parser.failure);
      return bytes.length;
    }
    this.begin();
    return end;
  }

  private readBody(bytes: Buffer, at: number): number {
    const end = this.scanner.scan(bytes, at);
    if (end === BROKEN) {
      this.refuse('bad_request');
      return bytes.length;
    }
    return end;
  }

  private begin(): void {
    const { head } = this.parser;
    const hasBody = head.body === 'chunked' || head.contentLength > 0;
    this.wait.stop();
    this.isOpen = true;
    this.answer.reset();
    this.input = hasBody ? 'body' : 'ahead';
    if (hasBody) this.scanner.begin(head.body, head.contentLength);
    this.handler ??= this.context.acceptor.open(this);
    this.handler.onRequest(head);
    if (!hasBody && this.isOpen) this.handler.onRequestEnd(null);
  }

  private takeCarry(): void {
    this.carry.consume(this.read(this.carry.view()));
    this.settleInput();
  }

  /** After reading; what is left has been kept. */
  private settleInput(): void {
    if (this.input === 'drop') return this.carry.clear();
    if (this.input === 'head' && this.isClogged) return this.awaitRoom();
    const isFull = this.input === 'body' ? this.scanner.isFull : this.carry.size > MAX_AHEAD_BYTES;
    if (isFull && this.input !== 'head') this.reading.pause();
    else this.reading.resume();
    if (this.input === 'head') this.settleHead();
  }

  private settleHead(): void {
    if (this.isEnded) this.linger();
    else if (this.carry.size === 0) this.wait.forRequest();
    else this.wait.forHead();
  }

  /** Goes on in `onDrain`. */
  private awaitRoom(): void {
    this.reading.pause();
    this.wait.forRoom();
  }

  // --- Towards the client ---

  sendInterim(head: ResponseHead, edits: Edits): void {
    if (this.isOpen) this.answer.interim(this.parser.head, head, edits);
  }

  sendHead(head: ResponseHead, edits: Edits): void {
    if (!this.isOpen) return;
    this.answer.head(this.parser.head, head, edits, this.mayStay());
    if (this.answer.isRaw) this.beginRaw();
  }

  sendBody(bytes: Buffer): boolean {
    if (!this.isOpen || this.answer.body(bytes)) return true;
    this.owesDrain = true;
    return false;
  }

  sendEnd(trailers: Fields | null): void {
    if (this.isOpen) this.answer.end(this.parser.head, trailers);
  }

  sendLocal(answer: LocalAnswer, edits: Edits): void {
    if (this.isOpen) this.answer.local(this.parser.head, answer, edits, this.mayStay());
  }

  sendRefusal(): boolean {
    return false;
  }

  resume(): void {
    this.scanner.isFull = false;
    if (this.carry.size <= MAX_AHEAD_BYTES) this.reading.resume();
  }

  finish(intact: boolean): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.owesDrain = false;
    this.scanner.stop();
    if (!intact || this.answer.phase !== 'complete') return this.cut();
    if (this.answer.isLast) return this.linger();
    this.input = 'head';
    // The handler is not called from here: what was sent ahead has its turn in a later event.
    if (this.isReading) return;
    if (this.carry.size > 0) this.schedule();
    else this.settleInput();
  }

  /**
   * As far as the request goes, may another follow it? One that is still coming in while it is answered may never come
   * in whole.
   */
  private mayStay(): boolean {
    const isLastSent = this.isEnded && this.carry.size === 0;
    return this.parser.head.keepsAlive && this.input === 'ahead' && !this.isLeaving && !isLastSent;
  }

  /** After 101: what the client sends is no request any more, and some of it may be here already. */
  private beginRaw(): void {
    this.input = 'body';
    this.scanner.begin('raw', 0);
    if (this.carry.size > 0 || this.isEnded) this.schedule();
  }

  // --- Later events of its own ---

  private schedule(): void {
    if (this.isProceeding) return;
    this.isProceeding = true;
    process.nextTick(this.proceed);
  }

  private proceedNow(): void {
    this.isProceeding = false;
    if (this.isGone) return;
    try {
      if (this.carry.size > 0 && this.input !== 'ahead') this.takeCarry();
      if (this.isEnded && this.input === 'body') this.onEnd();
    } catch (error) {
      this.fail(error);
    }
  }

  // --- The end ---

  /** The client's bytes cannot be read on, or come too slowly. It is told so unless it is being told something else. */
  private refuse(code: FailureCode): void {
    this.handler ??= this.context.acceptor.open(this);
    const phase = this.isOpen ? this.answer.phase : 'none';
    const isHead = this.isOpen && this.parser.head.method === 'HEAD';
    this.isOpen = false;
    if (phase === 'none') this.answer.refusal(failureAnswer(code), NO_EDITS, isHead);
    if (phase === 'begun') this.cut();
    else this.linger();
    this.handler.onClientGone(code);
  }

  /** The client's FIN came in the middle of its request. */
  private lose(): void {
    this.close(false);
    this.handler!.onClientGone('client_gone');
  }

  /** The client has taken nothing of its answers for too long. */
  private giveUp(): void {
    this.close(true);
    this.handler!.onClientGone('client_idle');
  }

  /** The answer stays incomplete, and the client must see that. */
  private cut(): void {
    this.context.host.output.flushFor(this.transport);
    this.close(this.answer.endsByClose);
  }

  /** The last answer has been given. */
  private linger(): void {
    this.input = 'drop';
    this.reading.stop();
    this.scanner.stop();
    this.carry.clear();
    this.wait.stop();
    this.lingering = new Linger(this.transport, this.context.clock, () => this.close(false));
  }

  private close(reset: boolean): void {
    this.leave();
    this.transport.destroy(reset);
  }

  private fail(error: unknown): void {
    this.context.host.onBug(error);
    if (this.isGone) return;
    this.transport.destroy(true);
    try {
      this.onClose('internal_error');
    } catch (another) {
      this.context.host.onBug(another);
    }
  }

  private leave(): void {
    this.isGone = true;
    this.isOpen = false;
    this.input = 'drop';
    this.reading.stop();
    this.scanner.stop();
    this.carry.clear();
    this.wait.stop();
    this.lingering?.stop();
    this.context.owner.onClosed(this);
  }
}
