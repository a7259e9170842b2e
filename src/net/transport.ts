import type { FailureCode } from '../base/failure.ts';

/**
 * A byte stream in both directions, and all that anything above it may know of a socket.
 *
 * The law of lent bytes. What `onBytes` is given belongs to the reader again when the call returns. What `write` is
 * given must not be changed by the giver until it is written, and a giver is not told when that is. It need not know,
 * because memory that is filled more than once is a slab (`slab.ts`), and slabs are looked after:
 *  - A transport that could not give them to the kernel at once marks their slab held until the write completes. Bytes of
 *    the one read slab that all connections share cannot be held, since the next socket reads into it: they are copied.
 *  - A reader or an encoder that finds its slab held takes another. The number is bounded; a reader that gets none goes
 *    back to the shared slab, so what it has pending is a copy and bounded by the high-water mark.
 * So bytes from `onBytes` may be passed to another transport's `write` as they are, and whatever keeps them in any
 * other way copies them. `false` means full, not "still holding your bytes": after `true` they may be pending all the
 * same.
 *
 * The law of events. No event is delivered inside a call into a transport: what a call causes comes in a later event. A
 * handler that throws loses its connection: the transport is destroyed and the handler gets
 * `onClose('internal_error')`. A transport begins paused. Between `pause` and `resume` neither `onBytes` nor `onEnd`
 * comes, and the loss of the connection may go unnoticed until something is written, or `probe` is called.
 *
 * The law of the handler. There is one at a time, and it alone may put another in its place, in an event: every later
 * event is the other's, and what the event brought is handed on by the one that leaves. A handler that decides what
 * speaks on a connection so costs nothing after that.
 */
export interface Transport {
  /** Who hears of events. */
  handler: TransportHandler;
  /**
   * Takes in all of the bytes (never empty, not after `end`). False: full, so stop until `onDrain`; or the connection
   * is lost and `onClose` is on its way. After the close bytes are dropped.
   */
  write(bytes: Buffer): boolean;
  /** Bytes taken in and not yet given to the kernel. */
  readonly pendingBytes: number;
  pause(): void;
  resume(): void;
  /**
   * Looks whether the peer has reset the connection, which a paused transport is not told; `onClose` follows if it has.
   */
  probe(): void;
  /** FIN after what is pending. The other direction goes on. Harmless when repeated. */
  end(): void;
  /**
   * Drops what is pending and closes both directions at once, with RST if `reset` and `end` was not called. Nothing is
   * delivered any more, not even `onClose`. Harmless when repeated.
   */
  destroy(reset: boolean): void;
}

export interface TransportHandler {
  /** Never empty; lent for the call. */
  onBytes(bytes: Buffer): void;
  /** The peer's FIN: at most once, after its last byte. This direction can still be written. */
  onEnd(): void;
  /** Everything pending has been written, after a `write` that answered false. */
  onDrain(): void;
  /**
   * The connection is closed: at most once, last, never after `destroy`. Null: both directions ended in order. A code:
   * it could not be opened, was reset, or a write failed; what was pending is lost.
   */
  onClose(code: FailureCode | null): void;
}
