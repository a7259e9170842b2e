/** So many may be of any size: most bodies are one or two reads. */
const FEW = 8;
/** What is as large as this pays for an object of its own. */
const LARGE_BYTES = 1_024;
const SLAB_BYTES = 8_192;
const EMPTY = Buffer.alloc(0);

/**
 * Bytes that were lent, copied piece by piece, in order. Small pieces share a slab from the ninth on: who sends its body
 * byte by byte would else make an object of a hundred bytes of each, which no limit on bytes knows of.
 */
export class Pieces {
  /** Of all of them. */
  size = 0;
  private readonly list: Buffer[] = [];
  /** What the last piece lies in, as long as there may be room in it. */
  private slab = EMPTY;
  private slabUsed = 0;

  /** How many there are. */
  get count(): number {
    return this.list.length;
  }

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.size += piece.length;
    if (this.list.length < FEW || piece.length >= LARGE_BYTES) {
      this.list.push(Buffer.from(piece));
      this.slab = EMPTY;
      this.slabUsed = 0;
    } else this.share(piece);
  }

  clear(): void {
    if (this.list.length > 0) this.list.length = 0;
    this.size = 0;
    this.slab = EMPTY;
    this.slabUsed = 0;
  }

  /** In order; answers false when the receiver is full. */
  sendTo(receiver: { sendBody(bytes: Buffer): boolean }): boolean {
    let hasRoom = true;
    for (const piece of this.list) hasRoom = receiver.sendBody(piece);
    return hasRoom;
  }

  /** In memory of their own, which nothing else shares. */
  join(): Buffer {
    const whole = Buffer.allocUnsafeSlow(this.size);
    let at = 0;
    for (const piece of this.list) at += piece.copy(whole, at);
    return whole;
  }

  private share(piece: Buffer): void {
    if (this.slab.length - this.slabUsed < piece.length) {
      this.slab = Buffer.allocUnsafe(SLAB_BYTES);
      this.slabUsed = 0;
      this.list.push(EMPTY);
    }
    this.slabUsed += piece.copy(this.slab, this.slabUsed);
    this.list[this.list.length - 1] = this.slab.subarray(0, this.slabUsed);
  }
}
