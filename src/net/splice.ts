import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import { Reading } from './reading.ts';
import type { SocketHost } from './sockets.ts';
import type { Transport } from './transport.ts';

/** How often per idle timeout a splice looks whether anything moved: it may live a quarter longer than it should. */
const LOOKS_PER_TIMEOUT = 4;

/**
 * What a port's tunnels have carried, both ways, since the start: whether it still rises tells whether they are in use.
 */
export interface Meter {
  bytes: number;
}

export interface SpliceOwner {
  onFirstByteDown(): void;
  /** It is over: once, unless it was aborted. The rest is as in `TunnelHandler.onClose`. */
  onSpliceClose(bytesUp: number, bytesDown: number, firstByteDownAt: number, code: FailureCode | null): void;
}

/** The client's end, which has no part in the books. */
export interface SpliceWitness {
  /** It is over, whichever way: once. */
  onSpliceOver(): void;
}

/**
 * Two open transports made one: bytes, FIN and loss of each are passed to the other, so that the ends see the
 * connection they would have without us.
 *
 *     client --bytes, FIN--> endpoint        a direction that is full pauses the reading of its source
 *     client <--bytes, FIN-- endpoint        both FINs passed and written: an orderly close
 *     lost or idle: both are reset
 *
 * It ends once, by `SpliceOwner.onSpliceClose`, unless it is aborted, which nobody needs to be told. Bytes are written
 * from where they were read. Activity is a flag and not an instant, so no clock is read per chunk.
 */
export class Splice implements TimerOwner {
  private bytesUp = 0;
  private bytesDown = 0;
  private firstByteDownAt = 0;
  private isActive = true;
  private quietLooks = 0;
  private isClientClosed = false;
  private isEndpointClosed = false;
  private isOver = false;
  private readonly timer = new Timer(this);
  private readonly lookMs: number;
  private readonly clientReading: Reading;
  private readonly endpointReading: Reading;

  constructor(
    private readonly client: Transport,
    private readonly endpoint: Transport,
    private readonly owner: SpliceOwner,
    private readonly witness: SpliceWitness,
    private readonly host: SocketHost,
    private readonly clock: Clock,
    private readonly meter: Meter,
    /** 0: never. */
    idleTimeoutMs: number,
  ) {
    this.lookMs = idleTimeoutMs / LOOKS_PER_TIMEOUT;
    this.clientReading = new Reading(client, clock);
    this.endpointReading = new Reading(endpoint, clock);
    this.look();
    client.resume();
    endpoint.resume();
  }

  // --- From the client ---

  onClientBytes(bytes: Buffer): void {
    this.bytesUp += bytes.length;
    this.meter.bytes += bytes.length;
    this.isActive = true;
    if (!this.endpoint.write(bytes)) this.clientReading.pause();
  }

  onClientEnd(): void {
    this.isActive = true;
    this.endpoint.end();
  }

  onClientDrain(): void {
    this.isActive = true;
    this.endpointReading.resume();
  }

  onClientClose(code: FailureCode | null): void {
    this.isClientClosed = true;
    if (code !== null) this.cut(code);
    else if (this.isEndpointClosed) this.finish(null);
  }

  // --- From the endpoint ---

  onEndpointBytes(bytes: Buffer): void {
    if (this.bytesDown === 0) {
      this.firstByteDownAt = this.clock.now();
      this.owner.onFirstByteDown();
    }
    this.bytesDown += bytes.length;
    this.meter.bytes += bytes.length;
    this.isActive = true;
    if (!this.client.write(bytes)) this.endpointReading.pause();
  }

  onEndpointEnd(): void {
    this.isActive = true;
    this.client.end();
  }

  onEndpointDrain(): void {
    this.isActive = true;
    this.clientReading.resume();
  }

  onEndpointClose(code: FailureCode | null): void {
    this.isEndpointClosed = true;
    if (code !== null) this.cut(code);
    else if (this.isClientClosed) this.finish(null);
  }

  // --- The end ---

  /** Resets both ends. */
  cut(code: FailureCode): void {
    if (this.isOver) return;
    this.client.destroy(true);
    this.endpoint.destroy(true);
    this.finish(code);
  }

  /** Resets both ends and tells its owner nothing. */
  abort(): void {
    if (this.isOver) return;
    this.stop();
    this.client.destroy(true);
    this.endpoint.destroy(true);
  }

  onTimer(): void {
    this.quietLooks = this.isActive ? 0 : this.quietLooks + 1;
    this.isActive = false;
    if (this.quietLooks < LOOKS_PER_TIMEOUT) return this.look();
    try {
      this.cut('tunnel_idle');
    } catch (error) {
      this.host.onBug(error);
    }
  }

  private look(): void {
    if (this.lookMs > 0) this.clock.arm(this.timer, this.clock.now() + this.lookMs);
  }

  private finish(code: FailureCode | null): void {
    if (this.isOver) return;
    this.stop();
    this.owner.onSpliceClose(this.bytesUp, this.bytesDown, this.firstByteDownAt, code);
  }

  private stop(): void {
    this.isOver = true;
    this.clock.disarm(this.timer);
    this.clientReading.stop();
    this.endpointReading.stop();
    this.witness.onSpliceOver();
  }
}
