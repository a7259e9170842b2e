import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Connector, ResponseHandler, Tunnel, TunnelHandler, Upstream } from '../http/conduit.ts';
import { NO_CONNECTION } from '../http/no-connection.ts';
import type { Closed } from './close-reasons.ts';
import { type Connections, type IdleHolder, UNLIMITED } from './connection-limit.ts';
import { IdleLimit } from './idle-limit.ts';
import { NOBODY } from './nobody.ts';
import type { SocketHost, Sockets } from './sockets.ts';
import { Tunnels } from './tunnels.ts';
import { UpstreamConnection, type UpstreamOptions, type UpstreamOwner } from './upstream-connection.ts';

export interface PoolOptions extends UpstreamOptions {
  /** An IP address and a port. */
  readonly host: string;
  readonly port: number;
}

/** At a time: an endpoint that has just come is not to meet all that its callers will want. */
const MAX_FILLED = 2;

export interface PoolContext {
  readonly sockets: Sockets;
  readonly host: SocketHost;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the whole upstream. */
  readonly closed: Closed;
}

/**
 * The way to one endpoint: its connections that are open.
 *
 * The one used last is taken first, so that no more stay open than the load needs, and the others reach their idle
 * timeout. One that has rested for longer than its endpoint is known to wait is never lent. How many are open at once
 * is bounded for all pools of the cluster together (`Connections`).
 */
export class Pool implements Connector, UpstreamOwner, IdleHolder, TimerOwner {
  /** HTTP connections: open or being opened, and opened ever. */
  openCount = 0;
  createdCount = 0;
  readonly host: SocketHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly closed: Closed;
  readonly idleLimit: IdleLimit;
  private readonly all = new Set<UpstreamConnection>();
  private readonly drainTimer = new Timer(this);
  /** In the order in which they came to rest. */
  private readonly idle: UpstreamConnection[] = [];
  isRetired = false;
  private readonly tunnels: Tunnels;

  constructor(
    private readonly context: PoolContext,
    readonly options: PoolOptions,
    private readonly connections: Connections = UNLIMITED,
  ) {
    connections.join(this);
    this.host = context.host;
    this.clock = context.clock;
    this.random = context.random;
    this.closed = context.closed;
    this.idleLimit = new IdleLimit(options.idleTimeoutMs);
    this.tunnels = new Tunnels(context.sockets, context.host, context.clock, options, connections);
  }

  get idleCount(): number {
    return this.idle.length;
  }

  get tunnelCount(): number {
    return this.tunnels.count;
  }

  acquire(handler: ResponseHandler, fresh: boolean, _version = '1.1', now = this.clock.now()): Upstream {
    const idle = fresh ? undefined : this.lend(now);
    if (idle === undefined) return this.open(handler);
    idle.take(handler);
    return idle;
  }

  /** A few at a time, so that whoever wants them all calls again. */
  fill(): void {
    const wanted = Math.min(this.options.warm, this.options.maxIdle) - this.openCount;
    for (let i = 0; i < Math.min(wanted, MAX_FILLED) && this.keeps && !this.connections.isFull; i++) this.open(NOBODY);
  }

  dial(handler: TunnelHandler): Tunnel {
    return this.tunnels.dial(handler);
  }

  retire(): void {
    this.isRetired = true;
    this.connections.leave(this);
    for (const connection of this.idle.splice(0)) connection.retire('retired');
    const { drainTimeoutMs } = this.options;
    const isBusy = this.openCount + this.tunnels.count > 0;
    if (drainTimeoutMs > 0 && isBusy) this.clock.arm(this.drainTimer, this.clock.now() + drainTimeoutMs);
  }

  onTimer(): void {
    for (const connection of [...this.all]) connection.drain();
    this.tunnels.drain();
  }

  get keeps(): boolean {
    return !this.isRetired && this.options.maxIdle > 0;
  }

  onIdle(connection: UpstreamConnection): void {
    this.idle.push(connection);
    if (this.idle.length > this.options.maxIdle) this.idle.shift()!.retire('surplus');
    this.connections.rested();
  }

  closeIdle(): void {
    this.idle.shift()!.retire('surplus');
  }

  onGone(connection: UpstreamConnection, wasIdle: boolean): void {
    this.openCount--;
    this.all.delete(connection);
    if (this.openCount + this.tunnels.count === 0) this.clock.disarm(this.drainTimer);
    const index = wasIdle ? this.idle.indexOf(connection) : -1;
    if (index >= 0) this.idle.splice(index, 1);
    this.connections.closed();
  }

  /** The one that was used last is the youngest: when it is too old, all of them are. */
  private lend(now: number): UpstreamConnection | undefined {
    this.idleLimit.look(now);
    let idle = this.idle.pop();
    while (idle !== undefined && !idle.isLendable(now)) {
      idle.retire('idle');
      idle = this.idle.pop();
    }
    return idle;
  }

  private open(handler: ResponseHandler): Upstream {
    if (!this.connections.tryOpen()) return NO_CONNECTION;
    const connection = new UpstreamConnection(this, handler);
    this.all.add(connection);
    this.openCount++;
    this.createdCount++;
    connection.begin(this.context.sockets.dial(this.options.host, this.options.port, connection));
    return connection;
  }
}
