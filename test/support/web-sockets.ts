import { once } from 'node:events';
import { createServer as createHttp1, type Server as Http1Server, type IncomingHttpHeaders } from 'node:http';
import { connect, createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import * as library from 'ws';
import { type RawData, WebSocket, WebSocketServer } from 'ws';

export type Wire = 'http' | 'http2';

// --- The frame code of `ws` on a stream of HTTP/2, which the library has no handshake for ---

type Params = Readonly<Record<string, unknown>>;
interface Deflate {
  offer(): Params;
  accept(offers: readonly Params[]): Params;
}
/** What the library has and its types do not name. */
const { extension, PerMessageDeflate } = library as unknown as {
  readonly extension: { parse(text: string): Record<string, Params[]>; format(offers: unknown): string };
  readonly PerMessageDeflate: new (options: { isServer: boolean; maxPayload: number }) => Deflate;
};
interface Insides {
  _isServer: boolean;
  _protocol: string;
  _extensions: Record<string, Deflate>;
  setSocket(socket: Duplex, head: Buffer, options: object): void;
}

const DEFLATE = 'permessage-deflate';
const MAX_PAYLOAD = 128 * 1_048_576;

/** `deflate`: as both ends have agreed on it. */
function framesOn(stream: Duplex, isServer: boolean, deflate: Deflate | null, protocol: string): WebSocket {
  const ws = new WebSocket(null as unknown as string, undefined, { autoPong: true, closeTimeout: 30_000 } as object);
  const insides = ws as unknown as Insides;
  insides._isServer = isServer;
  insides._protocol = protocol;
  if (deflate !== null) insides._extensions = { [DEFLATE]: deflate };
  // What is set on a socket that is used in HTTP/1.1 means nothing here.
  insides.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: MAX_PAYLOAD });
  return ws;
}

// --- The client's end ---

export interface OpenOptions {
  readonly path?: string;
  readonly authority?: string;
  readonly protocols?: readonly string[];
  /** Offers permessage-deflate. */
  readonly deflates?: boolean;
}

export interface Opened {
  readonly ws: WebSocket;
  /** Of the answer. */
  readonly headers: IncomingHttpHeaders;
  /** Closes what carries it, after the WebSocket itself is closed. */
  leave(): void;
}

/** A client's handshake was answered otherwise. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
  ) {
    super(`refused with ${status} ${headers['x-remora-failure'] ?? ''}`);
  }
}

export function openWebSocket(wire: Wire, port: number, options: OpenOptions = {}): Promise<Opened> {
  return wire === 'http' ? openOnHttp1(port, options) : openOnHttp2(port, options);
}

async function openOnHttp1(port: number, options: OpenOptions): Promise<Opened> {
  const { path = '/', authority = 'orders', protocols = [], deflates = false } = options;
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols], {
    headers: { host: authority },
    perMessageDeflate: deflates,
    maxPayload: MAX_PAYLOAD,
  });
  let headers: IncomingHttpHeaders = {};
  ws.on('upgrade', (answer) => {
    headers = answer.headers;
  });
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
    ws.once('unexpected-response', (_, answer) => {
      reject(new Refused(answer.statusCode!, answer.headers));
      ws.terminate();
    });
  });
  ws.on('error', () => undefined);
  return { ws, headers, leave: () => ws.terminate() };
}

async function openOnHttp2(port: number, options: OpenOptions): Promise<Opened> {
  const { path = '/', authority = 'orders', protocols = [], deflates = false } = options;
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  await once(session, 'remoteSettings');
  if (session.remoteSettings.enableConnectProtocol !== true) throw new Error('no ENABLE_CONNECT_PROTOCOL');
  const offer = deflates ? new PerMessageDeflate({ isServer: false, maxPayload: MAX_PAYLOAD }) : null;
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':authority': authority,
    ':path': path,
    'sec-websocket-version': '13',
    ...(protocols.length > 0 ? { 'sec-websocket-protocol': protocols.join(', ') } : {}),
    ...(offer === null ? {} : { 'sec-websocket-extensions': extension.format({ [DEFLATE]: [offer.offer()] }) }),
  });
  stream.on('error', () => undefined);
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
  if (headers[':status'] !== 200) {
    session.destroy();
    throw new Refused(headers[':status'], headers);
  }
  const agreed = headers['sec-websocket-extensions'];
  if (agreed !== undefined) offer!.accept(extension.parse(agreed)[DEFLATE]!);
  const ws = framesOn(stream, false, agreed === undefined ? null : offer, headers['sec-websocket-protocol'] ?? '');
  ws.on('error', () => undefined);
  return { ws, headers, leave: () => session.destroy() };
}

// --- The endpoint's end ---

/**
 * An endpoint for WebSockets on one of the two wires. It sends each message back, but for those that ask for something:
 * `close N`, `terminate`, `pause` (reads no more until `resume`), `flood N` (N MiB). The path may ask for a refusal:
 * `/refuse/403`.
 */
export class WebSocketEndpoint {
  readonly sockets: WebSocket[] = [];
  /** Fields of the requests. */
  readonly asked: IncomingHttpHeaders[] = [];
  /** How WebSockets ended here: code and reason. */
  readonly closed: string[] = [];
  readonly pings: string[] = [];
  /** Bytes of the messages that came. */
  received = 0;

  private constructor(
    readonly name: string,
    readonly server: Http1Server | Http2Server,
  ) {}

  /** `takesConnect`: says ENABLE_CONNECT_PROTOCOL, on HTTP/2. */
  static async start(wire: Wire, name = 'a', takesConnect = true): Promise<WebSocketEndpoint> {
    const server =
      wire === 'http' ? createHttp1() : createHttp2({ settings: takesConnect ? { enableConnectProtocol: true } : {} });
    const endpoint = new WebSocketEndpoint(name, server);
    if (wire === 'http') endpoint.serveHttp1(server as Http1Server);
    else endpoint.serveHttp2(server as Http2Server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return endpoint;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    for (const ws of this.sockets) ws.terminate();
    this.server.close();
  }

  private serveHttp1(server: Http1Server): void {
    const handshake = new WebSocketServer({
      noServer: true,
      perMessageDeflate: true,
      maxPayload: MAX_PAYLOAD,
      handleProtocols: (offered) => [...offered].at(-1) ?? false,
    });
    handshake.on('headers', (lines) => lines.push(`x-origin: ${this.name}`));
    server.on('request', (_, response) => response.end('no WebSocket'));
    server.on('upgrade', (request, socket, head) => {
      this.asked.push(request.headers);
      const refusal = refusalOf(request.url);
      if (refusal !== null) {
        socket.end(
          `HTTP/1.1 ${refusal} No\r\nContent-Length: 2\r\nX-Origin: ${this.name}\r\nConnection: close\r\n\r\nno`,
        );
      } else {
        handshake.handleUpgrade(request, socket, head, (ws) => this.serve(ws));
      }
    });
  }

  private serveHttp2(server: Http2Server): void {
    server.on('session', (session) => session.on('error', () => undefined));
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => undefined);
      this.asked.push(headers);
      const refusal = refusalOf(headers[':path'] as string);
      if (headers[':protocol'] !== 'websocket') stream.respond({ ':status': 200 }, { endStream: true });
      else if (refusal !== null) {
        stream.respond({ ':status': Number(refusal), 'x-origin': this.name });
        stream.end('no');
      } else {
        this.accept(stream, headers);
      }
    });
  }

  private accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const protocol = headers['sec-websocket-protocol']?.split(/, */).at(-1);
    const offered = headers['sec-websocket-extensions'];
    const offers = offered === undefined ? undefined : extension.parse(offered)[DEFLATE];
    const deflate = offers === undefined ? null : new PerMessageDeflate({ isServer: true, maxPayload: MAX_PAYLOAD });
    const agreed = deflate?.accept(offers!);
    stream.respond({
      ':status': 200,
      'x-origin': this.name,
      ...(protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }),
      ...(agreed === undefined ? {} : { 'sec-websocket-extensions': extension.format({ [DEFLATE]: [agreed] }) }),
    });
    this.serve(framesOn(stream, true, deflate, protocol ?? ''));
  }

  private serve(ws: WebSocket): void {
    this.sockets.push(ws);
    ws.on('error', () => undefined);
    ws.on('ping', (bytes) => this.pings.push(String(bytes)));
    ws.on('close', (code, reason) => this.closed.push(`${code} ${reason}`.trim()));
    ws.on('message', (data: RawData, isBinary) => {
      this.received += (data as Buffer).length;
      const [word, value] = isBinary ? [] : String(data).split(' ');
      if (word === 'close') ws.close(Number(value), 'as asked');
      else if (word === 'terminate') ws.terminate();
      else if (word === 'pause') ws.pause();
      else if (word === 'flood') for (let i = 0; i < Number(value); i++) ws.send(Buffer.alloc(1_048_576, i));
      else if (word !== 'sink') ws.send(data, { binary: isBinary });
    });
  }
}

function refusalOf(path = ''): string | null {
  return /^\/refuse\/(\d+)/.exec(path)?.[1] ?? null;
}
