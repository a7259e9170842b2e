import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sidecar } from '../support/sidecar.ts';
import { type Answer, App, ask } from './mesh.ts';

const COOKIE = /^sid=([0-9a-f]{32}); Max-Age=3600; Path=\/shop; HttpOnly; SameSite=Lax$/;
const NAMES = ['a', 'b', 'c'];

let sidecar: Sidecar;
let session: ClientHttp2Session;
const apps: App[] = [];
const moderns: Http2Server[] = [];

async function modernApp(name: string): Promise<string> {
  const server = createServer();
  server.on('session', (opened) => opened.on('error', () => undefined));
  server.on('stream', (stream, { ':path': path }) => {
    stream.respond({ ':status': 200, ...(path === '/own' ? { 'set-cookie': ['x=y', 'sid=own'] } : {}) });
    stream.end(`${name} `);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  moderns.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  for (const name of NAMES) apps.push(await App.start(name));
  const cookie = { name: 'sid', ttl: '1h', path: '/shop', attributes: { sameSite: 'Lax' } };
  const upstream = { port: 0, balance: 'ring_hash', hash: { cookie } };
  sidecar = await Sidecar.start({
    service: { name: 'web', port: 8080 },
    outbound: { port: 0 },
    upstreams: { http1: upstream, http2: { ...upstream, protocol: 'http2' }, nobody: upstream },
    static: {
      http1: apps.map(({ port }) => `127.0.0.1:${port}`),
      http2: await Promise.all(NAMES.map(modernApp)),
      nobody: ['127.0.0.1:1'],
    },
  });
  session = connect(sidecar.url('outbound'));
  session.on('error', () => undefined);
});

afterAll(async () => {
  session?.destroy();
  await sidecar?.kill();
  for (const app of apps) await app.stop();
  for (const server of moderns) server.close();
});

async function askOverHttp2(host: string, cookies: readonly string[], path = '/'): Promise<Answer> {
  const asked = session.request({
    ':authority': host,
    ':path': path,
    ...(cookies.length > 0 ? { cookie: [...cookies] } : {}),
  });
  let headers: Record<string, string | string[] | undefined> = {};
  let body = '';
  asked.setEncoding('utf8');
  asked.on('response', (fields) => {
    headers = fields as typeof headers;
  });
  asked.on('data', (text: string) => {
    body += text;
  });
  await once(asked, 'close');
  return { status: Number(headers[':status']), headers, body };
}

function askOverHttp1(host: string, cookies: readonly string[], path = '/'): Promise<Answer> {
  const headers: Record<string, string> = cookies.length > 0 ? { cookie: cookies.join('; ') } : {};
  return ask(sidecar.port('outbound'), path, { host, headers });
}

const setCookies = ({ headers }: Answer): readonly string[] => (headers['set-cookie'] ?? []) as readonly string[];
const nameIn = ({ body }: Answer): string => body.split(' ')[0]!;

describe.each([
  ['HTTP/1.1', askOverHttp1],
  ['HTTP/2', askOverHttp2],
])('a client of %s', (_version, askFor) => {
  describe.each(['http1', 'http2'])('of an upstream that speaks %s', (host) => {
    it('is given a cookie once, and comes back to the endpoint that it had', async () => {
      const seen = new Set<string>();
      for (let client = 0; client < 12; client++) {
        const first = await askFor(host, []);
        const [line, ...more] = setCookies(first);
        expect([first.status, more]).toEqual([200, []]);
        const [, value] = COOKIE.exec(line!)!;
        for (const cookies of [[`sid=${value}`], ['x=1', `sid=${value}`, 'y=2']]) {
          const next = await askFor(host, cookies);
          expect([nameIn(next), setCookies(next)]).toEqual([nameIn(first), []]);
        }
        seen.add(nameIn(first));
      }
      expect(seen.size).toBeGreaterThan(1);
    });
  });

  it('is given none with an answer of the sidecar itself', async () => {
    const answer = await askFor('nobody', []);
    expect([answer.status, setCookies(answer)]).toEqual([503, []]);
  });

  it("has the application's own cookie where that has the name", async () => {
    expect(setCookies(await askFor('http2', [], '/own'))).toEqual(['x=y', 'sid=own']);
  });
});

it('knows a client of either version by the same cookie', async () => {
  for (const value of ['alice', 'bob', 'carol', 'dave']) {
    const names = await Promise.all([askOverHttp1('http1', [`sid=${value}`]), askOverHttp2('http1', [`sid=${value}`])]);
    expect(nameIn(names[0])).toBe(nameIn(names[1]));
  }
});
