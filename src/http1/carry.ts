const FIRST_ROOM = 2048;
const NO_BYTES = Buffer.alloc(0);

/**
 * Bytes that came in and could not be used yet: a part of a head, or requests sent ahead. They are copies, so what was
 * lent may go.
 *
 * A byte that has been written here is never written over: room is only ever added behind, in new memory when it runs
 * out, so parts of it can be lent on like bytes from a socket. An empty carry holds no memory. Its owner bounds it.
 */
export class Carry {
  private bytes: Buffer = NO_BYTES;
  private start = 0;
  private end = 0;

  get size(): number {
    return this.end - this.start;
  }

  /** All of it, in one piece. */
  view(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  append(more: Buffer): void {
    if (this.bytes.length - this.end < more.length) this.move(this.size + more.length);
    this.bytes.set(more, this.end);
    this.end += more.length;
  }

  /** The first `count` bytes have been used. */
  consume(count: number): void {
    this.start += count;
    if (this.start === this.end) this.clear();
  }

  clear(): void {
    this.bytes = NO_BYTES;
    this.start = 0;
    this.end = 0;
  }

  private move(needed: number): void {
    let room = FIRST_ROOM;
    while (room < needed) room *= 2;
    const bytes = Buffer.allocUnsafeSlow(room);
    this.bytes.copy(bytes, 0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    this.bytes = bytes;
  }
}
