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
  count = 0;
  private readonly onGone = (): void => {
    this.count--;
    this.connections.closed();
  };

  constructor(
    private readonly sockets: Sockets,
    private readonly host: SocketHost,
    private readonly clock: Clock,
    private readonly options: TunnelOptions,
    private readonly connections: Connections = UNLIMITED,
  ) {}

  dial(handler: TunnelHandler): Tunnel {
    if (!this.connections.tryOpen()) return NO_TUNNEL;
    const { host, port, connectTimeoutMs } = this.options;
    const tunnel = new UpstreamTunnel(this.host, this.clock, handler, this.onGone);
    this.count++;
    tunnel.begin(this.sockets.dial(host, port, tunnel), connectTimeoutMs);
    return tunnel;
  }
}
