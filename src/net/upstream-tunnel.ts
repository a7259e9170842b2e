import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Hearer, Tunnel, TunnelHandler } from '../http/conduit.ts';
import type { DialHandler, SocketHost } from './sockets.ts';
import { type Meter, Splice, type SpliceOwner, type SpliceWitness } from './splice.ts';
import type { Transport } from './transport.ts';

/** The endpoint's end of a tunnel: opened here, then left paused until it is coupled with a client. */
export class UpstreamTunnel implements Tunnel, DialHandler, SpliceOwner, TimerOwner {
  private transport!: Transport;
  private splice: Splice | null = null;
  private hearer: Hearer | null = null;
  private isOpen = true;
  private readonly timer = new Timer(this);

  constructor(
    private readonly host: SocketHost,
    private readonly clock: Clock,
    private readonly handler: TunnelHandler,
    private readonly onGone: (tunnel: UpstreamTunnel) => void,
  ) {}

  /** Takes the transport that is being opened for it. `timeoutMs` 0: as long as the kernel tries. */
  begin(transport: Transport, timeoutMs: number): void {
    this.transport = transport;
    if (timeoutMs > 0) this.clock.arm(this.timer, this.clock.now() + timeoutMs);
  }

  couple(client: Transport, witness: SpliceWitness, meter: Meter, idleTimeoutMs: number): Splice {
    this.splice = new Splice(client, this.transport, this, witness, this.host, this.clock, meter, idleTimeoutMs);
    return this.splice;
  }

  abort(): void {
    this.leave();
    if (this.splice !== null) this.splice.abort();
    else this.transport.destroy(true);
  }

  cut(code: FailureCode): void {
    this.splice?.cut(code);
  }

  talk(words: Buffer | null, hearer: Hearer): void {
    this.hearer = hearer;
    if (words !== null) this.transport.write(words);
    this.transport.resume();
  }

  close(): void {
    this.leave();
    this.transport.destroy(false);
  }

  onTimer(): void {
    this.transport.destroy(true);
    this.leave();
    try {
      this.handler.onFailure('connect_timeout');
    } catch (error) {
      this.host.onBug(error);
    }
  }

  onConnect(): void {
    this.clock.disarm(this.timer);
    this.handler.onConnected();
  }

  onBytes(bytes: Buffer): void {
    if (this.hearer !== null) return this.hearer.onBytes(bytes);
    this.splice!.onEndpointBytes(bytes);
  }

  onEnd(): void {
    if (this.hearer !== null) return this.hearer.onEnd();
    this.splice!.onEndpointEnd();
  }

  onDrain(): void {
    // What is said without a splice is a few bytes, and nobody waits for them to be gone.
    this.splice?.onEndpointDrain();
  }

  onClose(code: FailureCode | null): void {
    this.leave();
    if (this.splice !== null) this.splice.onEndpointClose(code);
    else this.handler.onFailure(code ?? 'upstream_reset');
  }

  onFirstByteDown(): void {
    this.handler.onFirstByteDown();
  }

  onSpliceClose(bytesUp: number, bytesDown: number, firstByteDownAt: number, code: FailureCode | null): void {
    this.leave();
    this.handler.onClose(bytesUp, bytesDown, firstByteDownAt, code);
  }

  private leave(): void {
    this.clock.disarm(this.timer);
    if (!this.isOpen) return;
    this.isOpen = false;
    this.onGone(this);
  }
}
