import { once } from 'node:events';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  sensitiveHeaders,
} from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Inbox } from './inbox.ts';

const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const HEADERS = 1;
const CONTINUATION = 9;
const HEADER_TABLE_SIZE = 1;
const MAX_FRAME_SIZE = 5;
const END_STREAM_AND_HEADERS = 5;
const LARGE_FRAME = 1 << 20;

/** A request as node's HPACK read it. */
export interface SeenBlock {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly secrets: readonly string[];
}

type SecretHeaders = IncomingHttpHeaders & { readonly [sensitiveHeaders]?: readonly string[] };

export type Answer = Readonly<Record<string, string>>;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** An HTTP/2 server of node's, for what its HPACK says to header blocks of ours and what blocks it makes. */
export class HpackNodePeer {
  private constructor(
    private readonly server: Http2Server,
    private readonly sessions: Inbox<ServerHttp2Session>,
  ) {}

  static async start(): Promise<HpackNodePeer> {
    const settings = { maxFrameSize: LARGE_FRAME, maxHeaderListSize: LARGE_FRAME };
    const server = createServer({ settings, maxSettings: 1000 });
    const sessions = new Inbox<ServerHttp2Session>();
    server.on('session', (session) => sessions.put(session));
    server.on('sessionError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HpackNodePeer(server, sessions);
  }

  async connect(): Promise<HpackNodeConnection> {
    const socket = connect((this.server.address() as AddressInfo).port, '127.0.0.1');
    const session = this.sessions.take();
    const connection = new HpackNodeConnection(socket);
    await connection.begin(await session);
    return connection;
  }

  async stop(): Promise<void> {
    this.server.close();
    await once(this.server, 'close');
  }
}

export class HpackNodeConnection {
  private readonly frames = new Inbox<Frame>();
  private readonly requests = new Inbox<SeenBlock>();
  private rest = Buffer.alloc(0);
  private streamId = -1;
  private answer: Answer = {};
  private secrets: readonly string[] = [];
  private session: ServerHttp2Session | null = null;

  constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.sendSettings(MAX_FRAME_SIZE, LARGE_FRAME);
    socket.on('data', (bytes) => this.read(bytes));
    // A reset is one way for node to end a connection; what it said before is in the frames.
    socket.on('error', () => undefined);
    socket.on('close', () => this.frames.put({ type: GOAWAY, flags: 0, body: Buffer.alloc(8, 0xff) }));
  }

  async begin(session: ServerHttp2Session): Promise<void> {
    this.session = session;
    session.on('error', () => undefined);
    session.on('stream', (stream, headers, _flags, raw) => {
      stream.on('error', () => undefined);
      const options = { endStream: true, sendDate: false };
      stream.respond({ ':status': 200, ...this.answer, [sensitiveHeaders]: [...this.secrets] }, options);
      const lines = raw as unknown as readonly string[];
      const fields = Array.from({ length: lines.length / 2 }, (_, i) => [lines[2 * i]!, lines[2 * i + 1]!] as const);
      this.requests.put({ fields, secrets: (headers as SecretHeaders)[sensitiveHeaders] ?? [] });
    });
    await this.frame(SETTINGS);
    this.send(SETTINGS, 1, 0, Buffer.alloc(0));
  }

  /** Sends a request's block and gives what node read and the block it answered with. */
  async exchange(block: Buffer, answer: Answer, secrets: readonly string[]): Promise<[SeenBlock, Buffer]> {
    this.answer = answer;
    this.secrets = secrets;
    this.sendBlock(block);
    const head = await this.frame(HEADERS);
    const pieces = [head.body];
    for (let { flags } = head; (flags & 4) === 0; ) {
      const more = await this.frame(CONTINUATION);
      pieces.push(more.body);
      flags = more.flags;
    }
    return [await this.requests.take(), Buffer.concat(pieces)];
  }

  /** Does node end the connection over this block, and with which code? */
  async codeFor(block: Buffer): Promise<number | null> {
    this.sendBlock(block);
    this.send(PING, 0, 0, Buffer.alloc(8));
    for (;;) {
      const { type, flags, body } = await this.frames.take();
      if (type === GOAWAY) return body.readUInt32BE(4);
      if (type === PING && flags === 1) return null;
    }
  }

  /** Node's decoder allows this from now on: resolves when its SETTINGS are here and acknowledged. */
  async allow(tableBytes: number): Promise<void> {
    this.session!.settings({ headerTableSize: tableBytes });
    for (;;) {
      const { body } = await this.frame(SETTINGS);
      if (body.length === 0) continue;
      this.send(SETTINGS, 1, 0, Buffer.alloc(0));
      return;
    }
  }

  /** What our decoder allows node's encoder from now on. */
  limit(tableBytes: number): void {
    this.sendSettings(HEADER_TABLE_SIZE, tableBytes);
  }

  close(): void {
    this.session?.destroy();
    this.socket.destroy();
  }

  private sendBlock(block: Buffer): void {
    this.streamId += 2;
    this.send(HEADERS, END_STREAM_AND_HEADERS, this.streamId, block);
  }

  private async frame(type: number): Promise<Frame> {
    for (;;) {
      const frame = await this.frames.take();
      if (frame.type === type) return frame;
      if (frame.type === GOAWAY) throw new Error(`node ended the connection with ${frame.body.readUInt32BE(4)}`);
    }
  }

  private sendSettings(identifier: number, value: number): void {
    const body = Buffer.alloc(6);
    body.writeUInt16BE(identifier, 0);
    body.writeUInt32BE(value, 2);
    this.send(SETTINGS, 0, 0, body);
  }

  private send(type: number, flags: number, streamId: number, body: Buffer): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(body.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(streamId, 5);
    this.socket.write(Buffer.concat([head, body]));
  }

  private read(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    while (this.rest.length >= 9) {
      const end = 9 + this.rest.readUIntBE(0, 3);
      if (this.rest.length < end) return;
      this.frames.put({ type: this.rest[3]!, flags: this.rest[4]!, body: this.rest.subarray(9, end) });
      this.rest = this.rest.subarray(end);
    }
  }
}
