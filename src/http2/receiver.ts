import { FieldList, type Fields } from '../http/fields.ts';
import type { ControlWriter } from './control-writer.ts';
import { FLOW_CONTROL_ERROR, PROTOCOL_ERROR, STREAM_CLOSED } from './errors.ts';
import { END_STREAM } from './frames.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { type Stream, UNKNOWN_LENGTH } from './stream.ts';

/** What was held comes in pieces like those of a socket, since whoever takes one may have to keep it. */
const PIECE_BYTES = 65_536;

export interface ReceiverOwner {
  /** Nothing is said to the peer any more. */
  readonly isOver: boolean;
  /** A frame for a stream that is not open. */
  expectClosed(id: number): void;
  /** The peer broke a rule on a stream: that is closed now. */
  violate(stream: Stream, code: number): void;
  /** The peer broke a rule on the connection. */
  fail(code: number, reason: string): void;
  /** Call `deliverHeld` in an event of its own, soon. */
  onResumed(): void;
  /** The peer's direction is complete and its reader knows. */
  onDelivered(stream: Stream): void;
}

/**
 * Bodies on their way to their readers, and the credit that the peer gets for them.
 *
 * A stream's credit follows its reader: what is held for a slow one gives none. The connection's credit follows what
 * comes in, so that one slow reader does not stop the others; only when all streams together hold more than
 * `maxHeldBytes`, it waits for them too. So what a connection can hold is that much and one window.
 */
export class Receiver {
  private heldBytes = 0;
  private owedBytes = 0;
  private resumed: Stream[] = [];
  // The frame that is coming in; no stream when nobody wants it.
  private current: Stream | null = null;
  private isLast = false;
  private left = 0;

  constructor(
    private readonly control: ControlWriter,
    private readonly window: ReceiveWindow,
    private readonly maxHeldBytes: number,
    private readonly owner: ReceiverOwner,
  ) {}

  // --- DATA ---

  /** A frame of DATA begins, of so many bytes with its padding. */
  begin(stream: Stream | undefined, id: number, flags: number, length: number): void {
    this.current = null;
    this.isLast = (flags & END_STREAM) !== 0;
    this.left = length;
    const { owner } = this;
    if (!this.window.take(length)) owner.fail(FLOW_CONTROL_ERROR, 'DATA beyond the window of the connection');
    else if (stream === undefined) owner.expectClosed(id);
    else if (!stream.isRemoteOpen) owner.violate(stream, STREAM_CLOSED);
    else if (!stream.isHeadDone) owner.violate(stream, PROTOCOL_ERROR);
    else if (!stream.window.take(length)) owner.violate(stream, FLOW_CONTROL_ERROR);
    else this.current = stream;
  }

  take(bytes: Buffer): void {
    const stream = this.current;
    if (stream === null) return;
    stream.receivedBytes += bytes.length;
    if (stream.expectedBytes !== UNKNOWN_LENGTH && stream.receivedBytes > stream.expectedBytes) {
      return this.owner.violate(stream, PROTOCOL_ERROR);
    }
    this.left -= bytes.length;
    if (stream.isPaused || stream.held.size > 0) {
      stream.held.append(bytes);
      this.heldBytes += bytes.length;
    } else {
      const { id } = stream;
      const hasRoom = stream.onBytes(bytes);
      // It may have been ended by its reader, or even be another one now.
      if (stream.id === id) {
        stream.isPaused = !hasRoom && !stream.isAbandoned;
        this.creditStream(stream, bytes.length);
      }
    }
    this.credit(bytes.length);
  }

  /** The frame is complete. */
  finish(): void {
    const stream = this.current;
    this.current = null;
    // Padding, and what came for nobody.
    if (stream !== null && this.left > 0) this.creditStream(stream, this.left);
    if (this.left > 0) this.credit(this.left);
    if (stream !== null && this.isLast) this.end(stream, null);
  }

  /** The peer's direction is complete. Trailers are lent. */
  end(stream: Stream, trailers: Fields | null): void {
    const { expectedBytes } = stream;
    if (expectedBytes !== UNKNOWN_LENGTH && stream.receivedBytes !== expectedBytes) {
      return this.owner.violate(stream, PROTOCOL_ERROR);
    }
    stream.isRemoteOpen = false;
    if (stream.held.size > 0) {
      stream.isEndHeld = true;
      if (trailers !== null) stream.heldTrailers = FieldList.copyOf(trailers);
      return;
    }
    stream.onRemoteEnd(trailers);
    this.owner.onDelivered(stream);
  }

  // --- Slow readers ---

  /** So much is held that the peer gets no credit for any stream. */
  get isClogged(): boolean {
    return this.heldBytes > this.maxHeldBytes;
  }

  /** Its reader has room again. */
  resume(stream: Stream): void {
    if (!stream.isPaused) return;
    stream.isPaused = false;
    if (stream.held.size === 0) return;
    this.resumed.push(stream);
    if (this.resumed.length === 1) this.owner.onResumed();
  }

  /** It has no reader any more: what comes is dropped, and gives credit. */
  abandon(stream: Stream): void {
    this.heldBytes -= stream.held.size;
    this.creditStream(stream, stream.held.size);
    stream.held.clear();
    stream.isPaused = false;
    stream.isEndHeld = false;
    stream.heldTrailers = null;
    this.credit(0);
  }

  deliverHeld(): void {
    const { resumed } = this;
    this.resumed = [];
    for (const stream of resumed) if (!stream.isPaused && stream.held.size > 0) this.deliver(stream);
  }

  /** The stream is gone, with what was held for it. */
  forget(stream: Stream): void {
    if (this.current === stream) this.current = null;
    if (stream.held.size === 0) return;
    this.heldBytes -= stream.held.size;
    this.credit(0);
  }

  private deliver(stream: Stream): void {
    const { id, held } = stream;
    while (held.size > 0 && !stream.isPaused) {
      const bytes = held.view().subarray(0, PIECE_BYTES);
      held.consume(bytes.length);
      this.heldBytes -= bytes.length;
      const hasRoom = stream.onBytes(bytes);
      this.credit(0);
      if (stream.id !== id) return;
      stream.isPaused = !hasRoom && !stream.isAbandoned;
      this.creditStream(stream, bytes.length);
    }
    if (held.size > 0 || !stream.isEndHeld) return;
    const { heldTrailers } = stream;
    stream.isEndHeld = false;
    stream.heldTrailers = null;
    stream.onRemoteEnd(heldTrailers);
    if (stream.id === id) this.owner.onDelivered(stream);
  }

  private creditStream(stream: Stream, bytes: number): void {
    if (!stream.isRemoteOpen) return;
    const increment = stream.window.pass(bytes);
    if (increment > 0) this.control.windowUpdate(stream.id, increment);
  }

  private credit(bytes: number): void {
    this.owedBytes += bytes;
    if (this.isClogged || this.owedBytes === 0 || this.owner.isOver) return;
    const increment = this.window.pass(this.owedBytes);
    this.owedBytes = 0;
    if (increment > 0) this.control.windowUpdate(0, increment);
  }
}
