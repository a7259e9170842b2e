import { Carry } from '../http1/carry.ts';
import { FRAME_SIZE_ERROR, PROTOCOL_ERROR } from './errors.ts';
import { DATA, FRAME_HEAD_BYTES, MAX_FRAME_BYTES, PADDED, readUint31 } from './frames.ts';

/** Who is told of frames. Bytes are lent for the call. */
export interface FrameSink {
  /** True once nothing more is to be read, whatever is still there. */
  readonly isOver: boolean;
  /** DATA begins; `length` is what counts against the windows, padding included. */
  onDataBegin(streamId: number, flags: number, length: number): void;
  /** Never empty, without padding. */
  onDataBytes(bytes: Buffer): void;
  onDataEnd(): void;
  /** Any other frame, whole: its payload lies in `bytes[start..end]`. */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  /** The bytes are no frames: an error of the connection. */
  onFrameError(code: number, reason: string): void;
}

/** Where the reader stands. */
type State = 'head' | 'payload' | 'pad_length' | 'data' | 'padding';

/**
 * Bytes to frames, wherever the reads happen to cut them. DATA is passed on as it comes, so a frame of it is never
 * kept; what is kept of another frame is at most that one frame.
 */
export class FrameReader {
  private state: State = 'head';
  private readonly carry = new Carry();
  private length = 0;
  private type = 0;
  private flags = 0;
  private streamId = 0;
  /** Of the payload, padding apart. */
  private left = 0;
  private padding = 0;

  constructor(private readonly sink: FrameSink) {}

  read(bytes: Buffer): void {
    if (this.carry.size === 0) {
      const used = this.readFrom(bytes);
      if (used < bytes.length && !this.sink.isOver) this.carry.append(bytes.subarray(used));
    } else {
      this.carry.append(bytes);
      this.carry.consume(this.readFrom(this.carry.view()));
    }
    if (this.sink.isOver) this.carry.clear();
  }

  /** A frame has begun and is not complete. */
  get isInside(): boolean {
    return this.state !== 'head' || this.carry.size > 0;
  }

  /** That frame is DATA. */
  get isInData(): boolean {
    return this.state !== 'head' && this.state !== 'payload';
  }

  /** Answers how much was used. */
  private readFrom(bytes: Buffer): number {
    let at = 0;
    while (!this.sink.isOver) {
      const next = this.step(bytes, at);
      if (next < 0) break;
      at = next;
    }
    return at;
  }

  /** Takes one step at `bytes[at]`; answers where the next begins, or -1 when there are not enough bytes. */
  private step(bytes: Buffer, at: number): number {
    switch (this.state) {
      case 'head':
        return bytes.length - at < FRAME_HEAD_BYTES ? -1 : this.readHead(bytes, at);
      case 'payload':
        return bytes.length - at < this.length ? -1 : this.readPayload(bytes, at);
      case 'pad_length':
        return at === bytes.length ? -1 : this.readPadLength(bytes, at);
      case 'data':
        return at === bytes.length ? -1 : this.readData(bytes, at);
      case 'padding':
        return at === bytes.length ? -1 : this.readPadding(bytes, at);
    }
  }

  private readHead(bytes: Buffer, at: number): number {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const streamId = readUint31(bytes, at + 5);
    if (length > MAX_FRAME_BYTES) {
      this.sink.onFrameError(FRAME_SIZE_ERROR, 'frame above the announced size');
      return at;
    }
    this.length = length;
    this.type = type;
    this.flags = flags;
    this.streamId = streamId;
    if (type === DATA) this.beginData();
    else this.state = 'payload';
    return at + FRAME_HEAD_BYTES;
  }

  private readPayload(bytes: Buffer, at: number): number {
    const end = at + this.length;
    this.state = 'head';
    this.sink.onFrame(this.type, this.flags, this.streamId, bytes, at, end);
    return end;
  }

  private beginData(): void {
    const { flags, length } = this;
    const isPadded = (flags & PADDED) !== 0;
    if (isPadded && length === 0) return this.sink.onFrameError(FRAME_SIZE_ERROR, 'padded frame without padding');
    this.left = length;
    this.padding = 0;
    this.sink.onDataBegin(this.streamId, flags, length);
    if (this.sink.isOver) return;
    if (isPadded) this.state = 'pad_length';
    else this.goOn();
  }

  private readPadLength(bytes: Buffer, at: number): number {
    this.padding = bytes[at]!;
    this.left = this.length - 1 - this.padding;
    if (this.left < 0) {
      this.sink.onFrameError(PROTOCOL_ERROR, 'more padding than payload');
      return at;
    }
    this.goOn();
    return at + 1;
  }

  private readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.left);
    this.left -= end - at;
    this.sink.onDataBytes(bytes.subarray(at, end));
    if (!this.sink.isOver) this.goOn();
    return end;
  }

  private readPadding(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.padding);
    this.padding -= end - at;
    this.goOn();
    return end;
  }

  private goOn(): void {
    if (this.left > 0) this.state = 'data';
    else if (this.padding > 0) this.state = 'padding';
    else {
      this.state = 'head';
      this.sink.onDataEnd();
    }
  }
}
