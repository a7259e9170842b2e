import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, createServer, type Http2Server } from 'node:http2';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { eventually } from '../support/eventually.ts';
import { describeFrame, PREFACE, parseFrames, SETTINGS_ACK, settings } from '../support/http2-frames.ts';

const CHUNK_BYTES = 16_384;

/** One end of a connection that says frames as it pleases, and writes down those that it is told. */
export class Http2Peer {
  /** In words, `RST_STREAM 1 CANCEL`. */
  readonly heard: string[] = [];
  isOver = false;
  private rest: Buffer = Buffer.alloc(0);

  constructor(
    readonly socket: Socket,
    private skip = 0,
  ) {
    socket.on('error', () => undefined);
    socket.on('close', () => (this.isOver = true));
    socket.on('end', () => (this.isOver = true));
    socket.on('data', (bytes: Buffer) => this.hear(bytes));
  }

  /** A client that has begun as it should. */
  static async connect(port: number, ...pairs: readonly (readonly [number, number])[]): Promise<Http2Peer> {
    const peer = await Http2Peer.connectMute(port);
    peer.say(PREFACE, settings(...pairs), SETTINGS_ACK);
    return peer;
  }

  static async connectMute(port: number): Promise<Http2Peer> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const peer = new Http2Peer(socket);
    await once(socket, 'connect');
    return peer;
  }

  say(...frames: readonly Buffer[]): void {
    if (!this.isOver) this.socket.write(Buffer.concat(frames));
  }

  /** Says so many, as fast as they are taken, until it is told to go. Answers how many it could say. */
  async flood(count: number, frames: (at: number) => readonly Buffer[]): Promise<number> {
    let at = 0;
    while (at < count && !this.isOver && this.goAway === null) {
      const some: Buffer[] = [];
      for (let bytes = 0; at < count && bytes < CHUNK_BYTES; at++) {
        for (const frame of frames(at)) bytes += some.push(frame) && frame.length;
      }
      if (!this.socket.write(Buffer.concat(some))) await this.drained();
      await new Promise(setImmediate);
    }
    return at;
  }

  /** The code of the last GOAWAY. */
  get goAway(): string | null {
    const line = this.heard.findLast((said) => said.startsWith('GOAWAY'));
    return line === undefined ? null : line.split(' ')[2]!;
  }

  /** The code of its RST_STREAM. */
  resetOf(id: number): string | null {
    const line = this.heard.find((said) => said.startsWith(`RST_STREAM ${id} `));
    return line === undefined ? null : line.split(' ')[2]!;
  }

  count(start: string): number {
    return this.heard.filter((said) => said.startsWith(start)).length;
  }

  async hears(start: string): Promise<string> {
    await eventually(() => this.isOver || this.count(start) > 0);
    const found = this.heard.find((said) => said.startsWith(start));
    if (found === undefined) throw new Error(`it ended without ${start}: ${this.heard.slice(-5).join(', ')}`);
    return found;
  }

  /** The other end closes. */
  async over(): Promise<void> {
    await eventually(() => this.isOver);
    this.leave();
  }

  leave(): void {
    this.socket.destroy();
  }

  private async drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        for (const event of ['drain', 'close', 'end']) this.socket.off(event, go);
        resolve();
      };
      for (const event of ['drain', 'close', 'end']) this.socket.on(event, go);
      // Whoever lingers drops what comes and never drains a socket that waits for it.
      setTimeout(go, 100);
    });
  }

  private hear(bytes: Buffer): void {
    const dropped = Math.min(this.skip, bytes.length);
    this.skip -= dropped;
    const all = Buffer.concat([this.rest, bytes.subarray(dropped)]);
    let end = 0;
    while (end + 9 <= all.length && end + 9 + all.readUIntBE(end, 3) <= all.length) end += 9 + all.readUIntBE(end, 3);
    for (const frame of parseFrames(all.subarray(0, end))) this.heard.push(describeFrame(frame));
    this.rest = Buffer.from(all.subarray(end));
  }
}

/** An endpoint that speaks HTTP/2 as `attack` has it, on each connection that has asked something. */
export class BadHttp2Endpoint {
  attack: (peer: Http2Peer) => void = () => undefined;
  readonly peers = new Set<Http2Peer>();
  accepted = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<BadHttp2Endpoint> {
    const server = createTcpServer();
    const endpoint = new BadHttp2Endpoint(server);
    server.on('connection', (socket) => {
      const peer = new Http2Peer(socket, PREFACE.length);
      endpoint.accepted++;
      endpoint.peers.add(peer);
      socket.on('close', () => endpoint.peers.delete(peer));
      peer.say(settings(), SETTINGS_ACK);
      void peer.hears('HEADERS').then(
        () => endpoint.attack(peer),
        () => undefined,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return endpoint;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.leave();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const MIB = Buffer.alloc(1_048_576, 'x');

/** An honest server: `/big` is 1 MiB, `/hold` is never answered, anything else when its request is complete. */
export class Http2Origin {
  requests = 0;
  open = 0;
  lastCookie = '';
  lastBytes = 0;

  private constructor(private readonly server: Http2Server) {}

  static async start(): Promise<Http2Origin> {
    const server = createServer({
      maxSessionMemory: 1_000,
      maxHeaderListPairs: 1_000,
      settings: { maxHeaderListSize: 262_144 },
    });
    const origin = new Http2Origin(server);
    server.on('sessionError', () => undefined);
    server.on('stream', (stream, headers) => {
      origin.requests++;
      origin.open++;
      const isSeen = headers[':path'] !== Canary.path;
      if (isSeen) origin.lastCookie = String(headers.cookie ?? '');
      let bytes = 0;
      stream.on('close', () => origin.open--);
      stream.on('error', () => undefined);
      stream.on('data', (piece: Buffer) => (bytes += piece.length));
      stream.on('end', () => {
        if (isSeen) origin.lastBytes = bytes;
        if (headers[':path'] === '/hold' || stream.destroyed) return;
        stream.respond({ ':status': 200 });
        stream.end(headers[':path'] === '/big' ? MIB : 'ok');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return origin;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Somebody honest on a connection of its own, fifty times a second. */
export class Canary {
  static readonly path = '/canary';
  served = 0;
  readonly failed: string[] = [];
  private readonly session: ClientHttp2Session;
  private readonly timer: NodeJS.Timeout;
  private outstanding = 0;
  private isResting = false;

  constructor(port: number) {
    this.session = connectHttp2(`http://127.0.0.1:${port}`);
    this.session.on('error', (error) => this.failed.push(String(error)));
    this.timer = setInterval(() => this.sing(), 20);
  }

  async progress(count: number): Promise<void> {
    const until = this.served + this.failed.length + count;
    await eventually(() => this.served + this.failed.length >= until);
  }

  /** Sings no more for a while; what is under way has come to its end. */
  async rest(): Promise<void> {
    this.isResting = true;
    await eventually(() => this.outstanding === 0);
  }

  wake(): void {
    this.isResting = false;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await eventually(() => this.outstanding === 0);
    this.session.close();
  }

  private sing(): void {
    if (this.isResting || this.outstanding > 50) return;
    this.outstanding++;
    const stream = this.session.request({ ':path': Canary.path });
    let end = 'nothing';
    stream.on('response', (headers) => (end = `${headers[':status']} ${headers['x-remora-failure'] ?? ''}`.trim()));
    stream.on('error', (error) => (end = String(error)));
    stream.on('close', () => {
      this.outstanding--;
      if (end === '200') this.served++;
      else this.failed.push(end);
    });
    stream.resume();
  }
}
