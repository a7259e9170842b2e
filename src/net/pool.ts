import type { Clock } from '../base/clock.ts';
import type { Connector, ResponseHandler, Tunnel, TunnelHandler, Upstream } from '../http/conduit.ts';
import { NO_CONNECTION } from '../http/no-connection.ts';
import { type Connections, type IdleHolder, UNLIMITED } from './connection-limit.ts';
import type { SocketHost, Sockets } from './sockets.ts';
import { Tunnels } from './tunnels.ts';
import { UpstreamConnection, type UpstreamOptions, type UpstreamOwner } from './upstream-connection.ts';

export interface PoolOptions extends UpstreamOptions {
  /** An IP address and a port. */
  readonly host: string;
  readonly port: number;
  /** Connections that wait for a request at a time; the one that has waited longest goes when there is one more. */
  readonly maxIdle: number;
}

/** As many as one endpoint is given at once on a bad day, and few enough that a thousand endpoints are no burden. */
export const DEFAULT_MAX_IDLE = 64;

export interface PoolContext {
  readonly sockets: Sockets;
  readonly host: SocketHost;
  readonly clock: Clock;
}

/**
 * The way to one endpoint: its connections that are open.
 *
 * The one used last is taken first, so that no more stay open than the load needs, and the others reach their idle
 * timeout. How many are open at once is bounded for all pools of the cluster together (`Connections`).
 */
export class Pool implements Connector, UpstreamOwner, IdleHolder {
  /** HTTP connections: open or being opened, and opened ever. */
  openCount = 0;
  createdCount = 0;
  readonly host: SocketHost;
  readonly clock: Clock;
  /** In the order in which they came to rest. */
  private readonly idle: UpstreamConnection[] = [];
  private isRetired = false;
  private readonly tunnels: Tunnels;

  constructor(
    private readonly context: PoolContext,
    readonly options: PoolOptions,
    private readonly connections: Connections = UNLIMITED,
  ) {
    connections.join(this);
    this.host = context.host;
    this.clock = context.clock;
    this.tunnels = new Tunnels(context.sockets, context.host, context.clock, options, connections);
  }

  get idleCount(): number {
    return this.idle.length;
  }

  get tunnelCount(): number {
    return this.tunnels.count;
  }

  acquire(handler: ResponseHandler, fresh: boolean): Upstream {
    const idle = fresh ? undefined : this.idle.pop();
    if (idle === undefined) return this.open(handler);
    idle.take(handler);
    return idle;
  }

  dial(handler: TunnelHandler): Tunnel {
    return this.tunnels.dial(handler);
  }

  retire(): void {
    this.isRetired = true;
    this.connections.leave(this);
    for (const connection of this.idle.splice(0)) connection.retire();
  }

  get keeps(): boolean {
    return !this.isRetired && this.options.maxIdle > 0;
  }

  onIdle(connection: UpstreamConnection): void {
    this.idle.push(connection);
    if (this.idle.length > this.options.maxIdle) this.idle.shift()!.retire();
    this.connections.rested();
  }

  closeIdle(): void {
    this.idle.shift()!.retire();
  }

  onGone(connection: UpstreamConnection, wasIdle: boolean): void {
    this.openCount--;
    const index = wasIdle ? this.idle.indexOf(connection) : -1;
    if (index >= 0) this.idle.splice(index, 1);
    this.connections.closed();
  }

  private open(handler: ResponseHandler): Upstream {
    if (!this.connections.tryOpen()) return NO_CONNECTION;
    const connection = new UpstreamConnection(this, handler);
    this.openCount++;
    this.createdCount++;
    connection.begin(this.context.sockets.dial(this.options.host, this.options.port, connection));
    return connection;
  }
}
