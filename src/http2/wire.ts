import type { EncodeTarget } from '../http1/encode-text.ts';

/**
 * Where a session puts its frames. Whatever is put there leaves by itself, in order and at the latest when this turn of
 * the event loop ends.
 */
export interface Wire extends EncodeTarget {
  /** So many bytes fit at `bytes[end]` from now on. What is there already may leave, and `bytes` be other memory. */
  open(room: number): void;
  /** How often something has left: bytes that were put since the same number are still there to be changed. */
  readonly flushes: number;
  /** The peer is slow: no more DATA until the session's `onWritable`. Everything else is still taken. */
  readonly isFull: boolean;
}
