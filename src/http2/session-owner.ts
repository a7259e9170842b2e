import type { AbuseLimits } from './abuse.ts';
import type { Loss } from './loss.ts';
import type { Stream } from './stream.ts';

export interface SessionOptions extends AbuseLimits {
  /**
   * Streams that are open at a time: the client's side opens no more whatever the peer allows, the server's side
   * refuses them.
   */
  readonly maxStreams: number;
  /** Of a header list, as RFC 9113 (6.5.2) measures it, and the number of its fields. */
  readonly maxListBytes: number;
  readonly maxFields: number;
  /** How far the windows of a stream and of the connection may grow. */
  readonly maxStreamWindow: number;
  readonly maxConnectionWindow: number;
  /**
   * Bodies that are held or unsent because somebody is slow, of all streams together. A peer that has brought as much
   * gets no more credit. What we have to send is one piece for each stream at most, and only a stream that brings
   * another one on top of this is reset.
   */
  readonly maxHeldBytes: number;
}

export interface SessionOwner {
  /** The server's side: a stream for a new request, before its block is read. Null: refused. */
  onStream(): Stream | null;
  /** The server's side: a request was refused because as many streams are open as may be. */
  onRefused(): void;
  /** The peer's settings are here, first or changed. */
  onSettings(): void;
  /** Streams above this id will never be looked at. They have been told. */
  onGoAway(code: number): void;
  onPong(): void;
  /** GOAWAY has been put out, the streams have been told, and nothing is read any more. */
  onBroken(loss: Loss, reason: string): void;
  /** The last open stream was closed. */
  onQuiet(): void;
  /** Call `deliverHeld` in an event of its own, soon. */
  onResumed(): void;
}
