import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Random } from '../base/random.ts';
import type { ResponseHandler, Upstream } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { BodyKind, RequestHead } from '../http/head.ts';
import { BodyScanner, type BodySink, BROKEN } from '../http1/body-scanner.ts';
import { Carry } from '../http1/carry.ts';
import { CHUNK_ROOM, encodeChunkEnd, encodeChunkStart, encodeLastChunk, lastChunkRoom } from '../http1/encode-chunk.ts';
import { encodeRequest, requestFraming, requestRoom } from '../http1/encode-request.ts';
import { type HeadLimits, NEED_MORE, REFUSED } from '../http1/head-scanner.ts';
import { ResponseParser } from '../http1/response-parser.ts';
import type { Closed, CloseReason } from './close-reasons.ts';
import type { ConnectionOptions } from './connection-options.ts';
import type { IdleLimit } from './idle-limit.ts';
import { Lifetime } from './lifetime.ts';
import { NOBODY } from './nobody.ts';
import { HIGH_WATER_BYTES, type Output } from './output.ts';
import type { DialHandler, SocketHost } from './sockets.ts';
import { STALL_MS, Stall } from './stall.ts';
import type { Transport } from './transport.ts';

export interface UpstreamOptions extends ConnectionOptions {
  /** How long a connection may take to open; 0: as long as the kernel tries. */
  readonly connectTimeoutMs: number;
  /** How long one may wait for its next request. */
  readonly idleTimeoutMs: number;
  readonly limits: HeadLimits;
}

/** The pool, as one of its connections sees it. */
export interface UpstreamOwner {
  readonly options: UpstreamOptions;
  readonly host: SocketHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly closed: Closed;
  readonly idleLimit: IdleLimit;
  /** May a connection that could be used again wait for that? */
  readonly keeps: boolean;
  readonly isRetired: boolean;
  onIdle(connection: UpstreamConnection): void;
  /** It is closed; `wasIdle` says from which of the two. Once. */
  onGone(connection: UpstreamConnection, wasIdle: boolean): void;
}

/** More interim answers than this to one request are an attack. */
const MAX_INTERIM = 32;

/**
 * opening: not connected yet; one that nobody waits for rests then. idle: in the pool. asked: taken, and the final head
 * of the answer is still due. answering: it came. raw: after a 101.
 *
 *     opening -> asked -> answering -> idle -> asked ..
 *        \-> idle  \-> raw               any -> closed
 */
type Phase = 'opening' | 'idle' | 'asked' | 'answering' | 'raw' | 'closed';

/**
 * One HTTP/1.1 connection to an endpoint: one request at a time, and an answer that is read as it comes.
 *
 * It can be used again only if nothing is left in doubt: the request was sent whole, the answer ended by its own
 * framing and not a byte follows it, and neither side said `close`. Bytes that come unasked close it: they would be
 * taken for the answer to the next request.
 */
export class UpstreamConnection implements Upstream, DialHandler, BodySink, TimerOwner {
  readonly version = '1.1';
  isReused = false;
  bytesWritten = 0;
  private phase: Phase = 'opening';
  private transport!: Transport;
  private handler: ResponseHandler;
  private framing: BodyKind = 'none';
  private isRequestBegun = false;
  private isRequestEnded = false;
  private hasAnswered = false;
  private keepsAlive = false;
  private interims = 0;
  private isBodyEnded = false;
  private trailers: Fields | null = null;
  private readonly lifetime = new Lifetime();
  private readonly output: Output;
  private readonly parser: ResponseParser;
  private readonly scanner = new BodyScanner(this);
  private readonly carry = new Carry();
  private readonly timer = new Timer(this);
  private isRawEnded = false;
  private stall: Stall | null = null;

  constructor(
    private readonly owner: UpstreamOwner,
    handler: ResponseHandler,
  ) {
    this.handler = handler;
    this.output = owner.host.output;
    this.parser = new ResponseParser(owner.options.limits);
  }

  /** Takes the transport that is being opened for it. */
  begin(transport: Transport): void {
    this.transport = transport;
    const { connectTimeoutMs } = this.owner.options;
    if (connectTimeoutMs > 0) this.arm(connectTimeoutMs);
  }

  /** Takes an idle connection for a request. */
  take(handler: ResponseHandler): void {
    this.owner.clock.disarm(this.timer);
    this.handler = handler;
    this.phase = 'asked';
    this.lifetime.use();
    this.isReused = true;
    this.bytesWritten = 0;
    this.isRequestBegun = false;
    this.isRequestEnded = false;
    this.hasAnswered = false;
    this.interims = 0;
  }

  /** Would its endpoint still wait for a request? */
  isLendable(now: number): boolean {
    return this.lifetime.isLendable(this.owner.idleLimit, now);
  }

  /** Closes one that is idle. */
  retire(reason: CloseReason): void {
    if (this.phase === 'idle') this.close(false, reason);
  }

  /** Closes one that is busy: its endpoint is gone, and it has had its time. One that opens is bounded as it is. */
  drain(): void {
    if (this.phase === 'idle' || this.phase === 'opening' || this.phase === 'closed') return;
    try {
      this.fail('max_duration', 'drained');
    } catch (error) {
      this.owner.host.onBug(error);
    }
  }

  // --- The request ---

  get isReady(): boolean {
    return this.phase === 'asked';
  }

  sendHead(head: RequestHead, edits: Edits): void {
    if (this.phase !== 'asked' || this.isRequestBegun) return;
    const { output } = this;
    this.isRequestBegun = true;
    this.framing = requestFraming(head);
    this.parser.begin(head.method, head.upgrade);
    output.open(this.transport, requestRoom(head, edits));
    const start = output.end;
    encodeRequest(output, head, edits);
    this.bytesWritten = output.end - start;
  }

  sendBody(bytes: Buffer): boolean {
    const { output, transport } = this;
    if (!this.isSending()) return true;
    this.bytesWritten += bytes.length;
    if (this.framing !== 'chunked' || this.phase === 'raw') return output.send(transport, bytes);
    output.open(transport, CHUNK_ROOM);
    encodeChunkStart(output, bytes.length);
    output.send(transport, bytes);
    output.open(transport, CHUNK_ROOM);
    encodeChunkEnd(output);
    return transport.pendingBytes < HIGH_WATER_BYTES;
  }

  sendEnd(trailers: Fields | null): void {
    if (!this.isSending()) return;
    this.isRequestEnded = true;
    if (this.phase === 'raw') {
      this.transport.end();
      return this.boundRawEnd();
    }
    if (this.framing !== 'chunked') return;
    this.output.open(this.transport, lastChunkRoom(trailers));
    encodeLastChunk(this.output, trailers);
  }

  resume(): void {
    if (this.phase !== 'opening' && this.phase !== 'closed') this.transport.resume();
  }

  abort(): void {
    if (this.phase !== 'idle') this.close(true, 'aborted');
  }

  // --- From the transport ---

  onConnect(): void {
    const { clock, options, random } = this.owner;
    clock.disarm(this.timer);
    this.lifetime.begin(options, random, clock.now());
    this.transport.resume();
    if (this.handler === NOBODY) return this.restOrPart();
    this.phase = 'asked';
    this.lifetime.use();
    this.handler.onConnected();
  }

  onBytes(bytes: Buffer): void {
    if (this.phase === 'idle') return this.leftIdle(true);
    if (!this.isRequestBegun) return this.fail(this.lossCode());
    if (this.phase === 'raw') return this.readRaw(bytes, 0);
    this.hasAnswered = true;
    if (this.phase === 'answering') return this.readBody(bytes, 0);
    if (this.carry.size === 0) return this.readHeads(bytes);
    this.carry.append(bytes);
    this.readHeads(this.carry.view());
  }

  onEnd(): void {
    if (this.phase === 'idle') this.leftIdle(false);
    else if (this.phase === 'raw') this.endRaw();
    else if (this.phase === 'asked' || !this.scanner.finish()) this.fail(this.lossCode());
    else this.endAnswer(false);
  }

  /** Its endpoint had enough of waiting, or is going. */
  private leftIdle(reset: boolean): void {
    const now = this.owner.clock.now();
    this.owner.idleLimit.closed(now - this.lifetime.restedAt, now);
    this.close(reset, 'endpoint');
  }

  onDrain(): void {
    if (this.phase !== 'idle') this.handler.onUpstreamDrain();
  }

  onClose(code: FailureCode | null): void {
    // In raw mode both directions have ended, and `onEnd` has told so.
    if (this.phase === 'idle') return this.leftIdle(false);
    if (this.phase === 'raw' && code === null) return this.close(false, 'ended');
    const isOwn = this.phase === 'opening' || code === 'internal_error';
    this.fail(isOwn && code !== null ? code : this.lossCode());
  }

  onTimer(_timer: Timer, now: number): void {
    if (this.phase === 'idle') return this.close(false, this.lifetime.overBy(now) ?? 'idle');
    try {
      this.fail('connect_timeout');
    } catch (error) {
      this.owner.host.onBug(error);
    }
  }

  // --- The answer ---

  onBody(bytes: Buffer): boolean {
    return this.handler.onBody(bytes);
  }

  /** From the scanner, which does not know yet whether bytes follow. */
  onBodyEnd(trailers: Fields | null): void {
    this.isBodyEnded = true;
    this.trailers = trailers;
  }

  private readHeads(bytes: Buffer): void {
    let at = 0;
    for (;;) {
      const end = this.parser.parse(bytes, at);
      if (end === REFUSED) return this.fail(this.parser.failure);
      if (end === NEED_MORE) return this.keep(bytes, at);
      at = end;
      const { head } = this.parser;
      if (head.status >= 200 || head.status === 101) break;
      if (++this.interims > MAX_INTERIM) return this.fail('bad_response');
      this.handler.onInterim(head);
      if (this.phase !== 'asked') return;
    }
    this.carry.clear();
    this.answer(bytes, at);
  }

  private answer(bytes: Buffer, at: number): void {
    const { head } = this.parser;
    if (head.status === 101) {
      // The other protocol begins behind the request (RFC 9110, 7.8), and that has no end yet.
      if (!this.isRequestEnded) return this.fail('bad_response');
      this.phase = 'raw';
      this.isRequestEnded = false;
      this.handler.onHead(head);
      if (at < bytes.length) this.readRaw(bytes, at);
      return;
    }
    this.phase = 'answering';
    this.keepsAlive = head.keepsAlive;
    if (head.keepsAlive) this.lifetime.learn(head, this.owner.idleLimit);
    this.scanner.begin(head.body, head.contentLength);
    this.handler.onHead(head);
    if (this.phase === 'answering') this.readBody(bytes, at);
  }

  private readBody(bytes: Buffer, at: number): void {
    const end = this.scanner.scan(bytes, at);
    if (this.phase !== 'answering') return;
    if (end === BROKEN) return this.fail('bad_response');
    if (this.isBodyEnded) return this.endAnswer(end === bytes.length);
    if (!this.scanner.isFull) return;
    this.scanner.isFull = false;
    this.transport.pause();
  }

  private readRaw(bytes: Buffer, at: number): void {
    if (this.phase !== 'raw') return;
    if (!this.handler.onBody(at === 0 ? bytes : bytes.subarray(at)) && this.phase === 'raw') this.transport.pause();
  }

  private endRaw(): void {
    this.isRawEnded = true;
    this.boundRawEnd();
    this.handler.onEnd(null);
  }

  /**
   * Nobody else waits for the endpoint when both directions have their FIN and it still has to read what is before
   * ours.
   */
  private boundRawEnd(): void {
    if (!this.isRequestEnded || !this.isRawEnded) return;
    this.stall = new Stall(this.transport, this.owner.clock, STALL_MS, () => this.close(true, 'aborted'));
    this.stall.watch();
  }

  /** `isClean`: it ended by its framing, and nothing follows. */
  private endAnswer(isClean: boolean): void {
    const { handler, trailers } = this;
    this.isBodyEnded = false;
    this.trailers = null;
    if (isClean && this.keepsAlive && this.isRequestEnded) this.restOrPart();
    else this.close(false, 'ended');
    handler.onEnd(trailers);
  }

  private restOrPart(): void {
    const { lifetime, owner } = this;
    if (!owner.keeps) return this.close(false, owner.isRetired ? 'retired' : 'surplus');
    const over = lifetime.rest(owner.idleLimit, owner.clock);
    if (over !== null) return this.close(false, over);
    this.phase = 'idle';
    this.handler = NOBODY;
    owner.clock.arm(this.timer, lifetime.restsUntil);
    owner.onIdle(this);
  }

  private keep(bytes: Buffer, at: number): void {
    if (this.carry.size > 0) this.carry.consume(at);
    else if (at < bytes.length) this.carry.append(bytes.subarray(at));
  }

  // --- The end ---

  private isSending(): boolean {
    return this.isRequestBegun && !this.isRequestEnded && this.phase !== 'closed';
  }

  /** What it means that the connection is gone now. */
  private lossCode(): FailureCode {
    if (this.phase !== 'asked') return 'response_truncated';
    return this.isReused && !this.hasAnswered ? 'connection_stale' : 'upstream_reset';
  }

  private fail(code: FailureCode, reason: CloseReason = this.phase === 'opening' ? 'unopened' : 'failed'): void {
    const { handler, owner } = this;
    if (code !== 'connection_stale') owner.idleLimit.lost(owner.clock.now());
    this.close(true, reason);
    handler.onFailure(code);
  }

  private close(reset: boolean, reason: CloseReason): void {
    if (this.phase === 'closed') return;
    const wasIdle = this.phase === 'idle';
    this.owner.closed.add(reason);
    this.phase = 'closed';
    this.handler = NOBODY;
    this.scanner.stop();
    this.carry.clear();
    this.owner.clock.disarm(this.timer);
    this.stall?.stop();
    this.transport.destroy(reset);
    this.owner.onGone(this, wasIdle);
  }

  private arm(ms: number): void {
    const { clock } = this.owner;
    clock.arm(this.timer, clock.now() + ms);
  }
}
