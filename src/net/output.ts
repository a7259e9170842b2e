import { isVolatile, Slab } from './slab.ts';
import type { Transport } from './transport.ts';

/** A transport with this much pending answers `false` until all of it is written. */
export const HIGH_WATER_BYTES = 65_536;

/** Room for a head and a whole read of the shared slab behind it. */
const SLAB_BYTES = 131_072;

/**
 * Above this a piece is written where it lies; below, copying it behind what is already there costs less than a write
 * of its own.
 */
const COPY_BYTES = 16_384;

/** Slabs that were held when they were needed, kept for later. */
const MAX_SPARES = 8;

/**
 * What connections put out, gathered so that everything of one turn leaves in one write: a head and the first bytes of
 * its body, or a chunk's size line and its bytes.
 *
 * There is one slab for all, and at any moment one transport whose bytes are gathered: putting out for another flushes
 * the first. Transports end a turn after every event they deliver, which flushes too; outside a turn (a timer, a start)
 * the next tick does. A transport flushes what is gathered for it before it writes or ends, so order never breaks.
 *
 * Writes that stay pending hold the slab, and gathering goes on behind the held part; what was taken at once is filled
 * again. A slab is left only when it is held and full, so slow peers pin little more than they have pending.
 */
export class Output {
  /** Encoders write at `bytes[end]` after `open`, and move `end`. */
  bytes: Buffer;
  end = 0;
  private start = 0;
  private slab = Slab.ofSize(SLAB_BYTES);
  private to: Transport | null = null;
  private readonly spares: Slab[] = [];
  private isInTurn = false;
  private isArmed = false;
  private readonly tick = (): void => {
    this.isArmed = false;
    this.flush();
  };

  constructor() {
    this.bytes = this.slab.bytes;
  }

  /** What follows at `bytes[end]` is for this transport, and there is room for so many bytes. */
  open(to: Transport, room: number): void {
    if (this.to !== to) {
      this.flush();
      this.to = to;
      if (!this.isInTurn) this.arm();
    }
    if (this.bytes.length - this.end < room) this.makeRoom(to, room);
  }

  /**
   * Puts out a piece of a body: copied behind what is gathered when that is cheaper, else written as it is. Answers
   * like `write`.
   */
  send(to: Transport, bytes: Buffer): boolean {
    if (bytes.length > COPY_BYTES && !isVolatile(bytes)) {
      this.flushFor(to);
      return to.write(bytes);
    }
    this.gather(to, bytes);
    return to.pendingBytes < HIGH_WATER_BYTES;
  }

  /** For transports: writes a copy of bytes that will not last. */
  writeCopy(to: Transport, bytes: Buffer): void {
    this.gather(to, bytes);
    this.flush();
  }

  flush(): void {
    const to = this.to;
    if (to === null) return;
    this.to = null;
    const { slab, start, end } = this;
    if (start === end) return;
    const holds = slab.holdCount;
    to.write(this.bytes.subarray(start, end));
    if (slab.holdCount > holds) this.start = end;
    else this.rewind();
  }

  /** For transports: whatever is gathered for this one goes first. */
  flushFor(to: Transport): void {
    if (this.to === to) this.flush();
  }

  /** For transports: what is gathered for this one has nowhere to go. */
  discardFor(to: Transport): void {
    if (this.to !== to) return;
    this.to = null;
    this.rewind();
  }

  beginTurn(): void {
    this.isInTurn = true;
  }

  endTurn(): void {
    this.isInTurn = false;
    if (this.to !== null) this.flush();
  }

  private gather(to: Transport, bytes: Buffer): void {
    this.open(to, bytes.length);
    this.bytes.set(bytes, this.end);
    this.end += bytes.length;
  }

  private rewind(): void {
    if (!this.slab.isHeld) this.start = 0;
    this.end = this.start;
  }

  private makeRoom(to: Transport, room: number): void {
    this.flush();
    this.to = to;
    if (!this.slab.isHeld) this.start = this.end = 0;
    if (this.bytes.length - this.end >= room) return;
    if (this.slab.bytes.length === SLAB_BYTES && this.spares.length < MAX_SPARES) this.spares.push(this.slab);
    this.slab = this.spareSlab(room);
    this.bytes = this.slab.bytes;
    this.start = this.end = 0;
  }

  private spareSlab(room: number): Slab {
    if (room > SLAB_BYTES) return Slab.ofSize(room);
    const index = this.spares.findIndex((slab) => !slab.isHeld);
    return index < 0 ? Slab.ofSize(SLAB_BYTES) : this.spares.splice(index, 1)[0]!;
  }

  private arm(): void {
    if (this.isArmed) return;
    this.isArmed = true;
    process.nextTick(this.tick);
  }
}
