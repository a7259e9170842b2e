import type { Clock } from '../base/clock.ts';
import type { Tunnel, TunnelHandler } from '../http/conduit.ts';
import { NO_TUNNEL } from '../http/no-connection.ts';
import { type Connections, UNLIMITED } from './connection-limit.ts';
import type { SocketHost, Sockets } from './sockets.ts';
import { UpstreamTunnel } from './upstream-tunnel.ts';

/** A part of a pool's options. */
export interface TunnelOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
}

/** The tunnels to one endpoint: a connection each, never shared and never used again. */
export class Tunnels {
  private readonly open = new Set<UpstreamTunnel>();
  private readonly onGone = (tunnel: UpstreamTunnel): void => {
    this.open.delete(tunnel);
    this.connections.closed();
  };

  constructor(
    private readonly sockets: Sockets,
    private readonly host: SocketHost,
    private readonly clock: Clock,
    private readonly options: TunnelOptions,
    private readonly connections: Connections = UNLIMITED,
  ) {}

  get count(): number {
    return this.open.size;
  }

  /** Their endpoint is gone, and their time is up. Those that are being dialled have a time of their own. */
  drain(): void {
    for (const tunnel of [...this.open]) tunnel.cut('max_duration');
  }

  dial(handler: TunnelHandler): Tunnel {
    if (!this.connections.tryOpen()) return NO_TUNNEL;
    const { host, port, connectTimeoutMs } = this.options;
    const tunnel = new UpstreamTunnel(this.host, this.clock, handler, this.onGone);
    this.open.add(tunnel);
    tunnel.begin(this.sockets.dial(host, port, tunnel), connectTimeoutMs);
    return tunnel;
  }
}
