import type { FieldList, Fields } from '../http/fields.ts';
import { Carry } from '../http1/carry.ts';
import type { FieldBlock } from './field-block.ts';
import type { Loss } from './loss.ts';
import type { ReceiveWindow } from './receive-window.ts';

/** A length that no header has told. */
export const UNKNOWN_LENGTH = -1;

/**
 * One stream of a session: its state on the wire, and what it is told. Connections in net/ make theirs of it, one for
 * each end of an exchange, and use it again for another stream when this one is closed.
 *
 * The session alone writes the fields here, but for what `onBlock` sets and a stream that pauses itself. `on..` is
 * called by the session inside the event of a frame (or of room to write), never inside a call into the session; only
 * `onClosed` may come inside the call that ends the stream.
 */
export abstract class Stream {
  /** 0: it has none now. */
  id = 0;

  // --- Receiving ---
  isRemoteOpen = false;
  /**
   * The peer's head has come whole: what follows it are trailers. Of answers, interim ones do not count; set by
   * `onBlock`.
   */
  isHeadDone = false;
  /** What content-length says, set by `onBlock`; the session holds the peer to it. */
  expectedBytes = UNKNOWN_LENGTH;
  receivedBytes = 0;
  /** The reader is full: what comes is held, and no credit is given for it. */
  isPaused = false;
  readonly held = new Carry();
  /** The end has come and waits behind what is held. */
  isEndHeld = false;
  heldTrailers: FieldList | null = null;

  /** Nobody reads it any more: it ends when this side has sent all. */
  isAbandoned = false;

  // --- Sending ---
  isLocalOpen = false;
  sendWindow = 0;
  /** What could not be sent yet. */
  readonly unsent = new Carry();
  /** The end waits behind what is unsent. */
  isEnding = false;
  trailers: FieldList | null = null;
  /** Waits for its turn on the connection. */
  isWaiting = false;
  /** `send` was answered false. */
  owesRoom = false;
  /** What it had to send was too much: it is reset in an event of its own. */
  isOverfull = false;

  constructor(readonly window: ReceiveWindow) {}

  /** Where the peer's next block is decoded to. */
  abstract get block(): FieldBlock;
  /**
   * A head is in `block`. `isEnd`: nothing follows it; `onRemoteEnd` comes all the same, unless this call ends the
   * stream.
   */
  abstract onBlock(isEnd: boolean): void;
  /** A piece of the body, never empty. False: full, until `Session.resume`. */
  abstract onBytes(bytes: Buffer): boolean;
  /** The peer's direction is complete. Trailers are lent. */
  abstract onRemoteEnd(trailers: Fields | null): void;
  /** The peer has reset it, or (`isOwn`) broke a rule so that we did: last, before `onClosed`. */
  abstract onReset(code: number, isOwn: boolean): void;
  /** It ends with its session: last, before `onClosed`. */
  abstract onLost(loss: Loss): void;
  /** There is room again, after `send` was answered false. */
  abstract onRoom(): void;
  /** The session knows it no more: it may be used again. */
  abstract onClosed(): void;

  begin(id: number, sendWindow: number): void {
    this.id = id;
    this.isRemoteOpen = true;
    this.isHeadDone = false;
    this.expectedBytes = UNKNOWN_LENGTH;
    this.receivedBytes = 0;
    this.isPaused = false;
    this.isEndHeld = false;
    this.heldTrailers = null;
    this.isAbandoned = false;
    this.isLocalOpen = true;
    this.sendWindow = sendWindow;
    this.isEnding = false;
    this.trailers = null;
    this.isWaiting = false;
    this.owesRoom = false;
    this.isOverfull = false;
    this.window.reset();
  }

  /** What could not be sent is dropped. */
  stopSending(): void {
    this.isLocalOpen = false;
    this.isEnding = false;
    this.isWaiting = false;
    this.owesRoom = false;
    this.isOverfull = false;
    this.unsent.clear();
    this.trailers = null;
  }

  end(): void {
    this.id = 0;
    this.isRemoteOpen = false;
    this.stopSending();
    this.held.clear();
    this.heldTrailers = null;
    this.window.giveBack();
  }
}
