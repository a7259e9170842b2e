import type { FailureCode } from '../base/failure.ts';
import { HIGH_WATER_BYTES } from './output.ts';
import type { SocketHost } from './sockets.ts';
import type { Transport, TransportHandler } from './transport.ts';

/** Told once when a transport is gone, whichever way. */
export interface ReleaseListener {
  onReleased(): void;
}

export const NO_RELEASE: ReleaseListener = { onReleased: () => undefined };

/**
 * What the implementations have in common: how an event reaches the handler. Every event is a turn of its own, nothing
 * comes after the end, and a handler that throws loses this connection and no other.
 */
export abstract class SocketTransport implements Transport {
  handler: TransportHandler = DEAF;
  protected isGone = false;
  /** A `write` was answered false, so `onDrain` is owed. */
  protected isFull = false;

  constructor(
    protected readonly host: SocketHost,
    /** What the loss of the open connection is called: whose end it is. */
    protected readonly lossCode: FailureCode,
    private readonly releaseListener: ReleaseListener,
  ) {}

  abstract readonly pendingBytes: number;
  abstract write(bytes: Buffer): boolean;
  abstract pause(): void;
  abstract resume(): void;
  abstract probe(): void;
  abstract end(): void;
  /** Closes the socket itself, once. */
  protected abstract closeSocket(reset: boolean): void;

  destroy(reset: boolean): void {
    if (this.isGone) return;
    this.leave();
    this.closeSocket(reset);
  }

  protected hasRoom(): boolean {
    if (this.pendingBytes < HIGH_WATER_BYTES) return true;
    this.isFull = true;
    return false;
  }

  protected deliverBytes(bytes: Buffer): void {
    if (this.isGone) return;
    const { output } = this.host;
    output.beginTurn();
    try {
      this.handler.onBytes(bytes);
    } catch (error) {
      this.fail(error);
    }
    output.endTurn();
  }

  protected deliverEnd(): void {
    if (this.isGone) return;
    const { output } = this.host;
    output.beginTurn();
    try {
      this.handler.onEnd();
    } catch (error) {
      this.fail(error);
    }
    output.endTurn();
  }

  protected deliverDrain(): void {
    if (this.isGone || !this.isFull) return;
    this.isFull = false;
    const { output } = this.host;
    output.beginTurn();
    try {
      this.handler.onDrain();
    } catch (error) {
      this.fail(error);
    }
    output.endTurn();
  }

  /** The last event. The socket is closed already, or is closed here. */
  protected deliverClose(code: FailureCode | null): void {
    if (this.isGone) return;
    this.leave();
    this.closeSocket(false);
    const { output } = this.host;
    output.beginTurn();
    try {
      this.handler.onClose(code);
    } catch (error) {
      this.host.onBug(error);
    }
    output.endTurn();
  }

  /** Runs inside the turn of the event whose handler threw. */
  protected fail(error: unknown): void {
    this.host.onBug(error);
    if (this.isGone) return;
    this.destroy(true);
    try {
      this.handler.onClose('internal_error');
    } catch (another) {
      this.host.onBug(another);
    }
  }

  private leave(): void {
    this.isGone = true;
    this.host.output.discardFor(this);
    this.releaseListener.onReleased();
  }
}

/** Before a handler is known there is nothing to hear: a transport begins paused. */
const DEAF: TransportHandler = {
  onBytes: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};
