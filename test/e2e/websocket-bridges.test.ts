import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RawData, WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { type OpenOptions, openWebSocket, Refused, WebSocketEndpoint, type Wire } from '../support/web-sockets.ts';

const MIB = 1_048_576;
const BRIDGES: readonly (readonly [client: Wire, endpoint: Wire])[] = [
  ['http', 'http'],
  ['http', 'http2'],
  ['http2', 'http'],
  ['http2', 'http2'],
];

let sidecar: Sidecar;
const endpoints: Record<Wire, WebSocketEndpoint[]> = { http: [], http2: [] };
const servers: Server[] = [];
const leaves: (() => void)[] = [];

async function listening(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  for (const wire of ['http', 'http2'] as const) {
    endpoints[wire] = await Promise.all(['a', 'b'].map((name) => WebSocketEndpoint.start(wire, name)));
  }
  const deaf = await WebSocketEndpoint.start('http2', 'deaf', false);
  endpoints.http2.push(deaf);
  // What stands for HTTP/1.1 here answers every upgrade with a success that switches nothing.
  const plain = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heardByPlain += bytes.toString('latin1');
      if (heardByPlain.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    });
  });
  const slow = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    slowSocket = socket;
    socket.on('data', (bytes) => (heardBySlow += bytes.toString('latin1')));
  });
  const addresses = (wire: Wire): string[] => endpoints[wire].slice(0, 2).map(({ address }) => address);
  const settings = { port: 0, balance: 'round_robin' };
  const hasty = { ...settings, timeouts: { tunnelIdle: '400ms' } };
  sidecar = await Sidecar.start({
    service: { name: 'web', port: 9 },
    telemetry: { accessLog: 'all' },
    upstreams: {
      http: { ...settings, protocol: 'http' },
      http2: { ...settings, protocol: 'http2' },
      'idle-http': { ...hasty, protocol: 'http' },
      'idle-http2': { ...hasty, protocol: 'http2' },
      deaf: { ...settings, protocol: 'http2' },
      plain: { ...settings, protocol: 'http' },
      slow: { ...settings, protocol: 'http' },
    },
    static: {
      http: addresses('http'),
      http2: addresses('http2'),
      'idle-http': addresses('http'),
      'idle-http2': addresses('http2'),
      deaf: [deaf.address],
      plain: [await listening(plain)],
      slow: [await listening(slow)],
    },
  });
});

let heardByPlain = '';
let heardBySlow = '';
let slowSocket: Socket | null = null;

afterEach(async () => {
  for (const leave of leaves.splice(0)) leave();
  await eventually(async () => (await sidecar.metric('remora_requests_active')) === 0);
});

afterAll(async () => {
  const [bugs, active] = [await sidecar.metric('remora_bugs_total'), await sidecar.metric('remora_endpoint_active')];
  await sidecar.kill();
  for (const endpoint of [...endpoints.http, ...endpoints.http2]) endpoint.stop();
  for (const server of servers) server.close();
  expect({ bugs, active, stray: sidecar.stray }).toEqual({ bugs: 0, active: 0, stray: '' });
});

async function open(client: Wire, upstream: string, options: OpenOptions = {}): Promise<WebSocket> {
  const opened = await openWebSocket(client, sidecar.port(upstream), { authority: upstream, ...options });
  leaves.push(opened.leave);
  return opened.ws;
}

/** The answer to a handshake that does not open. */
async function refusal(client: Wire, upstream: string, path = '/'): Promise<Refused> {
  const error = await open(client, upstream, { path }).then(
    () => null,
    (error: unknown) => error,
  );
  if (error instanceof Refused) return error;
  throw new Error(`it was not refused: ${error}`);
}

async function next(ws: WebSocket): Promise<[Buffer, boolean]> {
  const [data, isBinary] = (await once(ws, 'message')) as [RawData, boolean];
  return [data as Buffer, isBinary];
}

async function closeOf(ws: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer];
  return [code, String(reason)];
}

/** Until a number of the test's own has not changed for half a second. */
async function settled(read: () => number): Promise<number> {
  let last = read();
  let since = performance.now();
  await eventually(() => {
    const now = read();
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since > 500;
  });
  return last;
}

function closedAt(endpoint: Wire): string[] {
  return endpoints[endpoint].flatMap(({ closed }) => closed);
}

/** The record of the exchange at this path. */
function record(path: string): Promise<Record<string, unknown>> {
  return eventually(() => {
    const line = sidecar.access.find((entry) => String(entry['path']).startsWith(path));
    if (line === undefined) throw new Error(`${path} has no record`);
    return line;
  });
}

describe.each(BRIDGES)('a WebSocket from %s to %s', (client, endpoint) => {
  const upstream = endpoint;
  const name = `${client}-${endpoint}`;

  it('carries text and binary both ways, small and large', async () => {
    const ws = await open(client, upstream);
    ws.send('grüße');
    expect(await next(ws)).toEqual([Buffer.from('grüße'), false]);
    for (const size of [0, 125, 126, 65_535, 65_536, MIB]) {
      const sent = Buffer.alloc(size, 'binary ');
      ws.send(sent);
      const [got, isBinary] = await next(ws);
      expect([isBinary, got.equals(sent)]).toEqual([true, true]);
    }
  });

  it('carries messages in fragments', async () => {
    const ws = await open(client, upstream);
    for (const word of ['one', ' and', ' another']) ws.send(word, { fin: false });
    ws.send('.', { fin: true });
    expect(await next(ws)).toEqual([Buffer.from('one and another.'), false]);
    const piece = Buffer.alloc(100_000, 'p');
    for (let i = 0; i < 10; i++) ws.send(piece, { binary: true, fin: i === 9 });
    const [got, isBinary] = await next(ws);
    expect([got.length, isBinary]).toEqual([MIB - 48_576, true]);
  });

  it('carries many messages in order', async () => {
    const ws = await open(client, upstream);
    const got: number[] = [];
    ws.on('message', (data: RawData) => got.push(Number(data.toString())));
    const sent = Array.from({ length: 2_000 }, (_, i) => i);
    for (const i of sent) ws.send(String(i));
    await eventually(() => got.length === sent.length);
    expect(got).toEqual(sent);
  });

  it('carries pings and pongs', async () => {
    const ws = await open(client, upstream);
    for (const word of ['', 'one', 'x'.repeat(125)]) {
      const pong = once(ws, 'pong');
      ws.ping(word);
      expect(String((await pong)[0])).toBe(word);
    }
    expect(endpoints[endpoint].flatMap(({ pings }) => pings)).toContain('one');
  });

  it('carries the code of a close from either end, and is a success in the log', async () => {
    const asked = await open(client, upstream, { path: `/asked/${name}` });
    asked.send('close 4001');
    expect(await closeOf(asked)).toEqual([4001, 'as asked']);

    const own = await open(client, upstream, { path: `/own/${name}` });
    own.close(4002, name);
    expect((await closeOf(own))[0]).toBe(4002);
    await eventually(() => closedAt(endpoint).includes(`4002 ${name}`));

    for (const path of [`/asked/${name}`, `/own/${name}`]) {
      expect(await record(path)).toMatchObject({ status: 101, failure: null });
    }
  });

  it('breaks when the endpoint breaks it', async () => {
    const ws = await open(client, upstream);
    ws.send('terminate');
    expect((await closeOf(ws))[0]).toBe(1006);
  });

  it('breaks at the endpoint when the client breaks it', async () => {
    const lost = (): number => closedAt(endpoint).filter((words) => words === '1006').length;
    const before = lost();
    const ws = await open(client, upstream);
    ws.terminate();
    await eventually(() => lost() > before);
  });

  it('ends when neither end says anything for too long, and that is on record', async () => {
    const path = `/idle/${name}`;
    const ws = await open(client, `idle-${upstream}`, { path });
    expect((await closeOf(ws))[0]).toBe(1006);
    expect(await record(path)).toMatchObject({ upstream: `idle-${upstream}`, status: 101, failure: 'tunnel_idle' });
  });

  it('outlives the idle limit as long as pings come', async () => {
    const ws = await open(client, `idle-${upstream}`);
    for (let i = 0; i < 5; i++) {
      ws.ping();
      await once(ws, 'pong');
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(ws.readyState).toBe(ws.OPEN);
  });

  it('goes to endpoints in turn, each connection for itself', async () => {
    const before = endpoints[endpoint].map(({ asked }) => asked.length);
    for (let i = 0; i < 6; i++) await open(client, upstream);
    const gained = endpoints[endpoint].map(({ asked }, at) => asked.length - before[at]!);
    expect(gained.slice(0, 2)).toEqual([3, 3]);
  });

  it('has the protocol and the compression that its ends agree on', async () => {
    const options = { authority: upstream, protocols: ['chat.v1', 'chat.v2'], deflates: true };
    const { ws, headers, leave } = await openWebSocket(client, sidecar.port(upstream), options);
    leaves.push(leave);
    expect(ws.protocol).toBe('chat.v2');
    expect(headers['sec-websocket-extensions']).toMatch(/^permessage-deflate/);
    const sent = 'compress me '.repeat(100_000);
    ws.send(sent);
    expect(String((await next(ws))[0])).toBe(sent);
  });

  it('has neither when they are not offered', async () => {
    const { headers, leave } = await openWebSocket(client, sidecar.port(upstream), { authority: upstream });
    leaves.push(leave);
    expect(headers).not.toHaveProperty('sec-websocket-extensions');
    expect(headers).not.toHaveProperty('sec-websocket-protocol');
  });

  it.each([403, 503])('that the endpoint refuses with %i is refused with that', async (status) => {
    const { status: seen, headers } = await refusal(client, upstream, `/refuse/${status}`);
    expect([seen, ['a', 'b'].includes(String(headers['x-origin']))]).toEqual([status, true]);
  });

  it('holds back a client whose endpoint reads no more, and loses nothing', async () => {
    const ws = await open(client, upstream);
    const before = endpoints[endpoint].reduce((sum, { received }) => sum + received, 0);
    ws.send('pause');
    await eventually(() => endpoints[endpoint].some(({ sockets }) => sockets.at(-1)?.isPaused));
    const message = Buffer.alloc(MIB);
    for (let i = 0; i < 64; i++) ws.send(message);
    expect(await settled(() => ws.bufferedAmount)).toBeGreaterThan(32 * MIB);
    for (const { sockets } of endpoints[endpoint]) for (const one of sockets) one.resume();
    await eventually(() => endpoints[endpoint].reduce((sum, { received }) => sum + received, 0) - before >= 64 * MIB);
  });

  it('holds back an endpoint whose client reads no more, and loses nothing', async () => {
    const ws = await open(client, upstream);
    let got = 0;
    ws.on('message', (data: RawData) => (got += (data as Buffer).length));
    ws.pause();
    ws.send('flood 64');
    const unsent = (): number =>
      Math.max(0, ...endpoints[endpoint].flatMap(({ sockets }) => sockets.map((one) => one.bufferedAmount)));
    await eventually(() => unsent() > 0);
    expect(await settled(unsent)).toBeGreaterThan(32 * MIB);
    ws.resume();
    await eventually(() => got === 64 * MIB);
  });
});

describe.each(['http', 'http2'] as const)('from %s', (client) => {
  it('an endpoint that takes no extended CONNECT costs a clear 501', async () => {
    const { status, headers } = await refusal(client, 'deaf');
    expect([status, headers['x-remora-failure']]).toEqual([501, 'upgrade_unsupported']);
    expect(endpoints.http2.at(-1)!.asked).toEqual([]);
  });

  it('an endpoint that answers 200 to an upgrade opens no tunnel', async () => {
    // To HTTP/2 that would say yes: the client would write, and the endpoint read it as requests (CVE-2024-23326).
    const { status } = await refusal(client, 'plain');
    expect(status).toBe(client === 'http' ? 200 : 502);
    expect(heardByPlain.match(/^GET /gm)?.length).toBe(1);
    expect(heardByPlain).toMatch(/\r\n\r\n$/);
    heardByPlain = '';
  });
});

describe('on HTTP/2', () => {
  function handshake(session: ClientHttp2Session, upstream: string): ClientHttp2Stream {
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':authority': upstream,
      ':path': '/',
      'sec-websocket-version': '13',
    });
    return stream.on('error', () => undefined);
  }

  async function session(upstream: string): Promise<ClientHttp2Session> {
    const made = connectHttp2(`http://127.0.0.1:${sidecar.port(upstream)}`);
    leaves.push(() => made.destroy());
    made.on('error', () => undefined);
    await once(made, 'remoteSettings');
    return made;
  }

  it('what a client writes behind a handshake that is answered 200 never reaches the endpoint', async () => {
    const stream = handshake(await session('plain'), 'plain');
    stream.write('GET /admin HTTP/1.1\r\nHost: plain\r\n\r\n');
    const [head] = await once(stream, 'response');
    expect(head[':status']).toBe(502);
    stream.resume().write('GET /admin HTTP/1.1\r\nHost: plain\r\n\r\n');
    stream.end();
    await once(stream, 'close');
    expect(heardByPlain).toMatch(/^GET \/ HTTP/);
    expect(heardByPlain).not.toContain('/admin');
    heardByPlain = '';
  });

  it('bytes that come before the endpoint has agreed are held until then', async () => {
    heardBySlow = '';
    const stream = handshake(await session('slow'), 'slow');
    stream.write('early bytes');
    await eventually(() => heardBySlow.endsWith('\r\n\r\n'));
    stream.write(' and more');
    const slow = slowSocket!;
    // A round trip on the client's connection: what was written before it has been read.
    await new Promise((resolve) => stream.session!.ping(resolve));
    expect(heardBySlow).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    expect(heardBySlow).not.toContain('early');
    slow.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nwelcome');
    const [head] = await once(stream, 'response');
    expect(head[':status']).toBe(200);
    await eventually(() => heardBySlow.endsWith('\r\n\r\nearly bytes and more'));
    expect(String((await once(stream, 'data'))[0])).toBe('welcome');
  });

  it('each direction ends for itself', async () => {
    const stream = handshake(await session('slow'), 'slow');
    heardBySlow = '';
    await eventually(() => heardBySlow.endsWith('\r\n\r\n'));
    const slow = slowSocket!;
    let hasEnded = false;
    slow.on('end', () => (hasEnded = true));
    slow.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    await once(stream, 'response');
    let got = '';
    stream.on('data', (bytes: Buffer) => (got += String(bytes)));
    stream.end('the last words');
    await eventually(() => hasEnded && heardBySlow.endsWith('the last words'));
    slow.write('and the answer');
    await eventually(() => got === 'and the answer');
    slow.end();
    await once(stream, 'close');
    expect(stream.rstCode).toBe(0);
  });

  it('the loss of the whole connection breaks every WebSocket on it, at its endpoint', async () => {
    const lost = (): number => endpoints.http.flatMap(({ closed }) => closed).filter((it) => it === '1006').length;
    const before = lost();
    const made = await session('http');
    await Promise.all([1, 2, 3].map(() => once(handshake(made, 'http'), 'response')));
    made.destroy();
    await eventually(() => lost() === before + 3);
  });

  it('a WebSocket that breaks leaves the others of its connection alone', async () => {
    const made = await session('http2');
    const [first, second] = [handshake(made, 'http2'), handshake(made, 'http2')];
    await Promise.all([once(first, 'response'), once(second, 'response')]);
    first.close(constants.NGHTTP2_CANCEL);
    await once(first, 'close');
    // A ping of an empty mask comes back as a pong.
    second.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0]));
    expect((await once(second, 'data'))[0]).toEqual(Buffer.from([0x8a, 0x00]));
  });
});
