import type { Wire } from '../http2/wire.ts';
import { Slab } from './slab.ts';
import type { Transport } from './transport.ts';

/** What a turn begins with: enough for some small messages, so that many sessions at once take little. */
const SMALL_BYTES = 4_096;
const MAX_SMALL = 256;

/** What it goes on with: four frames of DATA at their largest. */
const LARGE_BYTES = 65_536;
const MAX_LARGE = 16;

/**
 * The wires of a process. All that is put on them in one turn of the event loop, by whatever sockets were read in it,
 * leaves when the turn ends: so a session that serves many connections writes once for all of them.
 */
export class Wires {
  private dirty: SessionWire[] = [];
  private readonly small: Slab[] = [];
  private readonly large: Slab[] = [];
  private readonly run = (): void => this.flush();

  schedule(wire: SessionWire): void {
    if (this.dirty.length === 0) setImmediate(this.run);
    this.dirty.push(wire);
  }

  /** A slab that nobody holds. `isMore`: a small one was not enough. */
  lease(room: number, isMore: boolean): Slab {
    if (room <= SMALL_BYTES && !isMore) return this.small.pop() ?? Slab.ofSize(SMALL_BYTES);
    if (room <= LARGE_BYTES) return this.large.pop() ?? Slab.ofSize(LARGE_BYTES);
    return Slab.ofSize(room);
  }

  giveBack(slab: Slab): void {
    const { length } = slab.bytes;
    if (length === SMALL_BYTES && this.small.length < MAX_SMALL) this.small.push(slab);
    else if (length === LARGE_BYTES && this.large.length < MAX_LARGE) this.large.push(slab);
  }

  private flush(): void {
    const { dirty } = this;
    this.dirty = [];
    for (const wire of dirty) wire.turnEnded();
  }
}

const NOTHING = Buffer.alloc(0);

/**
 * A session's frames on their way to its transport. An idle one holds no memory: it leases a slab for a turn, and keeps
 * it longer only while a write of it is pending, filling up behind what is held.
 */
export class SessionWire implements Wire {
  bytes: Buffer = NOTHING;
  end = 0;
  flushes = 0;
  isFull = false;
  private start = 0;
  private slab: Slab | null = null;
  private isScheduled = false;

  constructor(
    private readonly transport: Transport,
    private readonly wires: Wires,
  ) {}

  open(room: number): void {
    if (this.bytes.length - this.end < room) this.makeRoom(room);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.wires.schedule(this);
  }

  /** What is here leaves now. */
  flush(): void {
    const { start, end } = this;
    if (start === end) return;
    this.flushes++;
    this.start = end;
    if (!this.transport.write(this.bytes.subarray(start, end))) this.isFull = true;
    if (this.slab?.isHeld === false) this.start = this.end = 0;
  }

  /** The transport has taken everything: from its `onDrain`. */
  drained(): void {
    this.isFull = false;
    if (this.start === this.end) this.giveBack();
  }

  /** From `Wires`. */
  turnEnded(): void {
    this.isScheduled = false;
    this.flush();
    if (this.end === 0) this.giveBack();
  }

  private makeRoom(room: number): void {
    this.flush();
    if (this.slab?.isHeld === false) this.start = this.end = 0;
    if (this.bytes.length - this.end >= room) return;
    const isMore = this.slab !== null;
    this.giveBack();
    this.slab = this.wires.lease(room, isMore);
    this.bytes = this.slab.bytes;
    this.start = this.end = 0;
  }

  /** A slab that is still held is left to its write. */
  private giveBack(): void {
    const { slab } = this;
    if (slab === null) return;
    this.slab = null;
    this.bytes = NOTHING;
    this.start = this.end = 0;
    if (!slab.isHeld) this.wires.giveBack(slab);
  }
}
