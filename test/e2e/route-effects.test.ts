import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { type Echo, EchoApp } from './echo-app.ts';
import { ask } from './mesh.ts';
import { RawClient } from './raw-client.ts';

const SHOP = 'https://shop.example';

let plain: EchoApp;
let modern: EchoApp;
let sidecar: Sidecar;

beforeAll(async () => {
  [plain, modern] = await Promise.all([EchoApp.start('plain'), EchoApp.start('modern', '2')]);
  const rewritten = {
    rewrite: { prefix: '/', host: 'inside.local' },
    request: { set: { 'x-part': '%route%/%upstream%', 'x-asked': '%method% %host%%path%' }, remove: ['x-secret'] },
    response: { set: { 'x-route': '%route%' }, remove: ['x-powered-by'] },
  };
  const api = { match: { path: { segments: '/api' } } };
  sidecar = await Sidecar.start({
    service: { name: 'web', port: 1 },
    outbound: { port: 0 },
    admin: { port: 0 },
    upstreams: { plain: { port: 0 }, modern: { port: 0, protocol: 'http2' } },
    routes: {
      plain: { hosts: ['shop'], ...api, ...rewritten, to: 'plain' },
      modern: { hosts: ['shop2'], ...api, ...rewritten, to: 'modern' },
      numbered: {
        hosts: ['shop'],
        match: { path: { prefix: '/v' } },
        rewrite: { regex: { pattern: '^/v([0-9]+)/(.*)$', substitution: '/\\2/of/\\1' } },
        to: 'plain',
      },
      moved: { hosts: ['shop'], match: { path: { segments: '/old' } }, redirect: { prefix: '/new', status: 308 } },
      secure: { hosts: ['bare'], redirect: { scheme: 'https', host: 'shop.example', status: 301 } },
      gone: { hosts: ['shop'], match: { path: { exact: '/gone' } }, respond: { status: 410, body: 'gone for good\n' } },
      closed: { hosts: ['shop'], match: { path: { segments: '/desk' } }, maintenance: { retryAfter: '90s' } },
      staff: {
        hosts: ['shop'],
        match: { path: { segments: '/desk' }, headers: { 'x-staff': 'yes' } },
        to: 'plain',
      },
      browsers: {
        hosts: ['api'],
        cors: { origins: [SHOP], methods: ['PUT'], headers: ['x-user'], exposes: ['x-total'], credentials: true },
        to: 'plain',
      },
    },
    static: { plain: [plain.address], modern: [modern.address] },
    telemetry: { accessLog: 'all' },
  });
}, 30_000);

afterAll(async () => {
  await sidecar?.kill();
  await Promise.all([plain, modern].map((app) => app?.stop()));
  expect(sidecar.log.filter(({ event }) => event === 'bug')).toEqual([]);
});

const asked = (host: string, path: string, headers: Record<string, string> = {}, method = 'GET') =>
  ask(sidecar.port('outbound'), path, { host, headers, method });

/** The same over HTTP/2. */
async function asked2(host: string, path: string, headers: Record<string, string> = {}, method = 'GET') {
  const session = connectHttp2(`http://127.0.0.1:${sidecar.port('outbound')}`);
  const stream = session.request({ ':authority': host, ':path': path, ':method': method, ...headers });
  let body = '';
  stream.on('data', (bytes: Buffer) => (body += bytes.toString()));
  const ended = new Promise((resolve) => stream.on('end', resolve));
  stream.end();
  const head = await new Promise<IncomingHttpHeaders & { ':status'?: number }>((resolve, reject) => {
    stream.on('response', resolve);
    stream.on('error', reject);
  });
  await ended;
  session.destroy();
  return { status: head[':status'], headers: head, body };
}

describe.each([
  ['HTTP/1.1', asked],
  ['HTTP/2', asked2],
] as const)('over %s', (_version, ask) => {
  it.each([
    ['shop', 'plain'],
    ['shop2', 'modern'],
  ])('a request to %s is rewritten on its way to %s', async (host, app) => {
    const answer = await ask(host, '/api/carts/7?full=1', { 'x-secret': 'no', 'x-kept': 'yes' });
    const echo = JSON.parse(answer.body) as Echo;
    expect(echo).toMatchObject({ app, path: '/carts/7?full=1' });
    expect(echo.headers).toMatchObject({
      'x-part': `${app}/${app}`,
      'x-asked': `GET ${host}/api/carts/7`,
      'x-forwarded-host': host,
      'x-kept': 'yes',
    });
    expect(echo.headers['host'] ?? echo.headers[':authority']).toBe('inside.local');
    expect(echo.headers).not.toHaveProperty('x-secret');
    expect(answer.headers).toMatchObject({ 'x-route': app });
    expect(answer.headers).not.toHaveProperty('x-powered-by');
  });

  it('a path is rewritten by a pattern', async () => {
    expect(JSON.parse((await ask('shop', '/v12/carts?a=1')).body)).toMatchObject({ path: '/carts/of/12?a=1' });
  });

  it('a redirect says where else to ask', async () => {
    const moved = await ask('shop', '/old/x?y=1');
    expect([moved.status, moved.headers['location'], moved.body]).toEqual([308, '/new/x?y=1', '']);
    const secure = await ask('bare', '/a');
    expect([secure.status, secure.headers['location']]).toEqual([301, 'https://shop.example/a']);
    expect((await ask('shop', '/old//evil.example')).headers['location']).toBe('/new//evil.example');
  });

  it('an answer is written by hand, and has no body for HEAD', async () => {
    const gone = await ask('shop', '/gone');
    expect([gone.status, gone.body]).toEqual([410, 'gone for good\n']);
    const head = await ask('shop', '/gone', {}, 'HEAD');
    expect([head.status, head.body, head.headers['content-length']]).toEqual([410, '', '14']);
  });

  it('maintenance is for all but who is let through', async () => {
    const closed = await ask('shop', '/desk/1');
    expect([closed.status, closed.headers['retry-after'], closed.headers['x-remora-failure']]).toEqual([
      503,
      '90',
      'maintenance',
    ]);
    expect((await ask('shop', '/desk/1', { 'x-staff': 'yes' })).status).toBe(200);
  });

  it('a browser is told what its page may ask and read', async () => {
    const asks = { origin: SHOP, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-user' };
    const preflight = await ask('api', '/carts', asks, 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-user',
      'access-control-allow-credentials': 'true',
    });
    const read = await ask('api', '/carts', { origin: SHOP }, 'PUT');
    expect(read.headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-expose-headers': 'x-total',
    });
    const evil = await ask('api', '/carts', { ...asks, origin: 'https://evil.example' }, 'OPTIONS');
    expect(evil.status).toBe(403);
    const stranger = await ask('api', '/carts', { origin: 'https://evil.example' });
    expect([stranger.status, stranger.headers['access-control-allow-origin'], stranger.headers['vary']]).toEqual([
      200,
      undefined,
      'origin',
    ]);
  });
});

it('a request with a body that a route answers leaves its connection sane', async () => {
  const body = 'x'.repeat(50_000);
  const one = `POST /gone HTTP/1.1\r\nHost: shop\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const last = 'GET /gone HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n';
  const { statuses, text } = await RawClient.ask(sidecar.port('outbound'), one + last);
  // It is said that nothing more is read from it, or all of the body is.
  expect(statuses).toEqual(text.includes('connection: close') ? [410] : [410, 410]);
});

it('what routes answer is counted, and told in the access log by name', async () => {
  const count = (answer: string) => sidecar.metric('remora_route_answers_total', { upstream: '-', answer });
  const [before, stays] = await Promise.all([count('redirect'), count('respond')]);
  await asked('shop', '/old');
  expect(await count('redirect')).toBe(before + 1);
  expect(await count('respond')).toBe(stays);
  const line = await eventually(() => sidecar.access.find((entry) => entry['path'] === '/old') ?? false);
  expect(line).toMatchObject({ kind: 'exchange', route: 'moved', status: 308, upstream: '-' });
});
