import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { ResponseHandler, Upstream } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { RequestHead } from '../http/head.ts';
import { encodeRequestHead, requestRoom } from '../http2/encode-head.ts';
import { CANCEL, ENHANCE_YOUR_CALM, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM } from '../http2/errors.ts';
import type { Loss } from '../http2/loss.ts';
import { type Http2Asked, Http2ResponseHead } from '../http2/response-head.ts';
import type { Session } from '../http2/session.ts';
import { Stream } from '../http2/stream.ts';
import { KEY_FIELD, protocolOf } from '../http2/websocket.ts';
import { NOBODY } from './nobody.ts';
import { STALL_MS } from './stall.ts';

/** The connection, as one of its streams sees it. */
export interface Http2UpstreamHome {
  readonly session: Session;
  readonly clock: Clock;
  /** The final head of some answer has come. */
  hasAnswered: boolean;
  /** What streams end with when the connection was lost by our own doing. */
  readonly ownCode: FailureCode | null;
  /** The request of one that was granted goes out now. */
  onOpened(stream: Http2UpstreamStream): void;
  /** It was given up before that. */
  onReleased(stream: Http2UpstreamStream): void;
  /** Its request cannot go on this session: `failRefused` in an event of its own. */
  onUnfit(stream: Http2UpstreamStream): void;
  /** It can be used again. */
  onFree(stream: Http2UpstreamStream): void;
  onBug(error: unknown): void;
}

/** More interim answers than this to one request are an attack. */
const MAX_INTERIM = 32;

/**
 * free: with its session, for another request. waiting: for a session that opens, or has no room. ready: `sendHead` may
 * come. refused: it came, and the session cannot carry that. asked: the final head of the answer is still due.
 * answering: it came. raw: both directions carry another protocol. over: the handler has been told the end, or wants to
 * hear none.
 *
 *     free -> waiting -> ready -> asked -> answering -> over -> free
 *                          \-> refused  \-> raw
 */
type Phase = 'free' | 'waiting' | 'ready' | 'refused' | 'asked' | 'answering' | 'raw' | 'over';

/**
 * One request on an HTTP/2 session to an endpoint, and its answer.
 *
 * Its handler hears of the end when the session knows the stream no more, so that a request which begins inside that
 * event finds the room. Whatever ends the stream only says how (`verdict`), and `onClosed` tells.
 */
export class Http2UpstreamStream extends Stream implements Upstream, Http2Asked, TimerOwner {
  readonly block: Http2ResponseHead = new Http2ResponseHead();
  readonly version = '2';
  isReused = false;
  bytesWritten = 0;
  /** It must not go on a session that has carried an answer. */
  isFresh = false;
  /** Where it waits or runs. */
  home!: Http2UpstreamHome;
  // What the answer depends on.
  isHead = false;
  upgrade: string | null = null;
  webSocketKey: string | null = null;

  private phase: Phase = 'free';
  private handler: ResponseHandler = NOBODY;
  private isRequestEnded = false;
  private interims = 0;
  private verdict: 'end' | FailureCode | null = null;
  private answerTrailers: Fields | null = null;
  /** Made when first needed: most requests are sent before their answer is complete. */
  private stall: Timer | null = null;
  private unsentBefore = 0;

  /** Takes a request in, to wait for a session. */
  take(handler: ResponseHandler, isFresh: boolean): void {
    this.handler = handler;
    this.isFresh = isFresh;
    this.phase = 'waiting';
    this.isReused = false;
    this.bytesWritten = 0;
    this.isHead = false;
    this.upgrade = null;
    this.webSocketKey = null;
    this.isRequestEnded = false;
    this.interims = 0;
  }

  /** Its session has room for it. */
  grant(isReused: boolean): void {
    this.phase = 'ready';
    this.isReused = isReused && !this.isFresh;
  }

  connected(): void {
    this.handler.onConnected();
  }

  /** It ends before it was sent. No code: with a session that could carry it no more. */
  fail(code: FailureCode | null): void {
    const { handler } = this;
    this.free();
    this.tell(handler, code ?? (this.isReused ? 'connection_stale' : 'upstream_reset'), null);
  }

  /** As `fail`, of one that its session knows no more: the peer goes away, and has not seen it. */
  failUnseen(): void {
    this.fail(this.unseenCode());
  }

  /** Tells, in an event of its own, that the session cannot carry the request. */
  failRefused(): void {
    if (this.phase !== 'refused') return;
    this.home.onReleased(this);
    this.fail('upgrade_unsupported');
  }

  // --- The request ---

  get isReady(): boolean {
    return this.phase === 'ready';
  }

  sendHead(head: RequestHead, edits: Edits): void {
    if (this.phase !== 'ready') return;
    const { session } = this.home;
    this.upgrade = protocolOf(head);
    if (this.upgrade !== null) {
      // A body would be taken for the first bytes of the other protocol.
      if (head.body !== 'none' || !session.peer.takesConnectProtocol) return this.refuse();
      this.webSocketKey = head.get(KEY_FIELD);
    }
    this.isHead = head.method === 'HEAD';
    this.phase = 'asked';
    this.home.onOpened(this);
    session.open(this);
    const { sender } = session;
    const out = sender.beginBlock(requestRoom(head, edits));
    const start = out.end;
    encodeRequestHead(out, sender.encoder, head, edits);
    this.bytesWritten = out.end - start;
    sender.endBlock(this.id, 0);
  }

  sendBody(bytes: Buffer): boolean {
    if (!this.isSending()) return true;
    this.bytesWritten += bytes.length;
    return this.home.session.sender.send(this, bytes);
  }

  sendEnd(trailers: Fields | null): void {
    if (!this.isSending()) return;
    this.isRequestEnded = true;
    // The request ends here for HTTP/1.1; in HTTP/2 it is the way for the other protocol, if that is agreed on.
    if (this.phase === 'asked' && this.upgrade !== null) return;
    if (!this.isRemoteOpen && !this.isEndHeld) this.leave();
    this.home.session.sender.end(this, trailers);
    if (this.phase === 'over' && this.isLocalOpen) this.boundEnd();
  }

  resume(): void {
    if (this.id !== 0) this.home.session.resume(this);
  }

  abort(): void {
    const { phase, home } = this;
    if (phase === 'free' || phase === 'over') return;
    this.leave();
    if (this.id !== 0) return home.session.reset(this, CANCEL);
    home.onReleased(this);
    this.free();
  }

  // --- From the session ---

  onBlock(isEnd: boolean): void {
    const { block } = this;
    if (!block.read(isEnd, this)) return this.spoil();
    const isRaw = block.body === 'raw';
    if (block.status < 200 && !isRaw) {
      if (++this.interims > MAX_INTERIM) return this.spoil();
      return this.handler.onInterim(block);
    }
    // The other protocol begins behind the request, and that has no end yet.
    if (isRaw && !this.isRequestEnded) return this.spoil();
    this.isHeadDone = true;
    this.expectedBytes = block.expectedBytes;
    this.home.hasAnswered = true;
    this.phase = isRaw ? 'raw' : 'answering';
    if (isRaw) this.isRequestEnded = false;
    else if (this.upgrade !== null && this.isRequestEnded) this.home.session.sender.end(this, null);
    this.handler.onHead(block);
  }

  onBytes(bytes: Buffer): boolean {
    return this.handler.onBody(bytes);
  }

  onRemoteEnd(trailers: Fields | null): void {
    if (!this.isLocalOpen) {
      this.verdict = 'end';
      this.answerTrailers = trailers;
    } else if (this.isRequestEnded) {
      const { handler } = this;
      this.leave();
      this.boundEnd();
      handler.onEnd(trailers);
    } else if (this.phase === 'raw') {
      this.handler.onEnd(null);
    } else {
      this.verdict = 'end';
      this.answerTrailers = trailers;
      this.home.session.reset(this, CANCEL);
    }
  }

  onReset(code: number, isOwn: boolean): void {
    // The end of a raw direction has been told, and the endpoint only says that it wants no more of the other.
    if (this.phase === 'over' || (code === NO_ERROR && !this.isRemoteOpen)) return;
    if (isOwn) this.verdict = code === ENHANCE_YOUR_CALM ? 'local_exhausted' : 'bad_response';
    else if (code === REFUSED_STREAM && this.isUnheard()) this.verdict = this.refusedCode();
    else this.verdict = this.isHeadDone ? 'response_truncated' : 'upstream_reset';
  }

  onLost(loss: Loss): void {
    if (this.phase !== 'over') this.verdict = this.lossCode(loss);
  }

  onRoom(): void {
    if (!this.isRequestEnded) this.handler.onUpstreamDrain();
  }

  onClosed(): void {
    const { handler, verdict, answerTrailers, phase } = this;
    if (verdict === null && phase !== 'over') {
      // Its exchange may still call it, so it is not used again.
      this.phase = 'over';
      return;
    }
    this.free();
    if (verdict !== null) this.tell(handler, verdict, answerTrailers);
  }

  onTimer(): void {
    if (this.unsent.size < this.unsentBefore) this.boundEnd();
    else this.home.session.reset(this, CANCEL);
  }

  // --- The end ---

  private isSending(): boolean {
    return this.isLocalOpen && !this.isRequestEnded;
  }

  /** Nothing of an answer has come. */
  private isUnheard(): boolean {
    return !this.isHeadDone && this.interims === 0;
  }

  private lossCode(loss: Loss): FailureCode {
    if (loss === 'foreign') return 'not_http2';
    if (loss === 'broken' || loss === 'abused') return 'bad_response';
    if (this.home.ownCode !== null) return this.home.ownCode;
    if (this.isHeadDone) return 'response_truncated';
    if (!this.isUnheard()) return 'upstream_reset';
    if (loss === 'unseen') return this.unseenCode();
    return this.isReused ? 'connection_stale' : 'upstream_reset';
  }

  /**
   * On a session that is not fresh it is sent again at once, which may not repeat: so on a fresh one it counts as a
   * try.
   */
  private unseenCode(): FailureCode {
    this.bytesWritten = 0;
    return this.isReused ? 'connection_stale' : this.refusedCode();
  }

  private refusedCode(): FailureCode {
    this.bytesWritten = 0;
    return 'stream_refused';
  }

  private refuse(): void {
    this.phase = 'refused';
    this.home.onUnfit(this);
  }

  /** The answer is no HTTP. */
  private spoil(): void {
    this.verdict = 'bad_response';
    this.home.session.reset(this, PROTOCOL_ERROR);
  }

  /** The answer is complete and the request is still on its way: that goes on while the endpoint takes some of it. */
  private boundEnd(): void {
    const { clock } = this.home;
    this.unsentBefore = this.unsent.size;
    this.stall ??= new Timer(this);
    clock.arm(this.stall, clock.now() + STALL_MS);
  }

  /** Others may end in the same event, so a bug here is nobody else's. */
  private tell(handler: ResponseHandler, verdict: 'end' | FailureCode, trailers: Fields | null): void {
    try {
      if (verdict === 'end') handler.onEnd(trailers);
      else handler.onFailure(verdict);
    } catch (error) {
      this.home.onBug(error);
    }
  }

  private leave(): void {
    this.handler = NOBODY;
    this.phase = 'over';
  }

  private free(): void {
    this.handler = NOBODY;
    this.phase = 'free';
    this.verdict = null;
    this.answerTrailers = null;
    if (this.stall !== null) this.home.clock.disarm(this.stall);
    this.block.release();
    this.home.onFree(this);
  }
}
