import { FieldList, type Fields } from '../http/fields.ts';
import type { EncodeTarget } from '../http1/encode-text.ts';
import { encodeTrailers, trailersRoom } from './encode-head.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_HEAD_BYTES,
  HEADERS,
  MAX_31_BIT,
  MAX_FRAME_BYTES,
  putFrameHead,
} from './frames.ts';
import type { HpackEncoder } from './hpack-encoder.ts';
import { DEFAULT_WINDOW_BYTES } from './settings.ts';
import type { Stream } from './stream.ts';
import type { Wire } from './wire.ts';

export interface SenderOwner {
  /** The last frame of this stream's direction is on the wire. */
  onSent(stream: Stream): void;
  /** A frame of a body is on the wire. */
  onDataSent(): void;
  /** Call `takeOverfull` in an event of its own, soon. */
  onOverfull(): void;
}

/** Where the flags of a frame are. */
const FLAGS_AT = 4;

/**
 * Heads and bodies to frames, within the windows that the peer gives.
 *
 * What the windows or a slow connection do not let out is copied and kept with its stream: once, since the stream is
 * answered `false` and its giver stops. So each stream may have one piece here, as large as its giver's reads; one that
 * brings more all the same when all together have `maxUnsentBytes` is overfull, keeps nothing, and is ended for it.
 *
 * Streams that the connection holds up take turns, a frame each; one that only its own window holds up waits for that
 * alone.
 */
export class Sender {
  private window = DEFAULT_WINDOW_BYTES;
  private readonly waiting: Stream[] = [];
  /** The last frame that was put, as long as it can still be changed. */
  private lastStreamId = 0;
  private lastFrameAt = 0;
  private lastFlush = -1;
  private overfull: Stream[] = [];
  /** Of all streams. */
  unsentBytes = 0;

  constructor(
    private readonly wire: Wire,
    readonly encoder: HpackEncoder,
    private readonly maxUnsentBytes: number,
    private readonly owner: SenderOwner,
  ) {}

  /** Begins a header block of at most `room` bytes, which the caller encodes to what this answers. */
  beginBlock(room: number): EncodeTarget {
    const { wire } = this;
    wire.open(room + FRAME_HEAD_BYTES * (2 + Math.floor(room / MAX_FRAME_BYTES)));
    this.lastFrameAt = wire.end;
    wire.end += FRAME_HEAD_BYTES;
    return wire;
  }

  endBlock(streamId: number, flags: number): void {
    const { wire, lastFrameAt } = this;
    const length = wire.end - lastFrameAt - FRAME_HEAD_BYTES;
    if (length > MAX_FRAME_BYTES) this.splitBlock(streamId, flags, length);
    else this.putHeadAt(lastFrameAt, length, HEADERS, flags | END_HEADERS, streamId);
    this.note(streamId);
  }

  /** Takes a piece of a body in. False: full, until the stream's `onRoom`. */
  send(stream: Stream, bytes: Buffer): boolean {
    if (stream.isOverfull) return false;
    const sent = stream.unsent.size === 0 ? this.put(stream, bytes, 0, bytes.length) : 0;
    if (sent < bytes.length) {
      const isTooMuch = this.unsentBytes + bytes.length > this.maxUnsentBytes;
      if (isTooMuch && stream.unsent.size > 0) return this.overfill(stream);
      stream.unsent.append(sent === 0 ? bytes : bytes.subarray(sent));
      this.unsentBytes += bytes.length - sent;
    } else if (!this.wire.isFull) {
      return true;
    }
    stream.owesRoom = true;
    if (stream.unsent.size === 0 || stream.sendWindow > 0) this.wait(stream);
    return false;
  }

  /** The direction is complete. Trailers are lent. */
  end(stream: Stream, trailers: Fields | null): void {
    stream.owesRoom = false;
    if (stream.unsent.size === 0 && !stream.isOverfull) return this.putEnd(stream, trailers);
    stream.isEnding = true;
    if (trailers !== null) stream.trailers = FieldList.copyOf(trailers);
  }

  /** The stream is gone, with what it had unsent. */
  forget(stream: Stream): void {
    this.unsentBytes -= stream.unsent.size;
    if (stream.isWaiting) this.waiting.splice(this.waiting.indexOf(stream), 1);
  }

  /** Streams to be reset because what they had to send was too much. */
  takeOverfull(): Stream[] {
    const { overfull } = this;
    this.overfull = [];
    return overfull;
  }

  private overfill(stream: Stream): false {
    this.forget(stream);
    stream.unsent.clear();
    stream.isWaiting = false;
    stream.owesRoom = false;
    stream.isOverfull = true;
    this.overfull.push(stream);
    if (this.overfull.length === 1) this.owner.onOverfull();
    return false;
  }

  // --- Room ---

  /** False: the window is larger than it may be. */
  widen(increment: number): boolean {
    this.window += increment;
    return this.window <= MAX_31_BIT;
  }

  /** The stream's own window is wider now. False: wider than it may be. */
  widenStream(stream: Stream, increment: number): boolean {
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_31_BIT) return false;
    if (stream.unsent.size > 0 && stream.sendWindow > 0) this.wait(stream);
    return true;
  }

  /** Sends what can be sent now, each stream in its turn. */
  pump(): void {
    while (this.waiting.length > 0 && !this.wire.isFull) {
      const stream = this.waiting[0]!;
      if (stream.unsent.size > 0 && this.window <= 0) return;
      this.waiting.shift();
      stream.isWaiting = false;
      this.pumpOne(stream);
    }
  }

  private pumpOne(stream: Stream): void {
    const { unsent } = stream;
    if (unsent.size > 0) {
      const sent = this.put(stream, unsent.view(), 0, Math.min(unsent.size, MAX_FRAME_BYTES));
      unsent.consume(sent);
      this.unsentBytes -= sent;
      if (unsent.size > 0) {
        if (stream.sendWindow > 0) this.wait(stream);
        return;
      }
    }
    if (stream.isEnding) {
      const { trailers } = stream;
      stream.isEnding = false;
      stream.trailers = null;
      this.putEnd(stream, trailers);
    } else if (stream.owesRoom) {
      stream.owesRoom = false;
      stream.onRoom();
    }
  }

  private wait(stream: Stream): void {
    if (stream.isWaiting) return;
    stream.isWaiting = true;
    this.waiting.push(stream);
  }

  // --- Frames ---

  /** Puts as much of `bytes[at..end]` as may go now; answers how much. */
  private put(stream: Stream, bytes: Buffer, from: number, to: number): number {
    const { wire } = this;
    let at = from;
    while (at < to && !wire.isFull) {
      const size = Math.min(to - at, MAX_FRAME_BYTES, this.window, stream.sendWindow);
      if (size <= 0) break;
      wire.open(FRAME_HEAD_BYTES + size);
      this.lastFrameAt = wire.end;
      putFrameHead(wire, size, DATA, 0, stream.id);
      bytes.copy(wire.bytes, wire.end, at, at + size);
      wire.end += size;
      this.note(stream.id);
      this.window -= size;
      stream.sendWindow -= size;
      at += size;
      this.owner.onDataSent();
    }
    return at - from;
  }

  /** A flag on the last frame where that is still here; a frame of its own costs the peer as much as one with bytes. */
  private putEnd(stream: Stream, trailers: Fields | null): void {
    const { wire } = this;
    if (trailers !== null) {
      encodeTrailers(this.beginBlock(trailersRoom(trailers)), this.encoder, trailers);
      this.endBlock(stream.id, END_STREAM);
    } else if (this.lastStreamId === stream.id && this.lastFlush === wire.flushes) {
      wire.bytes[this.lastFrameAt + FLAGS_AT]! |= END_STREAM;
    } else {
      wire.open(FRAME_HEAD_BYTES);
      putFrameHead(wire, 0, DATA, END_STREAM, stream.id);
    }
    this.lastStreamId = 0;
    this.owner.onSent(stream);
  }

  private note(streamId: number): void {
    this.lastStreamId = streamId;
    this.lastFlush = this.wire.flushes;
  }

  private putHeadAt(at: number, length: number, type: number, flags: number, streamId: number): void {
    const { wire } = this;
    const { end } = wire;
    wire.end = at;
    putFrameHead(wire, length, type, flags, streamId);
    wire.end = end;
  }

  /** Makes room for the heads of the frames in between, from the last to the first. */
  private splitBlock(streamId: number, flags: number, length: number): void {
    const { wire, lastFrameAt } = this;
    const start = lastFrameAt + FRAME_HEAD_BYTES;
    const more = Math.ceil(length / MAX_FRAME_BYTES) - 1;
    for (let i = more; i > 0; i--) {
      const from = start + i * MAX_FRAME_BYTES;
      const size = i === more ? length - i * MAX_FRAME_BYTES : MAX_FRAME_BYTES;
      wire.bytes.copyWithin(from + i * FRAME_HEAD_BYTES, from, from + size);
      const at = from + (i - 1) * FRAME_HEAD_BYTES;
      this.putHeadAt(at, size, CONTINUATION, i === more ? END_HEADERS : 0, streamId);
    }
    this.putHeadAt(lastFrameAt, MAX_FRAME_BYTES, HEADERS, flags, streamId);
    wire.end += more * FRAME_HEAD_BYTES;
  }
}
