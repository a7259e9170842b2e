import { Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Peer } from '../http/conduit.ts';
import type { Loss } from '../http2/loss.ts';
import { ReceiveWindow } from '../http2/receive-window.ts';
import { Session } from '../http2/session.ts';
import type { SessionOwner } from '../http2/session-owner.ts';
import { DEFAULT_WINDOW_BYTES } from '../http2/settings.ts';
import type { ClientContext, KeptConnection } from './client-context.ts';
import { type Awaited, ClientWait, type WaitOwner } from './client-wait.ts';
import { Http2ClientStream, type StreamHome } from './http2-client-stream.ts';
import type { Http2Shared } from './http2-shared.ts';
import { Linger } from './linger.ts';
import { SessionWire } from './session-wire.ts';
import { STALL_MS } from './stall.ts';
import type { Transport, TransportHandler } from './transport.ts';

/** Streams kept for the next requests; more were a burst. */
const MAX_FREE = 32;

/** A request that was sent before our GOAWAY was read has come by then. */
const GOODBYE_MS = 1_000;

/**
 * A client's HTTP/2 connection: a session on a transport, and a stream for each request that runs.
 *
 *     open --(drain: GOAWAY, a second later GOAWAY with the last id)--> leaving --(no stream)--> lingering --> gone
 *     any --(a rule broken, too much abuse, silence)--> GOAWAY, lingering --> gone
 *
 * An answer that its client does not take outlives its exchange here, as long as some of it is taken now and then.
 */
export class Http2ClientConnection
  implements KeptConnection, TransportHandler, SessionOwner, StreamHome, WaitOwner, TimerOwner
{
  readonly session: Session;
  private readonly wire: SessionWire;
  private readonly wait: ClientWait;
  private readonly free: Http2ClientStream[] = [];
  /** Open streams whose exchange is over, and what they had unsent when last looked at. */
  private readonly leftovers = new Map<Http2ClientStream, number>();
  private readonly leftoverTimer = new Timer(this);
  private readonly goodbyeTimer = new Timer(this);
  private readonly streams = new Set<Http2ClientStream>();
  private readonly deliver = (): void => this.deliverHeld();
  private hasServed = false;
  /** As soon as it has carried a request. */
  private isToDrain = false;
  private isLeaving = false;
  private isGone = false;
  private lingering: Linger | null = null;

  /** The transport reads already; what it has read comes by `onBytes`. */
  constructor(
    private readonly transport: Transport,
    readonly peer: Peer,
    readonly context: ClientContext,
    readonly shared: Http2Shared,
  ) {
    this.wire = new SessionWire(transport, shared.wires);
    this.session = new Session(true, shared.limits, this.wire, this, shared.budget, context.clock);
    this.wait = new ClientWait(transport, context, this);
    this.session.start();
    this.wait.forHead();
  }

  // --- For the listener ---

  /**
   * HTTP/2 has no word for one answer: the connection is drained. One without a request yet could never carry any then.
   */
  announceClose(): void {
    if (this.hasServed) this.drain();
    else this.isToDrain = true;
  }

  drain(): void {
    if (this.isLeaving || this.isGone) return;
    this.isLeaving = true;
    this.session.announceEnd();
    this.arm(this.goodbyeTimer, GOODBYE_MS);
  }

  expire(): void {
    if (this.lingering !== null || this.isGone) return;
    for (const stream of [...this.streams]) stream.expire();
    this.leave();
  }

  // --- From the transport ---

  onBytes(bytes: Buffer): void {
    if (this.lingering !== null) return this.lingering.drop(bytes.length);
    this.session.receive(bytes);
    this.settle();
  }

  onEnd(): void {
    if (this.lingering === null) this.linger();
  }

  onDrain(): void {
    this.wire.drained();
    this.session.onWritable();
    if (this.lingering === null) this.settle();
  }

  onClose(): void {
    this.session.lose();
    this.end();
  }

  // --- From the session ---

  onStream(): Http2ClientStream {
    this.hasServed = true;
    const stream = (this.free.pop() ?? this.makeStream()).take();
    this.streams.add(stream);
    return stream;
  }

  onRefused(): void {
    if (!this.isLeaving) this.report('too_many_streams');
  }

  onBroken(loss: Loss): void {
    this.report(loss === 'abused' ? 'protocol_abuse' : 'bad_request');
  }

  onResumed(): void {
    process.nextTick(this.deliver);
  }

  onSettings(): void {
    // What the client would have of us is the session's business.
  }

  onGoAway(): void {
    this.isLeaving = true;
  }

  onPong(): void {
    // Nobody asked.
  }

  onQuiet(): void {
    // Looked at when the event is over, by `settle`; an answer's end is an event of the endpoint's.
    if (!this.isGone) process.nextTick(this.deliver);
  }

  // --- From its streams ---

  onFree(stream: Http2ClientStream): void {
    this.streams.delete(stream);
    this.leftovers.delete(stream);
    if (this.free.length < MAX_FREE) this.free.push(stream);
  }

  onLeftover(stream: Http2ClientStream): void {
    this.leftovers.set(stream, stream.unsent.size);
    if (!this.leftoverTimer.isArmed) this.arm(this.leftoverTimer, this.patienceMs);
  }

  // --- Time ---

  onTimer(timer: Timer): void {
    try {
      if (timer === this.leftoverTimer) this.lookAtLeftovers();
      else this.session.sayGoodbye();
      this.settle();
    } catch (error) {
      this.fail(error);
    }
  }

  onOverdue(what: Awaited): void {
    try {
      if (what === 'head') this.report('head_timeout');
      else if (what === 'room') this.report('client_idle');
      if (what === 'room') this.close(true);
      else this.leave();
    } catch (error) {
      this.fail(error);
    }
  }

  /** What the client is given to take some of an answer. */
  private get patienceMs(): number {
    return Math.min(STALL_MS, this.context.limits.clientIdleMs);
  }

  private lookAtLeftovers(): void {
    for (const [stream, before] of [...this.leftovers]) {
      const { size } = stream.unsent;
      if (size > 0 && size === before) {
        this.report('client_idle');
        stream.cancel();
      } else {
        this.leftovers.set(stream, size);
      }
    }
    if (this.leftovers.size > 0) this.arm(this.leftoverTimer, this.patienceMs);
  }

  /** After every event: what is waited for now. */
  private settle(): void {
    const { session, wait } = this;
    if (this.isGone || this.lingering !== null) return;
    if (session.isOver) return this.linger();
    if (this.isToDrain && this.hasServed) this.drain();
    // A body is its exchange's business, however long it takes and wherever its frames are cut.
    if (session.openCount > 0) return session.isBetween || session.isInBody ? wait.stop() : wait.forHead();
    if (this.isLeaving && !this.goodbyeTimer.isArmed) return this.leave();
    if (!session.isBetween) wait.forHead();
    else if (this.wire.isFull) wait.forRoom();
    else wait.forRequest();
  }

  private deliverHeld(): void {
    if (this.isGone) return;
    try {
      this.session.deliverHeld();
      this.settle();
    } catch (error) {
      this.fail(error);
    }
  }

  // --- The end ---

  private makeStream(): Http2ClientStream {
    const { shared, context } = this;
    const { maxStreamWindow } = shared.limits;
    return new Http2ClientStream(
      new ReceiveWindow(DEFAULT_WINDOW_BYTES, maxStreamWindow, shared.budget, context.clock),
      this,
    );
  }

  /** For what happens to the connection and not to one request. */
  private report(code: FailureCode): void {
    const stream = this.free[0] ?? this.makeStream();
    if (this.free.length === 0) this.free.push(stream);
    stream.report(code);
  }

  private leave(): void {
    this.session.sayGoodbye();
    this.linger();
  }

  /** Nothing can follow our FIN, so what is still open ends. */
  private linger(): void {
    this.stop();
    this.session.lose();
    this.wire.flush();
    this.lingering = new Linger(this.transport, this.context.clock, () => this.close(false));
  }

  private close(reset: boolean): void {
    this.session.lose();
    this.end();
    this.transport.destroy(reset);
  }

  private fail(error: unknown): void {
    this.context.host.onBug(error);
    if (this.isGone) return;
    this.transport.destroy(true);
    try {
      this.onClose();
    } catch (another) {
      this.context.host.onBug(another);
    }
  }

  private end(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.stop();
    this.lingering?.stop();
    this.context.owner.onClosed(this);
  }

  private stop(): void {
    const { clock } = this.context;
    this.wait.stop();
    clock.disarm(this.goodbyeTimer);
    clock.disarm(this.leftoverTimer);
  }

  private arm(timer: Timer, ms: number): void {
    const { clock } = this.context;
    clock.arm(timer, clock.now() + ms);
  }
}
