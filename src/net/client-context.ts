import type { Clock } from '../base/clock.ts';
import type { Acceptor } from '../http/conduit.ts';
import type { HeadLimits } from '../http1/head-scanner.ts';
import type { SocketHost } from './sockets.ts';

/** A part of `HttpConfig`. */
export interface ClientLimits extends HeadLimits {
  readonly headTimeoutMs: number;
  readonly clientIdleMs: number;
}

/** A connection as its listener keeps it. */
export interface KeptConnection {
  /** The next answer says `Connection: close`, and the connection ends after it. Until then nothing changes. */
  announceClose(): void;
  /** The same, and a connection that is idle, now or later, ends when no request comes within a short grace. */
  drain(): void;
  /**
   * The time is up: a request that runs ends with `draining`, answered so if it has had no answer yet. So does a
   * tunnel.
   */
  expire(): void;
}

export interface ClientConnectionOwner {
  /** The connection is gone: once, whichever way. */
  onClosed(connection: KeptConnection): void;
}

/** What the connections of a listener have in common. */
export interface ClientContext {
  readonly host: SocketHost;
  readonly acceptor: Acceptor;
  readonly clock: Clock;
  readonly limits: ClientLimits;
  readonly owner: ClientConnectionOwner;
}
