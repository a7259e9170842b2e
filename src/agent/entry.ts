import type { FailureCode } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { Client, Peer } from '../http/conduit.ts';
import type { ClientConnectionOwner, KeptConnection } from '../net/client-context.ts';
import { ClientTunnel } from '../net/client-tunnel.ts';
import { Listener, type ListenerOptions, type ListenerOwner } from '../net/listener.ts';
import { Sniffer, type SnifferContext, type SnifferOwner, type Spoken } from '../net/sniffer.ts';
import type { Transport, TransportHandler } from '../net/transport.ts';
import { Exchange } from '../proxy/exchange.ts';
import type { Direction } from '../proxy/labels.ts';
import { Dispatcher } from '../proxy/places/dispatcher.ts';
import type { Router } from '../proxy/plan.ts';
import { TunnelEntry } from '../proxy/tunnel.ts';
import type { Parts } from './parts.ts';
import type { PortProtocol } from './protocols.ts';

export interface EntryOptions extends Omit<ListenerOptions, 'maxConnections'> {
  readonly direction: Direction;
}

/** One port of the data path with the connections accepted on it. */
export class Entry implements ListenerOwner, ClientConnectionOwner, SnifferOwner {
  private readonly connections = new Set<KeptConnection>();
  private readonly name: string;
  private readonly behind: SnifferContext;
  private readonly tunnels: TunnelEntry;
  private readonly meter = { bytes: 0 };
  private listener!: Listener;
  private isLeaving = false;

  private constructor(
    private readonly parts: Parts,
    { name, direction }: EntryOptions,
    readonly protocol: PortProtocol,
    router: Router,
  ) {
    this.name = name;
    const { host, clock, limits, context, http2, shadows } = parts;
    // A local application is one place.
    const isPlain = direction === 'inbound';
    const acceptor = {
      open: (client: Client) =>
        isPlain ? new Exchange(context, router, client) : new Dispatcher(context, router, client, shadows),
    };
    const http = { host, acceptor, clock, limits, owner: this };
    this.tunnels = new TunnelEntry(context, router);
    const takesUnnamed = router.routeTunnel(null) !== null;
    const tunnels = protocol === 'auto' ? { acceptor: this.tunnels, meter: this.meter, takesUnnamed } : null;
    this.behind = { http, http2, isHttp2Only: protocol === 'http2', tunnels, owner: this };
  }

  /** Rejects with a `ListenError`. */
  static async open(parts: Parts, options: EntryOptions, protocol: PortProtocol, router: Router): Promise<Entry> {
    const entry = new Entry(parts, options, protocol, router);
    const { maxConnections } = parts.limits;
    entry.listener = await Listener.open(parts.sockets, parts.host, { ...options, maxConnections }, entry);
    return entry;
  }

  get listenerName(): string {
    return this.name;
  }

  get address(): string {
    return this.listener.address;
  }

  get port(): number {
    return this.listener.port;
  }

  /** What its tunnels have carried since the start. */
  get tunnelBytes(): number {
    return this.meter.bytes;
  }

  get openCount(): number {
    return this.listener.openCount;
  }

  get tunnelCount(): number {
    let count = 0;
    for (const connection of this.connections) if (connection instanceof ClientTunnel) count++;
    return count;
  }

  /** Says where it listens: the one place that knows a port the kernel gave. */
  announce(log: Log): void {
    log.info('listening', { listener: this.name, protocol: this.protocol, address: this.address, port: this.port });
  }

  /**
   * Goes on accepting and serving, but every answer says `Connection: close` from now on, and its connection ends after
   * it.
   */
  farewell(): void {
    this.isLeaving = true;
    for (const connection of this.connections) connection.announceClose();
  }

  /**
   * Accepts no more. Who is here has a request that runs or is on its way answered, and is told to close; an idle
   * connection is closed after a short grace, since a FIN sent at once would cross with a request.
   */
  drain(): void {
    this.isLeaving = true;
    this.listener.stop();
    for (const connection of this.connections) connection.drain();
  }

  /** The time is up: what still runs ends now, and is on record as `draining`. */
  expire(): void {
    for (const connection of [...this.connections]) connection.expire();
  }

  // --- From the listener ---

  onConnection(transport: Transport, peer: Peer): TransportHandler | null {
    if (this.parts.room.isExceeded || this.parts.guard.refusesConnection()) return null;
    if (this.protocol === 'tcp') return this.openTunnel(transport, peer);
    const connection = new Sniffer(transport, peer, this.behind);
    this.connections.add(connection);
    if (this.isLeaving) connection.announceClose();
    return connection;
  }

  private openTunnel(transport: Transport, peer: Peer): ClientTunnel {
    const tunnel = new ClientTunnel(transport, peer, this.tunnels, this.meter, this);
    if (!tunnel.isOver) this.connections.add(tunnel);
    return tunnel;
  }

  onRefused(code: FailureCode): void {
    this.parts.observer.onReject(this.name, code);
    this.parts.log.warn('connection_refused', { listener: this.name, reason: code });
  }

  onCount(change: 1 | -1): void {
    this.parts.room.count(change);
    this.parts.observer.onConnection(this.name, change);
  }

  // --- From its connections ---

  onDetected(sniffer: Sniffer, spoken: Spoken, next: KeptConnection | null): void {
    this.parts.observer.onDetected(this.name, spoken);
    this.connections.delete(sniffer);
    if (next !== null) this.connections.add(next);
  }

  onClosed(connection: KeptConnection): void {
    this.connections.delete(connection);
  }
}
