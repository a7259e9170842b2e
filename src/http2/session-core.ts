import type { Clock } from '../base/clock.ts';
import { Abuse } from './abuse.ts';
import { ControlWriter } from './control-writer.ts';
import { ENHANCE_YOUR_CALM, NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED } from './errors.ts';
import { MAX_31_BIT } from './frames.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import type { Loss } from './loss.ts';
import { ReceiveWindow, type WindowBudget } from './receive-window.ts';
import { Receiver, type ReceiverOwner } from './receiver.ts';
import { Sender, type SenderOwner } from './sender.ts';
import type { SessionOptions, SessionOwner } from './session-owner.ts';
import { DEFAULT_TABLE_BYTES, DEFAULT_WINDOW_BYTES, PeerSettings } from './settings.ts';
import type { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import type { Wire } from './wire.ts';

/**
 * The streams of a session, whichever side it is on: how they are opened, fed and ended, and how the session ends with
 * them.
 *
 * A stream is closed once both directions are through, and its reader knows; or by a reset of either side; or with the
 * session. What its owner calls here never calls back into it: what is due comes in a later event.
 */
export abstract class SessionCore implements ReceiverOwner, SenderOwner {
  isOver = false;
  readonly peer = new PeerSettings();
  readonly sender: Sender;
  protected readonly streams = new StreamTable();
  protected readonly receiver: Receiver;
  protected readonly abuse: Abuse;
  protected readonly control: ControlWriter;
  /** Requests above this are refused: the peer has been told. */
  protected lastWelcomeId = MAX_31_BIT;
  protected isPeerLeaving = false;
  private readonly window: ReceiveWindow;

  constructor(
    protected readonly isServer: boolean,
    protected readonly options: SessionOptions,
    protected readonly wire: Wire,
    protected readonly owner: SessionOwner,
    budget: WindowBudget,
    clock: Clock,
  ) {
    const { maxConnectionWindow, maxHeldBytes } = options;
    this.window = new ReceiveWindow(DEFAULT_WINDOW_BYTES, maxConnectionWindow, budget, clock);
    this.sender = new Sender(wire, new HpackEncoder(DEFAULT_TABLE_BYTES), maxHeldBytes, this);
    this.control = new ControlWriter(wire);
    this.receiver = new Receiver(this.control, this.window, maxHeldBytes, this);
    this.abuse = new Abuse(options, clock);
  }

  get openCount(): number {
    return this.streams.size;
  }

  /** The client's side: no stream can be opened any more. */
  get isLeaving(): boolean {
    return this.isOver || this.isPeerLeaving || this.streams.isSpent;
  }

  /** The client's side: another stream may be opened now. */
  get hasRoom(): boolean {
    return !this.isLeaving && this.streams.size < Math.min(this.peer.maxStreams, this.options.maxStreams);
  }

  /** What slow readers have not taken holds up all that the peer sends. */
  get isClogged(): boolean {
    return this.receiver.isClogged;
  }

  /** The client's side: gives the stream its id. Its block must follow before another stream is opened. */
  open(stream: Stream): void {
    this.abuse.onUseful();
    this.streams.open(this.streams.nextId(), stream, this.peer.windowBytes);
  }

  /** Ends a stream from this side. It is not told. */
  reset(stream: Stream, code: number): void {
    if (stream.id === 0) return;
    if (!this.isOver) this.putReset(stream.id, code);
    this.close(stream);
  }

  /**
   * The peer's direction is wanted no more; this one goes on to its end, and then the peer is told to stop (RFC 9113,
   * 8.1).
   */
  abandon(stream: Stream): void {
    if (this.isOver || stream.id === 0) return;
    if (stream.isRemoteOpen && !stream.isLocalOpen) return this.reset(stream, NO_ERROR);
    stream.isAbandoned = true;
    this.receiver.abandon(stream);
    this.closeIfDone(stream);
  }

  resume(stream: Stream): void {
    this.receiver.resume(stream);
  }

  deliverHeld(): void {
    for (const stream of this.sender.takeOverfull()) {
      if (!this.isOver && stream.id !== 0 && stream.isOverfull) this.violate(stream, ENHANCE_YOUR_CALM);
    }
    this.receiver.deliverHeld();
  }

  /** There is room on the wire again. */
  onWritable(): void {
    this.control.onWritable();
    if (!this.isOver) this.sender.pump();
  }

  /** `payload` has 8 bytes. */
  ping(payload: Buffer): void {
    if (!this.isOver) this.control.ping(0, payload, 0);
  }

  /**
   * The server's side: tells the peer that there will be an end and lets in what is on its way; `sayGoodbye` follows a
   * round trip later.
   */
  announceEnd(): void {
    if (!this.isOver) this.control.goAway(MAX_31_BIT, NO_ERROR, '');
  }

  /** No stream is let in any more; those that are open go on. */
  sayGoodbye(): void {
    if (this.isOver || this.lastWelcomeId !== MAX_31_BIT) return;
    this.lastWelcomeId = this.isServer ? this.streams.lastId : 0;
    this.control.goAway(this.lastWelcomeId, NO_ERROR, '');
  }

  /** The connection is gone. */
  lose(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.endAll('lost');
  }

  // --- Ends ---

  /** From the sender: this direction is on the wire to its end. */
  onSent(stream: Stream): void {
    stream.isLocalOpen = false;
    if (this.wire.isFull) this.control.onQueued();
    if (stream.isAbandoned && stream.isRemoteOpen) this.reset(stream, NO_ERROR);
    else this.closeIfDone(stream);
  }

  onDataSent(): void {
    this.abuse.onUseful();
  }

  /** From the sender. */
  onOverfull(): void {
    this.owner.onResumed();
  }

  /** From the receiver. */
  onResumed(): void {
    this.owner.onResumed();
  }

  /** From the receiver: the reader knows of the end. */
  onDelivered(stream: Stream): void {
    this.closeIfDone(stream);
  }

  private closeIfDone(stream: Stream): void {
    if (stream.id === 0 || stream.isRemoteOpen || stream.isLocalOpen || stream.isEndHeld) return;
    this.abuse.onComplete();
    this.close(stream);
  }

  /** The peer broke a rule on a stream. */
  violate(stream: Stream, code: number): void {
    this.putReset(stream.id, code);
    stream.onReset(code, true);
    this.close(stream);
    this.countReset();
  }

  /** A stream ends with the session. */
  protected give(stream: Stream, loss: Loss): void {
    stream.onLost(loss);
    this.close(stream);
  }

  private endAll(loss: Loss): void {
    for (const stream of this.streams.all()) {
      if (stream.id !== 0 && !(loss === 'lost' && this.keepsAnswer(stream))) this.give(stream, loss);
    }
    this.window.giveBack();
  }

  /**
   * The client's side: an answer that is here to its end reaches its slow reader, whatever follows it. Nothing more is
   * sent.
   */
  protected keepsAnswer(stream: Stream): boolean {
    if (this.isServer || !stream.isEndHeld) return false;
    this.sender.forget(stream);
    stream.stopSending();
    return true;
  }

  protected close(stream: Stream): void {
    if (stream.id === 0) return;
    this.receiver.forget(stream);
    this.sender.forget(stream);
    this.streams.remove(stream);
    stream.end();
    stream.onClosed();
    if (this.streams.size === 0) this.owner.onQuiet();
  }

  /** Ends the connection: the peer is told why, the streams that it ends with it. */
  fail(code: number, reason: string, loss: Loss = 'broken'): void {
    if (this.isOver) return;
    // Never above what an earlier GOAWAY said.
    const lastId = this.isServer ? Math.min(this.streams.lastId, this.lastWelcomeId) : 0;
    this.control.goAway(lastId, code, reason);
    this.isOver = true;
    this.endAll(loss);
    this.owner.onBroken(loss, reason);
  }

  protected countReset(): void {
    if (this.abuse.onReset()) this.fail(ENHANCE_YOUR_CALM, 'too many streams end by a reset', 'abused');
  }

  protected countUseless(): void {
    if (this.abuse.onUseless()) this.fail(ENHANCE_YOUR_CALM, 'too many frames that move nothing', 'abused');
  }

  /** Answers to a peer that does not read them are memory. */
  protected mayAnswer(): boolean {
    if (this.control.isFlooded) this.fail(ENHANCE_YOUR_CALM, 'answers are not read', 'abused');
    return !this.isOver;
  }

  protected putReset(id: number, code: number): void {
    this.streams.noteReset(id);
    this.control.reset(id, code);
  }

  /** A frame for a stream that is not open. One that we have reset lately may still get some. */
  expectClosed(id: number): void {
    if (id === 0 || this.streams.isIdle(id)) this.fail(PROTOCOL_ERROR, 'a frame for an idle stream');
    else if (this.streams.wasReset(id)) this.countUseless();
    else this.fail(STREAM_CLOSED, 'a frame for a closed stream');
  }
}
