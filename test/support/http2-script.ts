import { SeededRandom } from '../../src/base/random.ts';
import { FieldList, type Fields } from '../../src/http/fields.ts';
import { PROTOCOL_ERROR } from '../../src/http2/errors.ts';
import type { Loss } from '../../src/http2/loss.ts';
import { ReceiveWindow, WindowBudget } from '../../src/http2/receive-window.ts';
import { Http2RequestHead } from '../../src/http2/request-head.ts';
import { Http2ResponseHead } from '../../src/http2/response-head.ts';
import { Session } from '../../src/http2/session.ts';
import type { SessionOptions, SessionOwner } from '../../src/http2/session-owner.ts';
import { Stream } from '../../src/http2/stream.ts';
import type { Wire } from '../../src/http2/wire.ts';
import { codeName, describeFrame, PREFACE, parseFrames, settings } from './http2-frames.ts';
import { PLAIN } from './http2-heads.ts';
import { ManualClock } from './manual-clock.ts';

export const OPTIONS: SessionOptions = {
  maxStreams: 100,
  maxListBytes: 65_536,
  maxFields: 128,
  maxStreamWindow: 1_048_576,
  maxConnectionWindow: 1_048_576,
  maxHeldBytes: 1_048_576,
  maxResets: 100,
  maxUselessFrames: 1_000,
};

type Pairs = readonly (readonly [name: string, value: string])[];

/** A wire whose memory is taken away at each flush, and that knows when more was put than room was asked for. */
export class RecordingWire implements Wire {
  bytes: Buffer = Buffer.alloc(0);
  end = 0;
  flushes = 0;
  isFull = false;
  private limit = 0;
  private chunks: Buffer[] = [];

  open(room: number): void {
    this.check();
    if (this.bytes.length - this.end < room) {
      this.flush();
      this.bytes = Buffer.alloc(Math.max(room, 4_096));
    }
    this.limit = Math.max(this.limit, this.end + room);
  }

  flush(): void {
    this.check();
    if (this.end === 0) return;
    this.flushes++;
    this.chunks.push(Buffer.from(this.bytes.subarray(0, this.end)));
    this.bytes = Buffer.alloc(0);
    this.end = 0;
    this.limit = 0;
  }

  get hasBytes(): boolean {
    return this.end > 0 || this.chunks.length > 0;
  }

  /** All that was put since the last time. */
  take(): Buffer {
    this.flush();
    const bytes = Buffer.concat(this.chunks);
    this.chunks = [];
    return bytes;
  }

  private check(): void {
    if (this.end > this.limit) throw new Error(`${this.end - this.limit} bytes more than there was room asked for`);
  }
}

/** A stream that writes down what it is told, and does as its script says. */
export class RecordingStream extends Stream {
  readonly block: Http2RequestHead | Http2ResponseHead;
  /** What `onBytes` answers: false plays a slow reader. */
  hasRoom = true;
  /** The rooms that it was told of. */
  rooms = 0;

  constructor(private readonly script: SessionScript) {
    const { clock, budget, options } = script;
    super(new ReceiveWindow(65_535, options.maxStreamWindow, budget, clock));
    this.block = script.isServer ? new Http2RequestHead(new SeededRandom(1)) : new Http2ResponseHead();
  }

  // --- From the session ---

  onBlock(isEnd: boolean): void {
    const { block, script } = this;
    script.tell(`${this.id} head${isEnd ? ' end' : ''}`);
    if (block instanceof Http2RequestHead) {
      this.isHeadDone = true;
      if (block.read(isEnd, 8_192) !== 'ok') return script.session.violate(this, PROTOCOL_ERROR);
    } else {
      if (!block.read(isEnd, PLAIN)) return script.session.violate(this, PROTOCOL_ERROR);
      this.isHeadDone = block.status >= 200;
    }
    if (!isEnd && this.isHeadDone) this.expectedBytes = block.expectedBytes;
    script.onHead(this);
  }

  onBytes(bytes: Buffer): boolean {
    if (bytes.length === 0) throw new Error('a piece of nothing');
    this.script.tell(null);
    this.script.keep(this.id, bytes);
    this.script.onBytes(this);
    return this.hasRoom;
  }

  onRemoteEnd(trailers: Fields | null): void {
    this.script.tell(`${this.id} end${trailers === null ? '' : ` ${textOf(trailers)}`}`);
    this.script.onEnd(this);
  }

  onReset(code: number, isOwn: boolean): void {
    this.script.tell(`${this.id} ${isOwn ? 'violates' : 'reset'} ${codeName(code)}`);
  }

  onLost(loss: Loss): void {
    this.script.tell(`${this.id} ${loss}`);
  }

  onRoom(): void {
    this.rooms++;
    this.script.tell(null);
    this.script.onRoom(this);
  }

  onClosed(): void {
    if (this.id !== 0 || this.held.size > 0 || this.unsent.size > 0) throw new Error('closed, and something is left');
    this.script.onStreamClosed(this);
  }

  // --- Into the session ---

  sendHead(fields: Pairs, flags = 0): void {
    this.script.call(({ sender }) => {
      const room = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 64);
      const out = sender.beginBlock(room);
      sender.encoder.begin(out);
      for (const [name, value] of fields) sender.encoder.put(out, name, value, false);
      sender.endBlock(this.id, flags);
    });
  }

  send(bytes: Buffer | string): boolean {
    return this.script.call(({ sender }) => sender.send(this, Buffer.from(bytes)));
  }

  sendEnd(trailers: Fields | null = null): void {
    this.script.call(({ sender }) => sender.end(this, trailers));
  }

  /** A whole answer. */
  answer(body: Buffer | string = 'hello'): void {
    this.sendHead([[':status', '200']]);
    if (body.length > 0) this.send(body);
    this.sendEnd();
  }

  resume(): void {
    this.script.call((session) => session.resume(this));
  }

  reset(code = 8): void {
    this.script.call((session) => session.reset(this, code));
  }

  abandon(): void {
    this.script.call((session) => session.abandon(this));
  }
}

/**
 * One session as a script: frames in, lines out. It holds the session to the law that nothing is told inside a call of
 * the owner's, spoils what was only lent, and uses each stream again as soon as it is closed.
 */
export class SessionScript implements SessionOwner {
  readonly clock = new ManualClock();
  readonly wire = new RecordingWire();
  readonly options: SessionOptions;
  readonly session: Session;
  readonly open = new Map<number, RecordingStream>();
  log: string[] = [];
  /** What a stream does at its moments; by default a server answers `hello` to each whole request. */
  onHead: (stream: RecordingStream) => void = () => undefined;
  onBytes: (stream: RecordingStream) => void = () => undefined;
  onRoom: (stream: RecordingStream) => void = () => undefined;
  onEnd: (stream: RecordingStream) => void = (stream) => {
    if (this.isServer && stream.isLocalOpen) stream.answer();
  };
  /** `deliverHeld` was asked for. */
  isDue = false;
  /** The server's side takes no stream. */
  isBusy = false;
  private readonly bodies = new Map<number, Buffer[]>();
  private readonly free: RecordingStream[] = [];
  private isCalling = false;

  constructor(
    readonly isServer: boolean,
    options: Partial<SessionOptions> = {},
    readonly budget = new WindowBudget(16_777_216),
  ) {
    this.options = { ...OPTIONS, ...options };
    this.session = new Session(isServer, this.options, this.wire, this, budget, this.clock);
  }

  /** Both sides have begun. */
  begin(...pairs: readonly (readonly [number, number])[]): this {
    this.session.start();
    this.say(...(this.isServer ? [PREFACE] : []), settings(...pairs));
    this.wire.take();
    this.log = [];
    return this;
  }

  /** One read. */
  say(...parts: readonly Buffer[]): void {
    const bytes = Buffer.concat(parts);
    this.session.receive(bytes);
    bytes.fill(0xee);
  }

  /** The event that was asked for. */
  later(): void {
    if (!this.isDue) return;
    this.isDue = false;
    this.session.deliverHeld();
  }

  /** The wire has emptied. */
  drain(): void {
    this.wire.isFull = false;
    this.session.onWritable();
  }

  /** The client's side. */
  request(fields: Pairs = [], method = 'GET'): RecordingStream {
    const stream = this.makeStream();
    this.call((session) => session.open(stream));
    this.open.set(stream.id, stream);
    stream.sendHead([[':method', method], [':scheme', 'http'], [':authority', 'a'], [':path', '/'], ...fields]);
    return stream;
  }

  call<T>(what: (session: Session) => T): T {
    const before = this.isCalling;
    this.isCalling = true;
    try {
      return what(this.session);
    } finally {
      this.isCalling = before;
    }
  }

  /** What was put on the wire since the last time, a line for each frame. */
  sent(): string[] {
    return parseFrames(this.wire.take()).map(describeFrame);
  }

  /** Of that, how streams and the connection ended. */
  ends(): string[] {
    return this.sent().filter((line) => /^(RST|GOAWAY)/.test(line));
  }

  body(id: number): Buffer {
    return Buffer.concat(this.bodies.get(id) ?? []);
  }

  stream(id: number): RecordingStream {
    const stream = this.open.get(id);
    if (stream === undefined) throw new Error(`stream ${id} is not open`);
    return stream;
  }

  // --- From its streams ---

  tell(line: string | null): void {
    if (this.isCalling) throw new Error(`told inside a call of its own: ${line}`);
    if (line !== null) this.log.push(line);
  }

  keep(id: number, bytes: Buffer): void {
    const pieces = this.bodies.get(id);
    if (pieces === undefined) this.bodies.set(id, [Buffer.from(bytes)]);
    else pieces.push(Buffer.from(bytes));
  }

  onStreamClosed(stream: RecordingStream): void {
    for (const [id, other] of this.open) if (other === stream) this.open.delete(id);
    this.free.push(stream);
  }

  // --- From the session ---

  onStream(): RecordingStream | null {
    this.tell(null);
    if (this.isBusy) return null;
    const stream = this.makeStream();
    const begin = stream.begin.bind(stream);
    // Its id is known only when it begins.
    stream.begin = (id, window) => {
      begin(id, window);
      this.open.set(id, stream);
    };
    return stream;
  }

  onRefused(): void {
    this.tell('refused');
  }

  onSettings(): void {
    this.tell('settings');
  }

  onGoAway(code: number): void {
    this.tell(`goaway ${codeName(code)}`);
  }

  onPong(): void {
    this.tell('pong');
  }

  onBroken(loss: Loss, reason: string): void {
    this.tell(`${loss}: ${reason}`);
  }

  onQuiet(): void {
    if (this.open.size > 0) throw new Error('quiet, and there are streams');
    this.log.push('quiet');
  }

  onResumed(): void {
    this.isDue = true;
  }

  private makeStream(): RecordingStream {
    const stream = this.free.pop() ?? new RecordingStream(this);
    stream.hasRoom = true;
    stream.rooms = 0;
    return stream;
  }
}

function textOf(fields: Fields): string {
  const lines: string[] = [];
  fields.forEach((name, value) => lines.push(`${name}=${value}`));
  return lines.join(' ');
}

export function trailersOf(...pairs: Pairs): FieldList {
  const list = new FieldList();
  for (const [name, value] of pairs) list.add(name, value);
  return list;
}

/** The input whole, in two pieces cut everywhere (or at `cuts`), and byte by byte. */
export function* splits(bytes: Buffer, cuts: readonly number[] = []): Generator<Buffer[]> {
  yield [bytes];
  const places = bytes.length <= 512 ? [...bytes.keys()].slice(1) : cuts;
  for (const at of places) if (at > 0 && at < bytes.length) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield [...bytes.keys()].map((at) => bytes.subarray(at, at + 1));
}
