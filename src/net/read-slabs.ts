import { SHARED_READ_BYTES, Slab } from './slab.ts';

/** As much as a socket's receive buffer usually holds: one read, one write. */
const SLAB_BYTES = 262_144;

/** 8 MiB for bulk transfers; connections beyond that go through the shared slab and copies. */
const MAX_SLABS = 32;

/** A read that filled this much of its memory says that more is on its way. */
const BULK_BYTES = 65_536;

/** A read below this says that the rush is over. */
const QUIET_BYTES = 16_384;

/**
 * What a connection reads into. Small reads share one slab, since one thread reads one socket at a time. A connection
 * whose reads fill it leases a private slab, so that its bytes can be written on from where they lie.
 */
export class ReadSlabs {
  private readonly free: Slab[] = [];
  private made = 0;

  /** Chooses the memory of the next read after one of so many bytes. Null: the shared slab. */
  next(current: Slab | null, readBytes: number): Slab | null {
    if (current === null) return readBytes >= BULK_BYTES ? this.lease() : null;
    if (readBytes >= QUIET_BYTES && !current.isHeld) return current;
    this.giveBack(current);
    return readBytes >= QUIET_BYTES ? this.lease() : null;
  }

  /** The slab may still be held: then it waits here until it is not. */
  giveBack(slab: Slab): void {
    this.free.push(slab);
  }

  private lease(): Slab | null {
    for (let i = this.free.length - 1; i >= 0; i--) {
      const slab = this.free[i]!;
      if (slab.isHeld) continue;
      this.free.splice(i, 1);
      return slab;
    }
    if (this.made === MAX_SLABS) return null;
    this.made++;
    return Slab.ofSize(SLAB_BYTES);
  }
}

export function bytesOf(slab: Slab | null): Buffer {
  return slab === null ? SHARED_READ_BYTES : slab.bytes;
}
