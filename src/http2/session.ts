import type { Clock } from '../base/clock.ts';
import { type BlockOwner, BlockReader } from './block-reader.ts';
import {
  COMPRESSION_ERROR,
  FLOW_CONTROL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED,
} from './errors.ts';
import { FieldBlock } from './field-block.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { faultOf, SETTING_BYTES } from './frame-rules.ts';
import {
  ACK,
  CONTINUATION,
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  putSettings,
  RST_STREAM,
  readUint31,
  SETTINGS,
  WINDOW_UPDATE,
} from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import type { Loss } from './loss.ts';
import type { WindowBudget } from './receive-window.ts';
import { SessionCore } from './session-core.ts';
import type { SessionOptions, SessionOwner } from './session-owner.ts';
import {
  DEFAULT_TABLE_BYTES,
  ENABLE_CONNECT_PROTOCOL,
  ENABLE_PUSH,
  MAX_CONCURRENT_STREAMS,
  MAX_HEADER_LIST_SIZE,
} from './settings.ts';
import type { Stream } from './stream.ts';
import { readTrailers } from './trailers.ts';
import type { Wire } from './wire.ts';

const START_ROOM = 64;

/**
 * The protocol of one HTTP/2 connection, for either side of it, without its socket: bytes go in by `receive`, frames
 * come out on the wire, and streams are told.
 *
 *     bytes --> FrameReader --> Session, Receiver --> Stream (net/) --> exchange
 *     wire  <-- Sender      <------------------------ Stream (net/) <-- exchange
 *
 * Its law: an error of a stream costs the stream, an error of the connection all of it (RFC 9113, 5.4), and after that
 * nothing more is read. Priorities are read and not kept. Whatever a peer can ask for without paying is counted in
 * `Abuse`.
 */
export class Session extends SessionCore implements FrameSink, BlockOwner {
  private readonly reader = new FrameReader(this);
  private readonly decoder: HpackDecoder;
  private readonly blocks: BlockReader;
  /** For trailers, and for blocks that nobody wants. */
  private readonly scratch = new FieldBlock();
  private hasSettings = false;
  /** The DATA that is coming in has more than padding. */
  private hasBytes = false;
  private prefaceBytes = 0;

  constructor(
    isServer: boolean,
    options: SessionOptions,
    wire: Wire,
    owner: SessionOwner,
    budget: WindowBudget,
    clock: Clock,
  ) {
    super(isServer, options, wire, owner, budget, clock);
    const { maxListBytes, maxFields } = options;
    this.decoder = new HpackDecoder({ maxListBytes, maxFields, maxTableBytes: DEFAULT_TABLE_BYTES });
    this.blocks = new BlockReader(maxListBytes, this);
  }

  /** Puts out what each side begins with. */
  start(): void {
    const { wire, options, isServer } = this;
    wire.open(PREFACE.length + START_ROOM);
    if (!isServer) wire.end += PREFACE.copy(wire.bytes, wire.end);
    const role = isServer ? [MAX_CONCURRENT_STREAMS, options.maxStreams, ENABLE_CONNECT_PROTOCOL, 1] : [ENABLE_PUSH, 0];
    putSettings(wire, [...role, MAX_HEADER_LIST_SIZE, options.maxListBytes]);
  }

  /** The peer is not in the middle of anything. */
  get isBetween(): boolean {
    return this.hasSettings && this.blocks.streamId === 0 && !this.reader.isInside;
  }

  /** The peer is in the middle of a part of some body. */
  get isInBody(): boolean {
    return this.reader.isInData;
  }

  // --- From the wire ---

  receive(bytes: Buffer): void {
    if (this.isOver || !this.mayAnswer()) return;
    const from = this.isServer ? this.takePreface(bytes) : 0;
    if (from < bytes.length && !this.isOver) this.reader.read(from === 0 ? bytes : bytes.subarray(from));
  }

  onFrame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (!this.mayCome(type, flags, id)) return;
    const fault = faultOf(type, flags, id, bytes, start, end);
    if (fault !== null) return this.fail(fault.code, fault.reason);
    switch (type) {
      case HEADERS:
        return this.blocks.onHeaders(flags, id, bytes, start, end);
      case CONTINUATION:
        return this.blocks.onContinuation(flags, bytes.subarray(start, end));
      case RST_STREAM:
        return this.onReset(id, bytes.readUInt32BE(start));
      case WINDOW_UPDATE:
        return this.onWindowUpdate(id, readUint31(bytes, start));
      case SETTINGS:
        return (flags & ACK) === 0 ? this.onSettings(bytes, start, end) : this.countUseless();
      case PING:
        return this.onPing(flags, bytes, start);
      case GOAWAY:
        return this.onGoAway(readUint31(bytes, start), bytes.readUInt32BE(start + 4));
      default:
        return this.countUseless();
    }
  }

  onFrameError(code: number, reason: string): void {
    this.fail(code, reason, this.lossByNow);
  }

  private takePreface(bytes: Buffer): number {
    let at = 0;
    while (this.prefaceBytes < PREFACE.length && at < bytes.length) {
      if (bytes[at++] === PREFACE[this.prefaceBytes++]) continue;
      this.fail(PROTOCOL_ERROR, 'no preface');
      break;
    }
    return at;
  }

  /** A server that does not begin with SETTINGS speaks something else; a client has proved itself by its preface. */
  private get lossByNow(): Loss {
    return this.isServer || this.hasSettings ? 'broken' : 'foreign';
  }

  /** SETTINGS come first, and a block that has begun is completed before anything else. */
  private mayCome(type: number, flags: number, id: number): boolean {
    const { blocks } = this;
    if (!this.hasSettings && (type !== SETTINGS || (flags & ACK) !== 0))
      this.fail(PROTOCOL_ERROR, 'no SETTINGS', this.lossByNow);
    else if (blocks.streamId !== 0 && (type !== CONTINUATION || id !== blocks.streamId)) {
      this.fail(PROTOCOL_ERROR, 'a header block was interrupted');
    }
    return !this.isOver;
  }

  // --- Bodies ---

  onDataBegin(id: number, flags: number, length: number): void {
    if (!this.mayCome(DATA, flags, id)) return;
    this.hasBytes = false;
    this.receiver.begin(this.streams.get(id), id, flags, length);
  }

  onDataBytes(bytes: Buffer): void {
    this.hasBytes = true;
    this.receiver.take(bytes);
  }

  onDataEnd(): void {
    if (this.isOver) return;
    if (this.hasBytes) this.abuse.onUseful();
    else this.countUseless();
    if (!this.isOver) this.receiver.finish();
  }

  // --- Heads ---

  /** A block is decoded whoever wants it, since the table lives on. */
  onBlock(id: number, isEnd: boolean, isSelf: boolean, bytes: Buffer, from: number, to: number): void {
    const stream = this.streams.get(id) ?? this.admit(id);
    if (this.isOver) return;
    const isHead = stream !== null && !stream.isHeadDone;
    const block = isHead ? stream.block : this.scratch;
    block.clear();
    if (!this.decoder.decode(bytes, from, to, block)) return this.fail(COMPRESSION_ERROR, 'header block not readable');
    if (stream === null) return;
    if (!stream.isRemoteOpen) return this.violate(stream, STREAM_CLOSED);
    if (isSelf) return this.violate(stream, PROTOCOL_ERROR);
    if (isHead) this.onHead(stream, isEnd);
    else if (isEnd && readTrailers(block, this.isServer)) this.receiver.end(stream, block);
    else this.violate(stream, PROTOCOL_ERROR);
  }

  private onHead(stream: Stream, isEnd: boolean): void {
    const { id } = stream;
    // Known before the answer may end, so that a whole exchange needs no reset. A request may end inside of its
    // answer's head, and the stream must not be closed before its reader knows of the answer's end.
    if (this.isServer) stream.isRemoteOpen = !isEnd;
    stream.onBlock(isEnd);
    if (stream.id !== id) return;
    if (isEnd) this.receiver.end(stream, null);
    else if (!stream.isHeadDone) this.countUseless();
  }

  /** A block on a stream that is not open: the server's side is asked for a new one. Null: nobody wants it. */
  private admit(id: number): Stream | null {
    const { streams } = this;
    if (!this.isServer || !streams.isIdle(id)) {
      this.expectClosed(id);
      return null;
    }
    if (id % 2 === 0) {
      this.fail(PROTOCOL_ERROR, 'a stream of ours was opened by the peer');
      return null;
    }
    const isWelcome = id <= this.lastWelcomeId && streams.size < this.options.maxStreams;
    const stream = isWelcome ? this.owner.onStream() : null;
    if (stream !== null) {
      streams.open(id, stream, this.peer.windowBytes);
      this.abuse.onUseful();
      return stream;
    }
    streams.lastId = id;
    this.putReset(id, REFUSED_STREAM);
    this.owner.onRefused();
    this.countReset();
    return null;
  }

  // --- The other frames ---

  private onReset(id: number, code: number): void {
    if (this.streams.isIdle(id)) return this.fail(PROTOCOL_ERROR, 'RST_STREAM for an idle stream');
    const stream = this.streams.get(id);
    if (stream === undefined) return this.countUseless();
    if (this.keepsAnswer(stream)) return this.countUseless();
    stream.onReset(code, false);
    this.close(stream);
    if (this.isServer) this.countReset();
  }

  private onWindowUpdate(id: number, increment: number): void {
    this.countUseless();
    if (this.isOver) return;
    if (id !== 0) return this.widenStream(id, increment);
    if (increment === 0) return this.fail(PROTOCOL_ERROR, 'WINDOW_UPDATE by nothing');
    if (!this.sender.widen(increment)) return this.fail(FLOW_CONTROL_ERROR, 'window above its limit');
    this.sender.pump();
  }

  private widenStream(id: number, increment: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.streams.isIdle(id)) this.fail(PROTOCOL_ERROR, 'WINDOW_UPDATE for an idle stream');
    } else if (increment === 0) {
      this.violate(stream, PROTOCOL_ERROR);
    } else if (this.sender.widenStream(stream, increment)) {
      this.sender.pump();
    } else {
      this.violate(stream, FLOW_CONTROL_ERROR);
    }
  }

  private onSettings(bytes: Buffer, start: number, end: number): void {
    const { peer, sender } = this;
    const windowBefore = peer.windowBytes;
    for (let at = start; at < end; at += SETTING_BYTES) {
      const code = peer.take(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
      if (code !== NO_ERROR) return this.fail(code, 'a setting out of its range');
      // One by one: a table that shrinks and grows again within a frame has lost its entries.
      sender.encoder.setPeerLimit(peer.tableBytes);
    }
    for (const stream of this.streams.all()) {
      if (sender.widenStream(stream, peer.windowBytes - windowBefore)) continue;
      return this.fail(FLOW_CONTROL_ERROR, 'window above its limit');
    }
    if (this.hasSettings) this.countUseless();
    this.hasSettings = true;
    if (this.isOver || !this.mayAnswer()) return;
    this.control.settingsAck();
    sender.pump();
    this.owner.onSettings();
  }

  private onPing(flags: number, bytes: Buffer, start: number): void {
    this.countUseless();
    if (this.isOver) return;
    if ((flags & ACK) !== 0) this.owner.onPong();
    else if (this.mayAnswer()) this.control.ping(ACK, bytes, start);
  }

  /** Streams that the peer will not look at end now; those it has begun go on. */
  private onGoAway(lastId: number, code: number): void {
    this.countUseless();
    if (this.isOver) return;
    this.isPeerLeaving = true;
    if (!this.isServer) {
      for (const stream of this.streams.all()) if (stream.id > lastId) this.give(stream, 'unseen');
    }
    this.owner.onGoAway(code);
  }
}
