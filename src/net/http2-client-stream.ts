import type { FailureCode } from '../base/failure.ts';
import { failureAnswer, type LocalAnswer } from '../http/answer.ts';
import type { Client, Peer, RequestHandler } from '../http/conduit.ts';
import { type Edits, NO_EDITS } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import { grpcAnswer, isGrpc } from '../http/grpc.ts';
import type { ResponseHead } from '../http/head.ts';
import { encodeLocalHead, encodeResponseHead, hasContent, localRoom, responseRoom } from '../http2/encode-head.ts';
import {
  CANCEL,
  FLOW_CONTROL_ERROR,
  INTERNAL_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED,
} from '../http2/errors.ts';
import type { Loss } from '../http2/loss.ts';
import type { ReceiveWindow } from '../http2/receive-window.ts';
import { Http2RequestHead } from '../http2/request-head.ts';
import type { Session } from '../http2/session.ts';
import { Stream } from '../http2/stream.ts';
import type { ClientContext } from './client-context.ts';
import type { Http2Shared } from './http2-shared.ts';

/** The connection, as one of its streams sees it. */
export interface StreamHome {
  readonly session: Session;
  readonly peer: Peer;
  readonly context: ClientContext;
  readonly shared: Http2Shared;
  /** The session and the exchange are done with it. */
  onFree(stream: Http2ClientStream): void;
  /** Its exchange is over, and what it sent is still on its way. */
  onLeftover(stream: Http2ClientStream): void;
}

const NOT_A_TUNNEL = 502;

/**
 * One request of a client's HTTP/2 connection, and its answer. Used again for another when both its session and its
 * exchange are done with it.
 */
export class Http2ClientStream extends Stream implements Client {
  readonly block: Http2RequestHead;
  readonly peer: Peer;
  private readonly handler: RequestHandler;
  /** It is not in the list of those that can be used. */
  private isTaken = false;
  /** A request is with the handler. */
  private isOpen = false;
  private isAnswered = false;
  /** The answer has no body for this client. */
  private isMuted = false;

  constructor(
    window: ReceiveWindow,
    private readonly home: StreamHome,
  ) {
    super(window);
    this.block = new Http2RequestHead(home.shared.random);
    this.peer = home.peer;
    this.handler = home.context.acceptor.open(this);
  }

  take(): this {
    this.isTaken = true;
    return this;
  }

  /** Something happened to the connection: for the books only, so of a stream that has no request. */
  report(code: FailureCode): void {
    this.handler.onClientGone(code);
  }

  // --- From the client ---

  onBlock(isEnd: boolean): void {
    const { block, home } = this;
    const verdict = block.read(isEnd, home.context.limits.maxTargetBytes);
    this.isHeadDone = true;
    this.isAnswered = false;
    this.isMuted = false;
    if (verdict !== 'ok') return this.refuse(verdict);
    if (block.upgrade !== null && isEnd) return this.refuse('bad_request');
    if (!isEnd) this.expectedBytes = block.expectedBytes;
    this.isOpen = true;
    this.handler.onRequest(block);
    if (block.upgrade !== null) this.awaitTunnel();
  }

  onBytes(bytes: Buffer): boolean {
    return !this.isOpen || this.handler.onRequestBody(bytes);
  }

  onRemoteEnd(trailers: Fields | null): void {
    if (!this.isOpen) return;
    // The end of a protocol that is not spoken yet: the exchange has had the end of the request.
    if (this.block.upgrade !== null && !this.isAnswered) return this.withdraw();
    this.handler.onRequestEnd(trailers);
  }

  onReset(code: number): void {
    // These it would say of us as little as we of it, so they are our own.
    const isOurs = code === PROTOCOL_ERROR || code === FLOW_CONTROL_ERROR || code === STREAM_CLOSED;
    this.lose(isOurs ? 'bad_request' : 'client_gone');
  }

  onLost(loss: Loss): void {
    this.lose(CODES[loss]);
  }

  onRoom(): void {
    if (this.isOpen) this.handler.onClientDrain();
  }

  onClosed(): void {
    if (!this.isOpen) this.free();
  }

  /** The time is up. */
  expire(): void {
    if (!this.isOpen) return this.cancel();
    this.isOpen = false;
    this.handler.onClientGone('draining');
    if (this.isAnswered) this.home.session.reset(this, INTERNAL_ERROR);
    else this.answer(failureAnswer('draining'), NO_EDITS);
    this.settle();
  }

  /** Gives up what is still on its way to a client that does not take it. */
  cancel(): void {
    this.home.session.reset(this, CANCEL);
  }

  // --- Towards the client ---

  sendInterim(head: ResponseHead, edits: Edits): void {
    if (!this.isOpen || this.isAnswered || this.id === 0) return;
    const { sender } = this.home.session;
    encodeResponseHead(sender.beginBlock(responseRoom(head, edits)), sender.encoder, head, edits);
    sender.endBlock(this.id, 0);
  }

  sendHead(head: ResponseHead, edits: Edits): void {
    if (!this.isOpen || this.id === 0) return;
    // Any success would open the tunnel that was asked for (RFC 8441, 5), and only 101 says that there is one.
    if (this.block.upgrade !== null && head.status >= 200 && head.status < 300) return this.refuseTunnel();
    this.isAnswered = true;
    this.isMuted = head.body === 'none';
    const { sender } = this.home.session;
    encodeResponseHead(sender.beginBlock(responseRoom(head, edits)), sender.encoder, head, edits);
    sender.endBlock(this.id, 0);
    if (head.status === 101) this.resume();
  }

  sendBody(bytes: Buffer): boolean {
    if (!this.isOpen || this.id === 0 || this.isMuted) return true;
    return this.home.session.sender.send(this, bytes);
  }

  sendEnd(trailers: Fields | null): void {
    if (this.isOpen && this.isLocalOpen) this.home.session.sender.end(this, this.isMuted ? null : trailers);
  }

  sendLocal(answer: LocalAnswer, edits: Edits): void {
    if (this.isOpen && this.id !== 0) this.answer(answer, edits);
  }

  sendRefusal(): boolean {
    if (this.isAnswered) return false;
    this.home.session.reset(this, REFUSED_STREAM);
    return true;
  }

  resume(): void {
    this.home.session.resume(this);
  }

  finish(intact: boolean): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const isWhole = intact && (!this.isLocalOpen || this.isEnding);
    if (!isWhole) this.home.session.reset(this, INTERNAL_ERROR);
    this.settle();
  }

  /**
   * As HTTP/1.1 has it, the request is complete now, and what follows belongs to the other protocol once that is agreed
   * on.
   */
  private awaitTunnel(): void {
    if (!this.isOpen) return;
    this.isPaused = true;
    this.handler.onRequestEnd(null);
  }

  // --- The end ---

  private lose(code: FailureCode): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.handler.onClientGone(code);
  }

  /** Its client leaves before there is an answer. */
  private withdraw(): void {
    this.lose('client_gone');
    this.cancel();
  }

  /** The request cannot be passed on: a malformed one costs the stream (RFC 9113, 8.1.1), any other is answered. */
  private refuse(code: FailureCode): void {
    if (code === 'bad_request') this.home.session.violate(this, PROTOCOL_ERROR);
    else this.answer(failureAnswer(code), NO_EDITS);
    this.handler.onClientGone(code);
    this.settle();
  }

  private refuseTunnel(): void {
    this.answer({ ...failureAnswer('bad_response'), status: NOT_A_TUNNEL }, NO_EDITS);
    this.isMuted = true;
  }

  private answer(plain: LocalAnswer, edits: Edits): void {
    this.isAnswered = true;
    // The form for gRPC is a success to HTTP, and that would open a tunnel.
    const isCall = this.block.upgrade === null && isGrpc(this.block.get('content-type'));
    const answer = isCall ? grpcAnswer(plain) : plain;
    const hasBody = hasContent(answer) && this.block.method !== 'HEAD';
    const { sender } = this.home.session;
    encodeLocalHead(sender.beginBlock(localRoom(answer, edits)), sender.encoder, answer, edits);
    sender.endBlock(this.id, 0);
    if (hasBody) sender.send(this, Buffer.from(answer.body, 'utf8'));
    sender.end(this, null);
  }

  /** The exchange is over: what is still to be read of the request is not wanted, what is still to be sent goes on. */
  private settle(): void {
    if (this.id === 0) return this.free();
    this.home.session.abandon(this);
    if (this.id !== 0) this.home.onLeftover(this);
  }

  private free(): void {
    if (!this.isTaken) return;
    this.isTaken = false;
    this.block.release();
    this.home.onFree(this);
  }
}

/** A session with a client is never `foreign`: its preface has come. */
const CODES: Readonly<Record<Loss, FailureCode>> = {
  lost: 'client_gone',
  unseen: 'client_gone',
  foreign: 'bad_request',
  broken: 'bad_request',
  abused: 'protocol_abuse',
};
