import type { Connector, ResponseHandler, Tunnel, TunnelHandler, Upstream } from '../http/conduit.ts';
import type { IdleLimit } from './idle-limit.ts';

/** A connector that says how many connections it has. */
export interface CountedConnector extends Connector {
  readonly openCount: number;
  readonly idleCount: number;
  /** How long a connection may rest, and who says so. */
  readonly idleLimit: IdleLimit;
  /** Opens connections ahead of requests, as many as there should be. */
  fill(): void;
}

/**
 * The way to an endpoint that takes what it is spoken to: HTTP/2 for clients that speak it, HTTP/1.1 for all others. So
 * nothing is translated, and an endpoint of one kind that its clients know how to speak to needs no word on it.
 */
export class AutoConnector<First extends CountedConnector, Second extends CountedConnector>
  implements CountedConnector
{
  constructor(
    readonly http1: First,
    readonly http2: Second,
  ) {}

  get openCount(): number {
    return this.http1.openCount + this.http2.openCount;
  }

  get idleCount(): number {
    return this.http1.idleCount + this.http2.idleCount;
  }

  get idleLimit(): IdleLimit {
    return this.http1.idleLimit;
  }

  acquire(handler: ResponseHandler, fresh: boolean, version: string, now: number): Upstream {
    return (version === '2' ? this.http2 : this.http1).acquire(handler, fresh, version, now);
  }

  /** Nobody knows what the next client speaks. */
  fill(): void {}

  dial(handler: TunnelHandler): Tunnel {
    return this.http1.dial(handler);
  }

  retire(): void {
    this.http1.retire();
    this.http2.retire();
  }
}
