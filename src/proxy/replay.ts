import { Pieces } from './pieces.ts';

/**
 * The part of a request's body that may have to be sent again: always a prefix, kept whole or not at all.
 *
 * Pieces are copied, because their bytes are only lent. What came while no endpoint was ready to take it is kept
 * whatever its size (the client is paused then, so that is one read at most); what has been sent is kept up to the limit.
 */
export class Replay {
  private readonly pieces = new Pieces();
  private dropped = false;

  /** Everything the client has sent of the body is here. */
  get isWhole(): boolean {
    return !this.dropped;
  }

  get size(): number {
    return this.pieces.size;
  }

  reset(): void {
    this.pieces.clear();
    this.dropped = false;
  }

  /** Keeps a piece that is also being sent, if all of the body so far still fits. */
  keep(piece: Buffer, limit: number): void {
    if (this.dropped) return;
    if (this.pieces.size + piece.length > limit) this.drop();
    else this.hold(piece);
  }

  /** Keeps a piece that has not been sent to anyone. */
  hold(piece: Buffer): void {
    this.pieces.add(piece);
  }

  /** Gives up on sending the body again. */
  drop(): void {
    this.reset();
    this.dropped = true;
  }

  /** Sends what is kept, in order; answers false when the receiver is full. */
  sendTo(receiver: { sendBody(bytes: Buffer): boolean }): boolean {
    return this.pieces.sendTo(receiver);
  }
}
