import type { Output } from './output.ts';
import type { Transport, TransportHandler } from './transport.ts';

/** What all connections of the process share. */
export interface SocketHost {
  readonly output: Output;
  /** A handler threw. Its connection is gone already; this counts and logs, and must not throw. */
  onBug(error: unknown): void;
}

export interface DialHandler extends TransportHandler {
  /** The connection is open: before anything else. Nothing is written earlier. */
  onConnect(): void;
}

/** Who takes a server socket's connections. */
export interface SocketAcceptor {
  /** A connection, paused, with the peer's address. Null: it is not wanted, and is reset. */
  onAccept(transport: Transport, address: string, port: number): TransportHandler | null;
  /** An accepted connection is gone for whatever reason: once each, also inside `destroy`. */
  onReleased(): void;
  /** The system refused a connection it had for us (`EMFILE` and the like); the server socket lives. */
  onAcceptError(errorName: string): void;
}

export interface ServerSocket {
  readonly address: string;
  readonly port: number;
  /** Accepts no more; connections accepted before live on. Harmless when repeated. */
  close(): void;
}

export type SocketKind = 'data' | 'handle';

/** A way to make transports. There are several, all alike from above; see `choose-sockets.ts`. */
export interface Sockets {
  readonly kind: SocketKind;
  /** `host` is an IP address. Failure is a later `onClose` with a code, as everything after. */
  dial(host: string, port: number, handler: DialHandler): Transport;
  /** Rejects with the system's error when the address cannot be bound. */
  listen(address: string, port: number, acceptor: SocketAcceptor): Promise<ServerSocket>;
}
