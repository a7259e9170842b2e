import { MAX_31_BIT } from './frames.ts';
import type { Stream } from './stream.ts';

/**
 * Ids of streams that were reset here lately: what the peer had sent before it knew is no offence. A client that has
 * not read our SETTINGS yet may have many refused at once, and their bodies come after all the heads.
 */
const MAX_REMEMBERED_RESETS = 1_000;

/**
 * The streams of a session that are open, and what is known of the ids of others: one above the highest used is idle,
 * any other is closed (RFC 9113, 5.1.1). Only one side ever opens streams, since push is off.
 */
export class StreamTable {
  /** The highest id used. */
  lastId = 0;
  private readonly streams = new Map<number, Stream>();
  private readonly resets: number[] = [];
  private cursor = 0;

  get size(): number {
    return this.streams.size;
  }

  /** The ids are used up. */
  get isSpent(): boolean {
    return this.lastId >= MAX_31_BIT - 2;
  }

  get(id: number): Stream | undefined {
    return this.streams.get(id);
  }

  isIdle(id: number): boolean {
    return id > this.lastId || id % 2 === 0;
  }

  /** The client's side: the id of the next stream. */
  nextId(): number {
    return this.lastId === 0 ? 1 : this.lastId + 2;
  }

  open(id: number, stream: Stream, sendWindow: number): void {
    this.lastId = id;
    this.streams.set(id, stream);
    stream.begin(id, sendWindow);
  }

  remove(stream: Stream): void {
    this.streams.delete(stream.id);
  }

  noteReset(id: number): void {
    this.resets[this.cursor] = id;
    this.cursor = (this.cursor + 1) % MAX_REMEMBERED_RESETS;
  }

  wasReset(id: number): boolean {
    return this.resets.includes(id);
  }

  /** Those open now; they may be closed meanwhile. */
  all(): Stream[] {
    return [...this.streams.values()];
  }
}
