import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Connector, ResponseHandler, Tunnel, TunnelHandler, Upstream } from '../http/conduit.ts';
import { NO_CONNECTION } from '../http/no-connection.ts';
import type { Closed } from './close-reasons.ts';
import { type Connections, type IdleHolder, UNLIMITED } from './connection-limit.ts';
import type { Http2Shared } from './http2-shared.ts';
import { type Http2UpstreamOwner, Http2UpstreamSession } from './http2-upstream-session.ts';
import type { Http2UpstreamStream } from './http2-upstream-stream.ts';
import { IdleLimit } from './idle-limit.ts';
import type { PoolContext, PoolOptions } from './pool.ts';
import type { SocketHost } from './sockets.ts';
import { Tunnels } from './tunnels.ts';

/** What RFC 9113 (6.5.2) wants endpoints to take at least. */
const LIKELY_LIMIT = 100;

/**
 * The way to one endpoint that speaks HTTP/2: its sessions, shared by requests.
 *
 * The oldest session with room is taken, not the one with the fewest streams: so no more stay in use than the load
 * needs, and the others reach their idle timeout. A session that opens already counts the requests that wait for it, as
 * if the endpoint took as many as it did last. Without room elsewhere there is one more, as far as the cluster's
 * `Connections` go, since a request that waited for another's answer would be as slow as that.
 */
export class Http2Pool implements Connector, Http2UpstreamOwner, IdleHolder, TimerOwner {
  createdCount = 0;
  /** Without a stream, and waiting for one. */
  idleCount = 0;
  likelyLimit: number;
  readonly host: SocketHost;
  readonly clock: Clock;
  readonly closed: Closed;
  /** Nothing is learned: who ends an HTTP/2 session says so before it, and loses nobody's request. */
  readonly idleLimit: IdleLimit;
  private readonly drainTimer = new Timer(this);
  /** Closing ones too, in the order in which they were opened. */
  private readonly sessions: Http2UpstreamSession[] = [];
  private readonly tunnels: Tunnels;
  isRetired = false;

  constructor(
    private readonly context: PoolContext,
    readonly options: PoolOptions,
    readonly shared: Http2Shared,
    private readonly connections: Connections = UNLIMITED,
  ) {
    connections.join(this);
    this.host = context.host;
    this.clock = context.clock;
    this.closed = context.closed;
    this.idleLimit = new IdleLimit(options.idleTimeoutMs);
    this.likelyLimit = Math.min(LIKELY_LIMIT, shared.limits.maxStreams);
    this.tunnels = new Tunnels(context.sockets, context.host, context.clock, options, connections);
  }

  get openCount(): number {
    return this.sessions.length;
  }

  get tunnelCount(): number {
    return this.tunnels.count;
  }

  /** Requests that are on their way. */
  get streamCount(): number {
    return this.sessions.reduce((sum, session) => sum + session.openCount, 0);
  }

  acquire(handler: ResponseHandler, fresh: boolean, _version = '2', now = this.clock.now()): Upstream {
    const session = this.sessionFor(fresh, now);
    return session === null ? NO_CONNECTION : session.take(handler, fresh);
  }

  /** One at a time. */
  fill(): void {
    const { warm, maxIdle } = this.options;
    if (this.keeps && !this.connections.isFull && this.openCount < Math.min(warm, maxIdle)) this.open();
  }

  dial(handler: TunnelHandler): Tunnel {
    return this.tunnels.dial(handler);
  }

  retire(): void {
    this.isRetired = true;
    this.connections.leave(this);
    for (const session of [...this.sessions]) session.retire();
    const { drainTimeoutMs } = this.options;
    const isBusy = this.openCount + this.tunnels.count > 0;
    if (drainTimeoutMs > 0 && isBusy) this.clock.arm(this.drainTimer, this.clock.now() + drainTimeoutMs);
  }

  onTimer(): void {
    for (const session of [...this.sessions]) session.drain();
    this.tunnels.drain();
  }

  // --- From its sessions ---

  get keeps(): boolean {
    return !this.isRetired && this.idleCount < this.options.maxIdle;
  }

  onLimit(limit: number): void {
    if (limit > 0) this.likelyLimit = limit;
  }

  place(stream: Http2UpstreamStream): void {
    const session = this.sessionFor(stream.isFresh, this.clock.now());
    if (session === null) return stream.fail('connections_exhausted');
    session.adopt(stream);
    if (stream.isReady) stream.connected();
  }

  onIdleChange(isIdle: boolean): void {
    this.idleCount += isIdle ? 1 : -1;
    if (isIdle) this.connections.rested();
  }

  /** The oldest of them. */
  closeIdle(): void {
    for (const session of this.sessions) if (session.retire()) return;
  }

  onGone(session: Http2UpstreamSession): void {
    this.sessions.splice(this.sessions.indexOf(session), 1);
    if (this.openCount + this.tunnels.count === 0) this.clock.disarm(this.drainTimer);
    this.connections.closed();
  }

  /** Null: there is none with room, and none may be opened. */
  private sessionFor(fresh: boolean, now: number): Http2UpstreamSession | null {
    for (const session of this.sessions) {
      const isSpent = session.lifetime.overBy(now) !== null;
      if (session.hasRoom && !isSpent && !(fresh && session.hasAnswered)) return session;
    }
    return this.open();
  }

  private open(): Http2UpstreamSession | null {
    if (!this.connections.tryOpen()) return null;
    const session = new Http2UpstreamSession(this);
    this.sessions.push(session);
    this.createdCount++;
    session.begin(this.context.sockets.dial(this.options.host, this.options.port, session));
    return session;
  }
}
