/**
 * The entries that both ends of a connection remember, newest first, within a number of bytes (RFC 7541, 2.3.2 and 4).
 *
 * Every entry has the number of its insertion, counted from 1 and never used again, so that who keeps a number can tell
 * whether the entry is still there (`number > evicted`) and where (`inserted - number`) without a search. The ring is
 * made at the first insertion and doubles; the 32 bytes that each entry counts for bound it by the capacity.
 */
export class DynamicTable<Entry extends { readonly size: number }> {
  inserted = 0;
  /** The number of the newest entry that is gone. */
  evicted = 0;
  private bytes = 0;
  private ring: (Entry | undefined)[] = [];

  constructor(public capacity: number) {}

  /** The entry of that number, if it is still there. */
  get(number: number): Entry | undefined {
    return number > this.evicted && number <= this.inserted ? this.ring[number & (this.ring.length - 1)] : undefined;
  }

  /** Makes room and takes the entry in; one that is larger than the whole table empties it (RFC 7541, 4.4). */
  insert(entry: Entry): void {
    this.evictTo(this.capacity - entry.size);
    if (entry.size > this.capacity) return;
    if (this.inserted - this.evicted === this.ring.length) this.grow();
    this.bytes += entry.size;
    this.ring[++this.inserted & (this.ring.length - 1)] = entry;
  }

  clear(): void {
    this.evictTo(0);
  }

  resize(capacity: number): void {
    this.capacity = capacity;
    this.evictTo(capacity);
  }

  private evictTo(bytes: number): void {
    while (this.bytes > bytes && this.evicted < this.inserted) {
      const at = ++this.evicted & (this.ring.length - 1);
      this.bytes -= this.ring[at]!.size;
      this.ring[at] = undefined;
    }
  }

  private grow(): void {
    const old = this.ring;
    const size = Math.max(FIRST_RING, old.length * 2);
    const ring = new Array<Entry | undefined>(size).fill(undefined);
    for (let n = this.evicted + 1; n <= this.inserted; n++) ring[n & (size - 1)] = old[n & (old.length - 1)];
    this.ring = ring;
  }
}

/** A power of two, as all ring sizes are. */
const FIRST_RING = 16;
