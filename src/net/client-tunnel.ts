import type { FailureCode } from '../base/failure.ts';
import { invariant } from '../base/invariant.ts';
import type { Peer, Tunnel, TunnelAcceptor, TunnelClient, TunnelClientHandler } from '../http/conduit.ts';
import type { ClientConnectionOwner, KeptConnection } from './client-context.ts';
import type { Meter, Splice, SpliceWitness } from './splice.ts';
import type { Transport, TransportHandler } from './transport.ts';
import { UpstreamTunnel } from './upstream-tunnel.ts';

/** What a client had said when it was found to want a tunnel. */
export interface Said {
  readonly serverName: string | null;
  /** Memory of its own, bounded by who read it. */
  readonly bytes: Buffer;
  /** Its FIN came behind them. */
  readonly isEnded: boolean;
}

export const NOTHING_SAID: Said = { serverName: null, bytes: Buffer.alloc(0), isEnded: false };

/**
 * The client's end of a tunnel. It stays paused until it is spliced, so what the client says first waits in the
 * kernel, and a client that leaves meanwhile is found out only then. What was read of it already goes before all else.
 */
export class ClientTunnel implements TunnelClient, TransportHandler, KeptConnection, SpliceWitness {
  readonly serverName: string | null;
  private readonly handler: TunnelClientHandler;
  private splicing: Splice | null = null;
  private isGone = false;

  constructor(
    private readonly transport: Transport,
    readonly peer: Peer,
    acceptor: TunnelAcceptor,
    private readonly meter: Meter,
    private readonly owner: ClientConnectionOwner,
    private said: Said = NOTHING_SAID,
  ) {
    this.serverName = said.serverName;
    this.handler = acceptor.open(this);
  }

  splice(tunnel: Tunnel, idleTimeoutMs: number): void {
    invariant(tunnel instanceof UpstreamTunnel, 'a tunnel client is spliced with a tunnel of its own kind');
    const { bytes, isEnded } = this.said;
    this.said = NOTHING_SAID;
    this.splicing = tunnel.couple(this.transport, this, this.meter, idleTimeoutMs);
    // Coupling has resumed the client, but nothing of it is delivered inside this call.
    if (bytes.length > 0) this.splicing.onClientBytes(bytes);
    if (isEnded) this.splicing.onClientEnd();
  }

  refuse(): void {
    this.transport.destroy(true);
    this.leave();
  }

  /** Refused before anybody could keep it, or over since. */
  get isOver(): boolean {
    return this.isGone;
  }

  /** Nothing in a tunnel can be told to its client. */
  announceClose(): void {}

  drain(): void {}

  expire(): void {
    if (this.isGone) return;
    if (this.splicing !== null) return this.splicing.cut('draining');
    this.refuse();
    this.handler.onClientGone('draining');
  }

  onSpliceOver(): void {
    this.leave();
  }

  onBytes(bytes: Buffer): void {
    this.splicing!.onClientBytes(bytes);
  }

  onEnd(): void {
    this.splicing!.onClientEnd();
  }

  onDrain(): void {
    this.splicing!.onClientDrain();
  }

  onClose(code: FailureCode | null): void {
    if (this.splicing !== null) this.splicing.onClientClose(code);
    else {
      this.leave();
      this.handler.onClientGone('client_gone');
    }
  }

  private leave(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.owner.onClosed(this);
  }
}
