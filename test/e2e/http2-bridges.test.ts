import { once } from 'node:events';
import { request as request1 } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  createServer as createHttp2,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import {
  block,
  data,
  frame,
  headers,
  OK,
  openHeaders,
  PREFACE,
  parseFrames,
  reset,
  settings,
  TYPES,
} from '../support/http2-frames.ts';
import { RawEndpoint } from '../support/raw-endpoint.ts';
import { Sidecar } from '../support/sidecar.ts';
import { OriginApp } from './origin-app.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER } from './scene.ts';

const MIB = 1_048_576;
const OPEN = constants.NGHTTP2_NO_ERROR;
const SIZED = block([':status', '200'], ['content-length', '4']);

let sidecar: Sidecar;
let origin: OriginApp;
let raw: RawEndpoint;
let modern: Http2Server;
let malformed: Server;
/** What `malformed` answers to a request, by the number of its stream. */
let answerOf: (id: number) => Buffer;
/** What `modern` does with a request. */
let serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
const sockets: Socket[] = [];
const sessions: ClientHttp2Session[] = [];

async function listening(server: Server | Http2Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  origin = await OriginApp.start('a');
  raw = await RawEndpoint.start();
  modern = createHttp2();
  modern.on('session', (session) => session.on('error', () => undefined));
  modern.on('stream', (stream, fields) => {
    stream.on('error', () => undefined);
    serve(stream, fields);
  });
  malformed = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    let text: Buffer = Buffer.alloc(0);
    socket.write(settings());
    socket.on('data', (bytes) => {
      text = Buffer.concat([text, bytes]);
      const { asked, rest } = wholeFrames(text);
      text = rest;
      for (const id of asked) socket.write(answerOf(id));
    });
  });
  const settingsOf = (protocol: string): object => ({
    port: 0,
    protocol,
    breaker: NO_BREAKER,
    retry: { backoff: '1ms' },
  });
  sidecar = await Sidecar.start({
    service: { name: 'web', port: 9 },
    telemetry: { accessLog: 'all' },
    upstreams: {
      app: settingsOf('http'),
      raw: settingsOf('http'),
      modern: settingsOf('http2'),
      malformed: settingsOf('http2'),
    },
    static: {
      app: [origin.address],
      raw: [raw.address],
      modern: [await listening(modern)],
      malformed: [await listening(malformed)],
    },
  });
});

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await eventually(async () => (await sidecar.metric('remora_requests_active')) === 0);
});

afterAll(async () => {
  const [bugs, active] = [await sidecar.metric('remora_bugs_total'), await sidecar.metric('remora_endpoint_active')];
  await sidecar.kill();
  await origin.kill();
  await raw.stop();
  for (const socket of sockets) socket.destroy();
  modern.close();
  malformed.close();
  expect({ bugs, active, stray: sidecar.stray }).toEqual({ bugs: 0, active: 0, stray: '' });
});

/** The streams whose request is complete, and the bytes behind the last whole frame. */
function wholeFrames(text: Buffer): { asked: number[]; rest: Buffer } {
  let at = text.subarray(0, PREFACE.length).equals(PREFACE) ? PREFACE.length : 0;
  const start = at;
  while (at + 9 <= text.length && at + 9 + text.readUIntBE(at, 3) <= text.length) at += 9 + text.readUIntBE(at, 3);
  const frames = parseFrames(text.subarray(start, at));
  const asked = frames.filter(({ type, flags }) => type <= TYPES.HEADERS && (flags & 1) !== 0).map(({ id }) => id);
  return { asked, rest: text.subarray(at) };
}

function open(upstream: string): ClientHttp2Session {
  // As lenient as a client can be, so that the limits are those of remora.
  const limits = { maxSendHeaderBlockLength: 200_000, maxSessionMemory: 1_000 };
  const session = connectHttp2(`http://127.0.0.1:${sidecar.port(upstream)}`, limits);
  session.on('error', () => undefined);
  sessions.push(session);
  return session;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly interim: readonly IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders | null;
  readonly body: string;
  /** How its stream ended. */
  readonly code: number;
}

/** All that comes on a stream until it is closed. */
async function answerOn(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | null = null;
  let body = '';
  const interim: IncomingHttpHeaders[] = [];
  stream.on('error', () => undefined);
  stream.on('response', (fields) => (headers = fields));
  stream.on('headers', (fields) => interim.push(fields));
  stream.on('trailers', (fields) => (trailers = fields));
  stream.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')));
  // `once` would take an error for a failure of the test.
  await new Promise((resolve) => stream.on('close', resolve));
  return { status: Number(headers[':status'] ?? 0), headers, interim, trailers, body, code: stream.rstCode };
}

function ask(session: ClientHttp2Session, path: string, fields: OutgoingHttpHeaders = {}): Promise<Answer> {
  return answerOn(session.request({ ':path': path, ':authority': 'shop.test', ...fields }, { endStream: true }));
}

/** The lines of the head that the raw endpoint heard for this target. */
function heardHead(target: string): string[] {
  const text = raw.connections.map((connection) => connection.text).join('');
  const from = text.indexOf(` ${target} HTTP/1.1\r\n`);
  const start = text.lastIndexOf('\n', from) + 1;
  return text.slice(start, text.indexOf('\r\n\r\n', start)).split('\r\n');
}

describe('from HTTP/2 to HTTP/1.1', () => {
  it('trailers come through both ways, and a length that was announced is kept', async () => {
    const session = open('app');
    const answer = await ask(session, '/?trailers');
    expect([answer.status, answer.trailers?.['x-end'], answer.code]).toEqual([200, 'reached', OPEN]);

    const stream = session.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
    stream.end('seven b');
    expect(JSON.parse((await answerOn(stream)).body)).toMatchObject({ bytes: 7, trailers: { 'x-sum': '7' } });

    const sized = await ask(session, '/?bytes=5000');
    expect([sized.headers['content-length'], sized.body.length]).toEqual(['5000', 5000]);
  });

  it('says 100 when the endpoint does, passes hints, and both before the answer', async () => {
    const session = open('app');
    const stream = session.request({ ':method': 'POST', ':path': '/?hints', expect: '100-continue' });
    stream.on('continue', () => stream.end('asked for'));
    const { status, interim, body } = await answerOn(stream);
    expect([status, JSON.parse(body).bytes]).toEqual([200, 9]);
    expect(interim.map((fields) => [fields[':status'], fields['link']])).toContainEqual([
      103,
      '</style.css>; rel=preload',
    ]);
  });

  it('a refusal in place of 100 is the answer, and no body is sent', async () => {
    const session = open('app');
    const stream = session.request({ ':method': 'POST', ':path': '/?expect=refuse', expect: '100-continue' });
    stream.on('continue', () => stream.end('never'));
    expect(await answerOn(stream)).toMatchObject({ status: 417, body: 'not that much\n' });
  });

  it.each([
    ['HEAD', '/?bytes=5000', 200],
    ['GET', '/?status=204', 204],
    ['GET', '/?status=304', 304],
  ])('%s %s has no body', async (method, path, status) => {
    const session = open('app');
    const answer = await ask(session, path, { ':method': method });
    expect(answer).toMatchObject({ status, body: '', code: OPEN });
    if (method === 'HEAD') expect(answer.headers['content-length']).toBe('5000');
    expect((await ask(session, '/')).status).toBe(200);
  });

  it('the head is one of HTTP/1.1: Host, one cookie line, nothing of HTTP/2', async () => {
    const session = open('raw');
    const stream = session.request({
      ':path': '/head?x=1',
      ':authority': 'shop.test:81',
      cookie: ['a=1', 'b=2', 'c=3'],
      te: 'trailers',
      'x-many': 'y',
    });
    await answerOn(stream);
    const lines = heardHead('/head?x=1').map((line) => line.toLowerCase());
    expect(lines[0]).toBe('get /head?x=1 http/1.1');
    expect(lines.filter((line) => line.startsWith('host:'))).toEqual(['host: shop.test:81']);
    expect(lines.filter((line) => line.startsWith('cookie:'))).toEqual(['cookie: a=1; b=2; c=3']);
    expect(lines).toContain('x-many: y');
    expect(lines.filter((line) => line.startsWith(':'))).toEqual([]);
  });

  it('the fields of the hop end here', async () => {
    const answer = await ask(
      open('app'),
      `/?raw=${encodeURIComponent('HTTP/1.1 200 OK~Connection: x-gone~X-Gone: 1~X-Stays: 2~Keep-Alive: timeout=9~Content-Length: 2~~ok')}`,
    );
    expect(answer).toMatchObject({ status: 200, body: 'ok', headers: { 'x-stays': '2' } });
    for (const name of ['connection', 'x-gone', 'keep-alive']) expect(answer.headers).not.toHaveProperty(name);
  });

  it('a client that gives up reaches the endpoint, and its connection lives on', async () => {
    const session = open('app');
    const stream = session.request({ ':path': '/?never', 'x-id': 'given-up' });
    stream.on('error', () => undefined);
    await eventually(() => origin.begun.includes('given-up'));
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => origin.gone.has('given-up'));
    expect((await ask(session, '/')).status).toBe(200);
  });

  it.each([
    ['before its answer', '/?reset=before', 502, /^(upstream_reset|connection_stale)$/],
    ['in the middle of its answer', '/?reset=middle', 200, null],
    ['in the middle of chunks', '/?reset=middle&chunked', 200, null],
  ])('an endpoint that resets %s costs the stream and not the connection', async (_, path, status, failure) => {
    const session = open('app');
    const answer = await ask(session, path, { ':method': 'POST' });
    expect(answer.status).toBe(status);
    if (failure !== null) expect(answer.headers['x-remora-failure']).toMatch(failure);
    expect(answer.code).toBe(failure === null ? constants.NGHTTP2_INTERNAL_ERROR : OPEN);
    expect((await ask(session, '/')).status).toBe(200);
  });

  it.each([
    [413, '/?early=413'],
    [200, '/?early=200'],
  ])('an early %i reaches a client that still sends', async (status, path) => {
    const session = open('app');
    const stream = session.request({ ':method': 'POST', ':path': path });
    stream.write('a beginning');
    const [head] = await once(stream, 'response');
    expect(head[':status']).toBe(status);
    stream.close();
    expect((await ask(session, '/')).status).toBe(200);
  });

  it.each([
    ['a head above the limit', 431, { 'x-long': 'x'.repeat(70_000) }],
    ['a target above the limit', 414, { ':path': `/${'a'.repeat(20_000)}` }],
    ['TRACE', 405, { ':method': 'TRACE' }],
    ['an expectation that nobody knows', 417, { expect: 'the-unexpected' }],
  ])('%s is answered %i, and the connection lives on', async (_, status, fields) => {
    const session = open('app');
    expect((await ask(session, '/', fields)).status).toBe(status);
    expect((await ask(session, '/')).status).toBe(200);
  });
});

describe('what an HTTP/2 client smuggles', () => {
  type Pairs = readonly (readonly [string, string])[];
  const LINE: Pairs = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':authority', 'raw'],
  ];
  const PATH: Pairs = [[':path', '/smuggled']];
  const GET: Pairs = [[':method', 'GET'], ...LINE.slice(1), ['host', 'raw']];
  const NEXT = 'GET /smuggled HTTP/1.1\r\nHost: raw\r\n\r\n';

  /** Sends it, with another request behind it: when that is answered, what came before it has been judged. */
  async function smuggle(fields: Pairs, body: string): Promise<void> {
    const client = connectTcp(sidecar.port('raw'), '127.0.0.1');
    client.on('error', () => undefined);
    let heard: Buffer = Buffer.alloc(0);
    client.on('data', (bytes) => (heard = Buffer.concat([heard, bytes])));
    const hasBody = body !== '';
    client.write(PREFACE);
    client.write(settings());
    client.write(headers(1, block(...fields), hasBody ? 4 : 5));
    if (hasBody) client.write(data(1, body));
    // Another request on the same connection: what came before it has been judged, and the connection lives.
    client.write(headers(3, block([':method', 'GET'], ...LINE.slice(1), [':path', '/sound'])));
    const frames = () => parseFrames(heard.subarray(0, heard.length - wholeFrames(heard).rest.length));
    await eventually(() =>
      frames().some(({ type, id, flags }) => id === 3 && type === TYPES.DATA && (flags & 1) !== 0),
    );
    const resets = frames().filter(({ type, id }) => type === TYPES.RST_STREAM && id === 1);
    expect(resets.map(({ payload }) => payload.readUInt32BE(0))).toEqual([constants.NGHTTP2_PROTOCOL_ERROR]);
    client.destroy();
    expect(raw.complete.filter(({ start }) => start.includes('smuggled'))).toEqual([]);
    expect(raw.faults).toEqual([]);
  }

  /** Heads of requests that the endpoint has heard. */
  function headCount(): number {
    return raw.connections.reduce((sum, { text }) => sum + text.split(' HTTP/1.1\r\n').length - 1, 0);
  }

  it.each<[string, Pairs, string]>([
    ['two lengths', [...LINE, ...PATH, ['content-length', '3'], ['content-length', '30']], NEXT],
    ['a list of lengths', [...LINE, ...PATH, ['content-length', '3, 3']], 'abc'],
    ['a length with a sign', [...LINE, ...PATH, ['content-length', '+3']], 'abc'],
    ['transfer-encoding', [...LINE, ...PATH, ['transfer-encoding', 'chunked']], `0\r\n\r\n${NEXT}`],
    ['a field with the lines of a request', [...LINE, ...PATH, ['x-a', `b\r\n\r\n${NEXT}`]], ''],
    ['a field with a bare LF', [...LINE, ...PATH, ['x-a', 'b\ntransfer-encoding: chunked']], ''],
    ['a field with NUL', [...LINE, ...PATH, ['x-a', 'b\0c']], ''],
    ['a name with a line end', [...LINE, ...PATH, ['x-a: b\r\nx-c', 'd']], ''],
    ['a name with a colon', [...LINE, ...PATH, ['x-a: b', 'd']], ''],
    ['a name in capitals', [...LINE, ...PATH, ['X-A', 'd']], ''],
    ['a path with a space', [...LINE, [':path', '/smuggled HTTP/1.1']], ''],
    ['a path with a line end', [...LINE, [':path', `/ HTTP/1.1\r\nHost: raw\r\n\r\n${NEXT}`]], ''],
    ['a path that is empty', [...LINE, [':path', ''], ['x-smuggled', '1']], ''],
    ['a method with a space', [[':method', 'GET /smuggled HTTP/1.1\r\nx:'], ...LINE.slice(1), [':path', '/']], ''],
    ['an authority with a line end', [...LINE.slice(0, 2), [':authority', 'raw\r\nx: y'], ...PATH], ''],
    ['a Host that is another', [...GET.slice(0, 3), ['host', 'other'], ...PATH], ''],
    ['a pseudo-field behind fields', [...LINE, ['x-a', 'b'], ...PATH], ''],
    ['two paths', [...LINE, ...PATH, ...PATH], ''],
    ['connection', [...LINE, ...PATH, ['connection', 'content-length']], ''],
    ['upgrade', [...LINE, ...PATH, ['upgrade', 'websocket']], ''],
    ['te that is not trailers', [...LINE, ...PATH, ['te', 'chunked']], ''],
  ])('by %s costs the stream, and the endpoint hears no byte of it', async (_, fields, body) => {
    const before = headCount();
    await smuggle(fields, body);
    // That of the other request.
    expect(headCount()).toBe(before + 1);
  });

  it.each<[string, Pairs, string]>([
    ['a length below its body', [...LINE, ...PATH, ['content-length', '3']], NEXT],
    ['a length of nothing before a body', [...LINE, ...PATH, ['content-length', '0']], NEXT],
  ])('by %s costs the stream, and the endpoint hears nothing behind its head', async (_, fields, body) => {
    await smuggle(fields, body);
    for (const { text } of raw.connections) expect(text).not.toContain(NEXT);
  });
});

describe('from HTTP/1.1 to HTTP/2', () => {
  it('Host is the authority, cookies and fields pass, those of the hop do not', async () => {
    let seen: IncomingHttpHeaders = {};
    serve = (stream, fields) => {
      seen = fields;
      stream.respond({ ':status': 200 });
      stream.end('ok');
    };
    const client = await RawClient.ask(
      sidecar.port('modern'),
      'GET /a?b HTTP/1.1\r\nHost: shop.test\r\nConnection: close, x-gone\r\nX-Gone: 1\r\nTE: trailers\r\n' +
        'Cookie: a=1; b=2\r\nX-Stays: 2\r\nKeep-Alive: 5\r\n\r\n',
    );
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(client.text).toMatch(/ok(\r\n0\r\n\r\n)?$/);
    expect(seen).toMatchObject({ ':authority': 'shop.test', ':path': '/a?b', cookie: 'a=1; b=2', 'x-stays': '2' });
    for (const name of ['host', 'connection', 'x-gone', 'keep-alive']) expect(seen).not.toHaveProperty(name);
  });

  it('trailers, hints and 100 pass', async () => {
    serve = (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'reached' }));
      stream.end('body');
    };
    const client = await RawClient.connect(sidecar.port('modern'));
    client.write('GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n');
    await client.heard('x-end: reached\r\n\r\n');
    expect(client.statuses).toEqual([103, 200]);
    client.reset();

    serve = (stream) => {
      stream.additionalHeaders({ ':status': 100 });
      stream.on('data', (bytes: Buffer) => {
        stream.respond({ ':status': 200 });
        stream.end(`heard ${bytes}`);
      });
    };
    const waiting = await RawClient.connect(sidecar.port('modern'));
    waiting.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await waiting.heard('HTTP/1.1 100 Continue\r\n\r\n');
    waiting.write('body');
    await waiting.heard('heard body');
    waiting.reset();
  });

  it('a client that leaves resets the stream at the endpoint', async () => {
    let code: number | null = null;
    let isAsked = false;
    serve = (stream) => {
      isAsked = true;
      stream.on('close', () => (code = stream.rstCode));
    };
    const client = await RawClient.connect(sidecar.port('modern'));
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => isAsked);
    client.reset();
    await eventually(() => code === constants.NGHTTP2_CANCEL);
  });

  it('REFUSED_STREAM is asked again, even of a POST', async () => {
    let asked = 0;
    serve = (stream) => {
      if (++asked === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      stream.respond({ ':status': 200 }, { endStream: true });
    };
    const sent = request1({ port: sidecar.port('modern'), host: '127.0.0.1', method: 'POST' }).end();
    const [answer] = await once(sent, 'response');
    answer.resume();
    expect([answer.statusCode, asked]).toEqual([200, 2]);
  });

  it('a reset before the head is 502 for a POST, and one behind it cuts the answer', async () => {
    let asked = 0;
    serve = (stream) => {
      asked++;
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    };
    const sent = request1({ port: sidecar.port('modern'), host: '127.0.0.1', method: 'POST' }).end();
    const [answer] = await once(sent, 'response');
    answer.resume();
    expect([answer.statusCode, answer.headers['x-remora-failure'], asked]).toEqual([502, 'upstream_reset', 1]);

    answerOf = (id) => Buffer.concat([openHeaders(id, OK), data(id, 'half', 0), reset(id, 2)]);
    const client = await RawClient.ask(sidecar.port('malformed'), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(client.statuses).toEqual([200]);
    expect(client.text).not.toMatch(/\r\n0\r\n/);
  });
});

describe('from HTTP/2 to HTTP/2', () => {
  it('head, cookies and both trailers pass, and so do hints', async () => {
    let seen: IncomingHttpHeaders = {};
    let received: IncomingHttpHeaders = {};
    serve = (stream, fields) => {
      seen = fields;
      stream.on('trailers', (trailers) => (received = trailers));
      stream.resume().on('end', () => {
        stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
        stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'reached' }));
        stream.end('body');
      });
    };
    const fields = { ':method': 'PUT', ':path': '/a?b', ':authority': 'shop.test', cookie: ['c=3', 'd=4'] };
    const stream = open('modern').request(fields, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '4' }));
    stream.end('sent');
    const answer = await answerOn(stream);
    expect(answer).toMatchObject({ status: 200, body: 'body', trailers: { 'x-end': 'reached' }, code: OPEN });
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(answer.interim.map((interim) => interim['link'])).toEqual(['</a.css>']);
    expect(seen).toMatchObject({ ':method': 'PUT', ':path': '/a?b', ':authority': 'shop.test', cookie: 'c=3; d=4' });
    expect(received).toMatchObject({ 'x-sum': '4' });
  });

  it('the reset of a client reaches the endpoint, and its other streams live on', async () => {
    const codes: number[] = [];
    serve = (stream, fields) => {
      if (fields[':path'] === '/') return stream.respond({ ':status': 200 }, { endStream: true });
      stream.on('close', () => codes.push(stream.rstCode));
      stream.respond({ ':status': 200 });
      stream.write('a beginning');
    };
    const session = open('modern');
    const stream = session.request({ ':path': '/long' });
    stream.on('error', () => undefined);
    await once(stream, 'data');
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => codes.length > 0);
    expect(codes).toEqual([constants.NGHTTP2_CANCEL]);
    expect((await ask(session, '/')).status).toBe(200);
  });

  it('a reset of the endpoint behind the head resets the stream, and its connection lives on', async () => {
    const session = open('malformed');
    answerOf = (id) => Buffer.concat([openHeaders(id, OK), data(id, 'half', 0), reset(id, 2)]);
    const cut = await ask(session, '/');
    expect([cut.status, cut.code]).toEqual([200, constants.NGHTTP2_INTERNAL_ERROR]);
    answerOf = (id) => headers(id, OK);
    expect((await ask(session, '/')).status).toBe(200);
  });

  it.each([
    ['is longer', (id: number) => Buffer.concat([openHeaders(id, SIZED), data(id, 'longer')])],
    ['is shorter', (id: number) => Buffer.concat([openHeaders(id, SIZED), data(id, 'les')])],
  ])('an answer that %s than it says resets the stream', async (_, answer) => {
    answerOf = answer;
    const { code } = await ask(open('malformed'), '/');
    expect(code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });
});

describe.each(['http', 'http2'])('of a malformed answer a client of %s hears a 502:', (wire) => {
  it.each<[string, (id: number) => Buffer]>([
    ['no status', (id) => headers(id, block(['x-a', 'b']))],
    ['a status of two digits', (id) => headers(id, block([':status', '20']))],
    ['two of them', (id) => headers(id, block([':status', '200'], [':status', '404']))],
    ['a field in capitals', (id) => headers(id, block([':status', '200'], ['X-A', 'b']))],
    ['a field with a line end', (id) => headers(id, block([':status', '200'], ['x-a', 'b\r\nset-cookie: evil']))],
    ['a field of the hop', (id) => headers(id, block([':status', '200'], ['transfer-encoding', 'chunked']))],
    ['a field of requests', (id) => headers(id, block([':status', '200'], [':path', '/']))],
    ['a 101', (id) => headers(id, block([':status', '101']))],
    ['an interim answer that ends all', (id) => headers(id, block([':status', '103']))],
    ['a length that is none', (id) => headers(id, block([':status', '200'], ['content-length', 'x']))],
    ['a length without a body', (id) => headers(id, block([':status', '200'], ['content-length', '5']))],
    ['a body before the head', (id) => data(id, 'body')],
    ['a head that cannot be read', (id) => headers(id, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ['a frame of another size', (id) => frame(TYPES.RST_STREAM, 0, id, Buffer.alloc(3))],
  ])('%s', async (_, answer) => {
    answerOf = answer;
    if (wire === 'http2') {
      const { status, headers: fields } = await ask(open('malformed'), '/', { ':method': 'POST' });
      expect([status, fields['x-remora-failure']]).toEqual([502, 'bad_response']);
      expect(fields).not.toHaveProperty('set-cookie');
    } else {
      const text = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
      const client = await RawClient.ask(sidecar.port('malformed'), text);
      expect(client.statuses).toEqual([502]);
      expect(client.text).toContain('x-remora-failure: bad_response');
      expect(client.text).not.toContain('evil');
    }
  });
});

describe.each(['app', 'modern'])('a body from HTTP/2 through %s', (upstream) => {
  it('of 8 MiB comes back as it went', async () => {
    serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    };
    const stream = open(upstream).request({ ':method': 'POST', ':path': '/?echo' });
    const sent = Buffer.alloc(8 * MIB, 'back and forth ');
    stream.end(sent);
    const { status, body, code } = await answerOn(stream);
    expect([status, code, Buffer.from(body, 'latin1').equals(sent)]).toEqual([200, OPEN, true]);
  });

  it('waits for a client that does not read, and holds up nobody else on the connection', async () => {
    serve = (stream, fields) => {
      stream.respond({ ':status': 200 });
      if (fields[':path'] === '/small') stream.end('small');
      else stream.pipe(stream);
    };
    const session = open(upstream);
    const stream = session.request({ ':method': 'POST', ':path': '/?echo' });
    stream.on('error', () => undefined);
    stream.write(Buffer.alloc(64 * MIB));
    await once(stream, 'response');
    const unsent = (): number => stream.bufferSize;
    let last = unsent();
    let since = performance.now();
    await eventually(() => {
      if (unsent() !== last) since = performance.now();
      last = unsent();
      return performance.now() - since > 500;
    });
    expect(last).toBeGreaterThan(32 * MIB);
    expect((await ask(session, '/small')).status).toBe(200);
    stream.close(constants.NGHTTP2_CANCEL);
  });
});
