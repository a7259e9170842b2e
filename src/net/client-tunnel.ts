import type { FailureCode } from '../base/failure.ts';
import { invariant } from '../base/invariant.ts';
import type { Peer, Tunnel, TunnelAcceptor, TunnelClient, TunnelClientHandler } from '../http/conduit.ts';
import type { ClientConnectionOwner, KeptConnection } from './client-context.ts';
import type { Meter, Splice, SpliceWitness } from './splice.ts';
import type { Transport, TransportHandler } from './transport.ts';
import { UpstreamTunnel } from './upstream-tunnel.ts';

/**
 * The client's end of a tunnel. It stays paused until it is spliced, so what the client says first waits in the
 * kernel, and a client that leaves meanwhile is found out only then.
 */
export class ClientTunnel implements TunnelClient, TransportHandler, KeptConnection, SpliceWitness {
  private readonly handler: TunnelClientHandler;
  private splicing: Splice | null = null;
  private isGone = false;

  constructor(
    private readonly transport: Transport,
    readonly peer: Peer,
    acceptor: TunnelAcceptor,
    private readonly meter: Meter,
    private readonly owner: ClientConnectionOwner,
  ) {
    this.handler = acceptor.open(this);
  }

  splice(tunnel: Tunnel, idleTimeoutMs: number): void {
    invariant(tunnel instanceof UpstreamTunnel, 'a tunnel client is spliced with a tunnel of its own kind');
    this.splicing = tunnel.couple(this.transport, this, this.meter, idleTimeoutMs);
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
