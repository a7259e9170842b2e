import type { Hash64 } from '../../cluster/hash.ts';

const FIRST_CAPACITY = 64;
const NONE = -1;

/**
 * A number for each key, from 0 on, for at most so many keys: whose bucket is wanted when all are given away gets that
 * of the key that was not seen for longest.
 *
 * Keys are known by their 64-bit hash alone, in a chained table over typed arrays: clients choose their keys, so none
 * is kept that could be long, and looking one up allocates nothing. Two keys in one place would share a number; with a
 * seed that nobody knows and 2^64 places nobody can make that happen.
 */
export class KeySlots {
  /** What `find` gave last belonged to nobody, or to another key. */
  isNew = false;
  /** It belonged to another. */
  isTaken = false;
  private heads!: Int32Array;
  private next!: Int32Array;
  private high!: Int32Array;
  private low!: Int32Array;
  private older!: Int32Array;
  private newer!: Int32Array;
  private used = 0;
  private newest = NONE;
  private oldest = NONE;

  constructor(private readonly max: number) {
    this.reserve(Math.min(max, FIRST_CAPACITY));
  }

  /** Slots that may be given out before it grows. */
  get capacity(): number {
    return this.next.length;
  }

  get size(): number {
    return this.used;
  }

  find(key: Hash64): number {
    const high = key.hashHigh | 0;
    const low = key.hashLow | 0;
    let slot = this.heads[this.placeOf(low)]!;
    while (slot !== NONE && (this.low[slot] !== low || this.high[slot] !== high)) slot = this.next[slot]!;
    this.isNew = slot === NONE;
    this.isTaken = false;
    if (slot === NONE) return this.claim(high, low);
    if (slot !== this.newest) {
      this.leaveOrder(slot);
      this.enterOrder(slot);
    }
    return slot;
  }

  private claim(high: number, low: number): number {
    this.isTaken = this.used === this.max;
    if (!this.isTaken && this.used === this.capacity) this.reserve(Math.min(this.max, 2 * this.used));
    const slot = this.isTaken ? this.oldest : this.used++;
    if (this.isTaken) {
      this.leaveOrder(slot);
      this.leaveChain(slot);
    }
    this.high[slot] = high;
    this.low[slot] = low;
    this.enterChain(slot);
    this.enterOrder(slot);
    return slot;
  }

  private reserve(capacity: number): void {
    const grown = (before: Int32Array | undefined): Int32Array => {
      const after = new Int32Array(capacity);
      if (before !== undefined) after.set(before);
      return after;
    };
    this.next = grown(this.next);
    this.high = grown(this.high);
    this.low = grown(this.low);
    this.older = grown(this.older);
    this.newer = grown(this.newer);
    this.heads = new Int32Array(2 ** Math.ceil(Math.log2(capacity))).fill(NONE);
    for (let slot = 0; slot < this.used; slot++) this.enterChain(slot);
  }

  private placeOf(low: number): number {
    return low & (this.heads.length - 1);
  }

  private enterChain(slot: number): void {
    const place = this.placeOf(this.low[slot]!);
    this.next[slot] = this.heads[place]!;
    this.heads[place] = slot;
  }

  private leaveChain(slot: number): void {
    const place = this.placeOf(this.low[slot]!);
    if (this.heads[place] === slot) {
      this.heads[place] = this.next[slot]!;
      return;
    }
    let before = this.heads[place]!;
    while (this.next[before] !== slot) before = this.next[before]!;
    this.next[before] = this.next[slot]!;
  }

  private enterOrder(slot: number): void {
    this.older[slot] = this.newest;
    this.newer[slot] = NONE;
    if (this.newest === NONE) this.oldest = slot;
    else this.newer[this.newest] = slot;
    this.newest = slot;
  }

  private leaveOrder(slot: number): void {
    const [older, newer] = [this.older[slot]!, this.newer[slot]!];
    if (older === NONE) this.oldest = newer;
    else this.newer[older] = newer;
    if (newer === NONE) this.newest = older;
    else this.older[newer] = older;
  }
}
