/**
 * Memory that is filled again and again. Whoever has a write pending on a part of it holds the slab meanwhile, and
 * whoever fills it looks first; see the law of lent bytes in `transport.ts`.
 *
 * Finding the slab of some bytes is a map look-up, paid only when the kernel did not take a write at once.
 */
export class Slab {
  private holds = 0;

  /** The memory belongs to this slab alone, whole: never to Node's own pool. */
  constructor(readonly bytes: Buffer) {
    SLABS.set(bytes.buffer, this);
  }

  static ofSize(size: number): Slab {
    return new Slab(Buffer.allocUnsafeSlow(size));
  }

  get isHeld(): boolean {
    return this.holds > 0;
  }

  /** How many pending writes point into it. */
  get holdCount(): number {
    return this.holds;
  }

  hold(): void {
    this.holds++;
  }

  release(): void {
    this.holds--;
  }
}

const SLABS = new WeakMap<ArrayBufferLike, Slab>();

/** The slab that some bytes lie in; null for memory that nobody fills again. */
export function slabOf(bytes: Buffer): Slab | null {
  return SLABS.get(bytes.buffer) ?? null;
}

/**
 * What sockets without a slab of their own read into: one for the process, since one thread reads one socket at a time.
 */
export const SHARED_READ_BYTES: Buffer = Buffer.allocUnsafeSlow(65_536);

const SHARED_READ_MEMORY = SHARED_READ_BYTES.buffer;

/** True for bytes that are gone at the next read of any socket: they are copied, never held. */
export function isVolatile(bytes: Buffer): boolean {
  return bytes.buffer === SHARED_READ_MEMORY;
}
