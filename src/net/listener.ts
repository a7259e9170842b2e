import type { FailureCode } from '../base/failure.ts';
import type { Peer } from '../http/conduit.ts';
import { errorName } from './socket-error.ts';
import type { ServerSocket, SocketAcceptor, SocketHost, Sockets } from './sockets.ts';
import type { Transport, TransportHandler } from './transport.ts';

export interface ListenerOptions {
  /** What it is called in problems, metrics and `Peer.listener`. */
  readonly name: string;
  readonly address: string;
  /** 0: one the kernel gives. */
  readonly port: number;
  /** Connections at a time; more are reset as they come. */
  readonly maxConnections: number;
}

export interface ListenerOwner {
  /**
   * A new connection, paused. What it answers hears of everything after; HTTP resumes at once, a tunnel when spliced.
   * Null: there is no room for it.
   */
  onConnection(transport: Transport, peer: Peer): TransportHandler | null;
  /** A connection was turned away: there are too many, or the system had it and could not give it. */
  onRefused(code: FailureCode): void;
  /** A connection of this listener opened (+1) or closed (-1). */
  onCount(change: 1 | -1): void;
}

/** The address cannot be bound: for the operator, who must choose another. */
export class ListenError extends Error {
  override readonly name = 'ListenError';

  constructor(
    readonly listener: string,
    readonly address: string,
    readonly port: number,
    /** The system's name of the problem, `EADDRINUSE` mostly. */
    readonly reason: string,
  ) {
    super(`listener ${listener}: cannot listen on ${placeOf(address, port)}: ${meaningOf(reason, port)}`);
  }
}

function placeOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === 0 ? `any port of ${host}` : `${host}:${port}`;
}

/** Who asked for any port is told of none, since there is no number to look for. */
function meaningOf(reason: string, port: number): string {
  return port === 0 && reason === 'EADDRINUSE' ? 'none is free' : (MEANINGS[reason] ?? reason);
}

const MEANINGS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'the address is not one of this machine',
  EACCES: 'not allowed to use this port',
};

/**
 * One bound port and the connections accepted on it.
 *
 * The number of connections is bounded by resetting those above it, and when descriptors run out the kernel's queue is
 * shed by libuv in the same way (it keeps one in reserve to accept and close, and tells nobody). Neither leaves the
 * port, so accepting goes on as connections end. A port cannot be left alone for a while without closing it, and that
 * would lose it.
 */
export class Listener implements SocketAcceptor {
  openCount = 0;
  private server!: ServerSocket;

  private constructor(
    private readonly options: ListenerOptions,
    private readonly owner: ListenerOwner,
    private readonly host: SocketHost,
  ) {}

  /** Rejects with a `ListenError`. */
  static async open(
    sockets: Sockets,
    host: SocketHost,
    options: ListenerOptions,
    owner: ListenerOwner,
  ): Promise<Listener> {
    const listener = new Listener(options, owner, host);
    try {
      listener.server = await sockets.listen(options.address, options.port, listener);
    } catch (error) {
      throw new ListenError(options.name, options.address, options.port, errorName(error));
    }
    return listener;
  }

  get name(): string {
    return this.options.name;
  }

  /** As bound. */
  get address(): string {
    return this.server.address;
  }

  /** As bound: never 0. */
  get port(): number {
    return this.server.port;
  }

  /** Accepts no more. Open connections live on. */
  stop(): void {
    this.server.close();
  }

  onAccept(transport: Transport, address: string, port: number): TransportHandler | null {
    this.openCount++;
    this.owner.onCount(1);
    const peer: Peer = { address, port, listener: this.options.name, scheme: 'http', identity: null };
    try {
      const isFull = this.openCount > this.options.maxConnections;
      const handler = isFull ? null : this.owner.onConnection(transport, peer);
      if (handler === null) this.owner.onRefused('too_many_connections');
      return handler;
    } catch (error) {
      this.host.onBug(error);
      return null;
    }
  }

  onReleased(): void {
    this.openCount--;
    this.owner.onCount(-1);
  }

  onAcceptError(): void {
    this.owner.onRefused('local_exhausted');
  }
}
