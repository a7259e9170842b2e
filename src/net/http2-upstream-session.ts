import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { ResponseHandler, Upstream } from '../http/conduit.ts';
import type { Loss } from '../http2/loss.ts';
import { ReceiveWindow } from '../http2/receive-window.ts';
import { Session } from '../http2/session.ts';
import type { SessionOwner } from '../http2/session-owner.ts';
import { DEFAULT_WINDOW_BYTES } from '../http2/settings.ts';
import type { Stream } from '../http2/stream.ts';
import type { Closed, CloseReason } from './close-reasons.ts';
import type { Http2Shared } from './http2-shared.ts';
import { type Http2UpstreamHome, Http2UpstreamStream } from './http2-upstream-stream.ts';
import { Lifetime } from './lifetime.ts';
import { Linger } from './linger.ts';
import { SessionWire } from './session-wire.ts';
import type { DialHandler, SocketHost } from './sockets.ts';
import type { Transport } from './transport.ts';
import type { UpstreamOptions } from './upstream-connection.ts';

/** The pool, as one of its sessions sees it. */
export interface Http2UpstreamOwner {
  readonly options: UpstreamOptions;
  readonly host: SocketHost;
  readonly clock: Clock;
  readonly closed: Closed;
  readonly shared: Http2Shared;
  /** What a session is taken to have room for before it says so. */
  readonly likelyLimit: number;
  /** May a session without streams wait for more? */
  readonly keeps: boolean;
  readonly isRetired: boolean;
  /** The endpoint takes so many streams on a connection. */
  onLimit(limit: number): void;
  /** A request that waited here needs another session. */
  place(stream: Http2UpstreamStream): void;
  onIdleChange(isIdle: boolean): void;
  /** It is closed. Once. */
  onGone(session: Http2UpstreamSession): void;
}

const PING_PAYLOAD = Buffer.alloc(8);

/** More than a turn of the event loop and a tick of the clock, so that what has come is read. */
const LAST_LOOK_MS = 15;

/**
 * opening: until the endpoint's SETTINGS are here. closing: GOAWAY and FIN are out, and the endpoint's are waited for.
 *
 *     opening -> open -> closing -> closed         any -> closed
 */
type Phase = 'opening' | 'open' | 'closing' | 'closed';

/**
 * One HTTP/2 connection to an endpoint, and the streams that share it.
 *
 * Nothing is sent on it before the endpoint's SETTINGS, which tell its limits and prove that somebody awake speaks
 * HTTP/2: a frozen endpoint costs a connect timeout and not a request. They come with the connection, at no round trip.
 * It closes when no stream is open and none is to come: at its idle timeout, after a GOAWAY, spent, or retired.
 */
export class Http2UpstreamSession implements DialHandler, SessionOwner, Http2UpstreamHome, TimerOwner {
  hasAnswered = false;
  ownCode: FailureCode | null = null;
  session!: Session;
  readonly clock: Clock;
  private transport!: Transport;
  private wire!: SessionWire;
  private phase: Phase = 'opening';
  private isIdle = false;
  /** In order. As many as there may be streams. */
  private readonly waiting = new Set<Http2UpstreamStream>();
  /** Their requests may be sent, and have not been. */
  private readonly granted = new Set<Http2UpstreamStream>();
  /** Never more than were in use at a time. */
  private readonly spares: Http2UpstreamStream[] = [];
  private readonly timer = new Timer(this);
  private heardAt = 0;
  private pingedAt = 0;
  private isLastLook = false;
  private linger: Linger | null = null;
  private reason: CloseReason | null = null;
  readonly lifetime = new Lifetime();
  private readonly deliver = (): void => this.deliverHeld();

  constructor(private readonly owner: Http2UpstreamOwner) {
    this.clock = owner.clock;
  }

  /** Takes the transport that is being opened for it. */
  begin(transport: Transport): void {
    const { owner, clock } = this;
    const { wires, limits, budget } = owner.shared;
    this.transport = transport;
    this.wire = new SessionWire(transport, wires);
    this.session = new Session(false, limits, this.wire, this, budget, clock);
    this.lifetime.begin(owner.options, owner.shared.random, clock.now());
    this.arm(owner.options.connectTimeoutMs);
  }

  get openCount(): number {
    return this.session.openCount;
  }

  /** For one more request: to be sent now, or to wait for what will come soon. */
  get hasRoom(): boolean {
    const { phase, session, owner } = this;
    if ((phase !== 'opening' && phase !== 'open') || session.isLeaving) return false;
    // Else one client that does not read its answers would stop those of all others.
    if (session.isClogged) return false;
    // An endpoint that takes none at the moment would say so on another session too, so that is waited for on this one.
    const room = this.limit === 0 ? owner.shared.limits.maxStreams : this.limit;
    const limit = phase === 'opening' ? owner.likelyLimit : room;
    return session.openCount + this.granted.size + this.waiting.size < limit;
  }

  /** `isFresh`: not if it has carried an answer before; the caller looks. */
  take(handler: ResponseHandler, isFresh: boolean): Upstream {
    const stream = this.spares.pop() ?? this.makeStream();
    stream.take(handler, isFresh);
    this.adopt(stream);
    return stream;
  }

  /** Takes a request that has no session. It is ready, or `onConnected` follows. */
  adopt(stream: Http2UpstreamStream): void {
    stream.home = this;
    this.lifetime.use();
    this.wake();
    if (this.phase === 'open' && this.limit > 0) this.grant(stream);
    else this.waiting.add(stream);
  }

  /** Closes it if it is idle, and says whether it was. */
  retire(): boolean {
    const { isIdle } = this;
    if (isIdle) this.finish(this.owner.isRetired ? 'retired' : 'surplus');
    return isIdle;
  }

  /** Ends it with all that it carries: its endpoint is gone, and it has had its time. */
  drain(): void {
    this.reason = 'drained';
    this.guard(() => this.lose('max_duration'));
  }

  // --- From its streams ---

  onOpened(stream: Http2UpstreamStream): void {
    this.granted.delete(stream);
  }

  onReleased(stream: Http2UpstreamStream): void {
    this.granted.delete(stream);
    this.waiting.delete(stream);
    if (this.phase === 'opening' && this.waiting.size === 0) this.close(true);
    else this.onQuiet();
  }

  onUnfit(stream: Http2UpstreamStream): void {
    process.nextTick(() => this.guard(() => stream.failRefused()));
  }

  onFree(stream: Http2UpstreamStream): void {
    this.spares.push(stream);
  }

  onBug(error: unknown): void {
    this.owner.host.onBug(error);
  }

  // --- From the transport ---

  onConnect(): void {
    // No kernel bounds the wait for SETTINGS.
    if (this.owner.options.connectTimeoutMs === 0) this.arm(this.owner.shared.limits.pingTimeoutMs);
    this.session.start();
    this.transport.resume();
  }

  onBytes(bytes: Buffer): void {
    if (this.linger !== null) return this.linger.drop(bytes.length);
    this.heardAt = this.clock.now();
    this.session.receive(bytes);
  }

  onEnd(): void {
    this.lose(null);
  }

  onDrain(): void {
    this.wire.drained();
    if (this.phase !== 'closing') this.session.onWritable();
  }

  onClose(code: FailureCode | null): void {
    this.lose(this.phase === 'opening' || code === 'internal_error' ? code : null);
  }

  onTimer(_timer: Timer, now: number): void {
    this.guard(() => {
      if (this.phase === 'opening') this.lose('connect_timeout');
      else if (this.isIdle) this.finish('idle');
      else this.watch(now);
    });
  }

  // --- From the session ---

  onStream(): Stream | null {
    return null;
  }

  onRefused(): void {
    // Only servers refuse.
  }

  onSettings(): void {
    if (this.phase === 'opening') {
      this.phase = 'open';
      this.watch(this.heardAt);
    }
    this.owner.onLimit(this.limit);
    if (this.limit > 0) this.admitWaiting();
    this.onQuiet();
  }

  onGoAway(): void {
    for (const stream of this.waiting) this.moveAway(stream);
    for (const stream of this.granted) {
      this.granted.delete(stream);
      stream.failUnseen();
    }
    this.onQuiet();
  }

  onPong(): void {
    // That something came is what counts.
  }

  onBroken(loss: Loss): void {
    this.finish('failed');
    this.failUnsent(loss === 'foreign' ? 'not_http2' : 'bad_response');
  }

  /** Also from the session. Called whenever there may be nothing to do. */
  onQuiet(): void {
    const { session, owner } = this;
    if (this.phase !== 'open' || session.isOver) return;
    if (session.openCount + this.granted.size + this.waiting.size > 0) return;
    const spent = owner.options.idleTimeoutMs === 0 ? 'idle' : this.lifetime.overBy(this.clock.now());
    const over = session.isLeaving ? 'endpoint' : spent;
    if (over !== null) return this.finish(over);
    if (this.isIdle) return;
    if (!owner.keeps) return this.finish(owner.isRetired ? 'retired' : 'surplus');
    this.setIdle(true);
    this.arm(owner.options.idleTimeoutMs);
  }

  onResumed(): void {
    process.nextTick(this.deliver);
  }

  // --- Room ---

  private get limit(): number {
    return Math.min(this.session.peer.maxStreams, this.owner.shared.limits.maxStreams);
  }

  private grant(stream: Http2UpstreamStream): void {
    this.granted.add(stream);
    stream.grant(this.hasAnswered);
  }

  /** In order, as many as there is room for. The others need not wait for strangers' answers: they go elsewhere. */
  private admitWaiting(): void {
    for (const stream of this.waiting) {
      if (this.session.openCount + this.granted.size >= this.limit) {
        this.moveAway(stream);
        continue;
      }
      this.waiting.delete(stream);
      this.grant(stream);
      stream.connected();
    }
  }

  private moveAway(stream: Http2UpstreamStream): void {
    this.waiting.delete(stream);
    this.owner.place(stream);
  }

  private makeStream(): Http2UpstreamStream {
    const { budget, limits } = this.owner.shared;
    return new Http2UpstreamStream(new ReceiveWindow(DEFAULT_WINDOW_BYTES, limits.maxStreamWindow, budget, this.clock));
  }

  // --- Idle or alive ---

  private wake(): void {
    if (!this.isIdle) return;
    this.setIdle(false);
    this.heardAt = this.clock.now();
    this.watch(this.heardAt);
  }

  private setIdle(isIdle: boolean): void {
    if (this.isIdle === isIdle) return;
    this.isIdle = isIdle;
    this.owner.onIdleChange(isIdle);
  }

  /** Asks an endpoint that has been silent for long whether it lives, and gives it up when it does not say so. */
  private watch(now: number): void {
    const { pingIntervalMs, pingTimeoutMs } = this.owner.shared.limits;
    if (pingIntervalMs === 0) return this.clock.disarm(this.timer);
    if (this.pingedAt > this.heardAt) return this.lookOnceMore();
    this.isLastLook = false;
    const dueAt = this.heardAt + pingIntervalMs;
    if (now < dueAt) return this.clock.arm(this.timer, dueAt);
    this.pingedAt = now;
    this.session.ping(PING_PAYLOAD);
    this.arm(pingTimeoutMs);
  }

  /** Timers run before reads: after a stall of our own, the answer may be here and not read yet. */
  private lookOnceMore(): void {
    if (this.isLastLook) return this.lose(null);
    this.isLastLook = true;
    this.arm(LAST_LOOK_MS);
  }

  private deliverHeld(): void {
    this.guard(() => this.session.deliverHeld());
  }

  // --- The end ---

  /** In order: no stream is open, or the session has ended them. */
  private finish(reason: CloseReason): void {
    if (this.phase === 'closing' || this.phase === 'closed') return;
    this.phase = 'closing';
    this.setIdle(false);
    this.clock.disarm(this.timer);
    this.session.sayGoodbye();
    this.wire.flush();
    this.session.lose();
    this.reason = reason;
    this.linger = new Linger(this.transport, this.clock, () => this.close(false));
  }

  /** The connection is lost, and all that it carries. A code: by that, before it was open, or by a bug. */
  private lose(code: FailureCode | null): void {
    if (this.phase === 'closed') return;
    const isClosing = this.phase === 'closing';
    this.ownCode = code;
    this.close(!isClosing);
    if (isClosing) return;
    this.session.lose();
    this.failUnsent(code);
  }

  private failUnsent(code: FailureCode | null): void {
    for (const set of [this.granted, this.waiting]) {
      for (const stream of set) {
        set.delete(stream);
        stream.fail(code);
      }
    }
  }

  private close(reset: boolean): void {
    const loss = this.phase === 'opening' ? 'unopened' : this.isIdle ? 'endpoint' : 'failed';
    this.owner.closed.add(this.reason ?? loss);
    this.phase = 'closed';
    this.setIdle(false);
    this.clock.disarm(this.timer);
    this.linger?.stop();
    this.transport.destroy(reset);
    this.owner.onGone(this);
  }

  /** For what no transport calls: a bug costs this connection, as it does there. */
  private guard(run: () => void): void {
    const { host } = this.owner;
    try {
      run();
    } catch (error) {
      host.onBug(error);
      try {
        this.lose('internal_error');
      } catch (another) {
        host.onBug(another);
      }
    }
  }

  private arm(ms: number): void {
    if (ms > 0) this.clock.arm(this.timer, this.clock.now() + ms);
  }
}
