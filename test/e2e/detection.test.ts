import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer as createHttp, get, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { RawClient } from './raw-client.ts';

const servers: Server[] = [];
const folder = mkdtempSync(join(tmpdir(), 'remora-tls-'));
let sidecar: Sidecar;
/** The certificate of `secure.mesh`, which nobody but this test trusts. */
let certificate: string;

async function address(server: Server): Promise<string> {
  servers.push(server);
  server.on('connection', (socket: Socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function makeCertificate(): { key: string; cert: string } {
  const [key, cert] = ['key.pem', 'cert.pem'].map((file) => join(folder, file)) as [string, string];
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=secure.mesh';
  const name = ['-addext', 'subjectAltName=DNS:secure.mesh'];
  execFileSync('openssl', [...words.split(' '), ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

beforeAll(async () => {
  const { key, cert } = makeCertificate();
  certificate = cert;
  const web = await address(createHttp((request, response) => response.end(`${request.method} ${request.url}`)));
  const modern = createHttp2((request, response) => response.end(`${request.httpVersion} ${request.url}`));
  const secure = createTls({ key, cert }, (socket) => {
    socket.on('error', () => undefined);
    socket.write(`${socket.servername} `);
    socket.pipe(socket);
  });
  const greeting = createServer((socket) => {
    socket.write('220 ready\r\n');
    socket.pipe(socket);
  });
  const binary = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (bytes) => socket.write(Buffer.from(bytes).reverse()));
    socket.on('end', () => socket.end('bye'));
  });
  const auto = { protocol: 'auto', port: 0 };
  sidecar = await Sidecar.start({
    service: { name: 'caller', port: Number(web.split(':')[1]) },
    inbound: { port: 0, protocol: 'auto' },
    outbound: { port: 0, protocol: 'auto' },
    upstreams: { web: auto, plain: { port: 0 }, modern: auto, secure: auto, greeting: auto, binary: auto },
    static: {
      web: [web],
      plain: [web],
      modern: [await address(modern)],
      secure: [await address(secure)],
      greeting: [await address(greeting)],
      binary: [await address(binary)],
    },
    shutdown: { propagation: '0s', timeout: '10s' },
  });
});

afterAll(async () => {
  await sidecar.kill();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(agent: Agent, listener: string, path: string): Promise<{ text: string; port: number }> {
  const request = get({ agent, host: '127.0.0.1', port: sidecar.port(listener), path, headers: { host: 'web' } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const port = request.socket!.localPort!;
  let text = '';
  for await (const piece of response) text += piece;
  return { text, port };
}

async function askHttp2(listener: string, paths: readonly string[]): Promise<string[]> {
  const session = connectHttp2(sidecar.url(listener));
  const answers = paths.map(async (path) => {
    let text = '';
    for await (const piece of session.request({ ':path': path }).setEncoding('utf8')) text += piece;
    return text;
  });
  return Promise.all(answers).finally(() => session.destroy());
}

async function tls(listener: string, servername: string): Promise<TLSSocket> {
  const options = { host: '127.0.0.1', port: sidecar.port(listener), servername, ca: certificate };
  const socket = connectTls(options);
  await Promise.race([
    once(socket, 'secureConnect'),
    once(socket, 'error').then(([error]) => Promise.reject(error as Error)),
  ]);
  return socket;
}

async function heard(socket: Socket, words: string): Promise<string> {
  let text = '';
  for await (const piece of socket) {
    text += piece;
    if (text.includes(words)) break;
  }
  return text;
}

it.each(['web', 'outbound', 'inbound'])('%s serves HTTP/1.1 on a connection that is kept', async (listener) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answers: { text: string; port: number }[] = [];
  for (const path of ['/a', '/b', '/c']) answers.push(await ask(agent, listener, path));
  agent.destroy();
  expect(answers.map(({ text }) => text)).toEqual(['GET /a', 'GET /b', 'GET /c']);
  expect(new Set(answers.map(({ port }) => port)).size).toBe(1);
  expect(await sidecar.metric('remora_connections_detected_total', { listener, spoken: 'http1' })).toBe(1);
});

it.each([
  ['plain', 'GET'],
  ['modern', '2.0'],
])('%s serves HTTP/2 without a word before it', async (listener, first) => {
  expect(await askHttp2(listener, ['/a', '/b'])).toEqual([`${first} /a`, `${first} /b`]);
  expect(await sidecar.metric('remora_connections_detected_total', { listener, spoken: 'http2' })).toBe(1);
});

it.each(['secure', 'outbound'])(
  '%s passes TLS on, so that the client verifies the endpoint itself',
  async (listener) => {
    const socket = await tls(listener, 'secure.mesh');
    expect(socket.authorized).toBe(true);
    socket.write('through');
    expect(await heard(socket, 'through')).toBe('secure.mesh through');
    expect(await sidecar.metric('remora_connections_detected_total', { listener, spoken: 'tls' })).toBe(1);
  },
);

it('the shared port turns away TLS for a name that nobody has, and whatever names nobody', async () => {
  await expect(tls('outbound', 'nobody.mesh')).rejects.toThrow();
  const client = await RawClient.connect(sidecar.port('outbound'));
  client.write('\0\0');
  expect(await client.closed()).toBe('reset');
  expect(await sidecar.metric('remora_rejects_total', { listener: 'outbound', failure: 'no_route' })).toBe(2);
});

it('a greeting comes to a client that waits for it', async () => {
  const client = await RawClient.connect(sidecar.port('greeting'));
  await client.heard('220 ready\r\n');
  client.write('HELO a\r\n');
  await client.heard('HELO a\r\n');
  client.reset();
  expect(await sidecar.metric('remora_connections_detected_total', { listener: 'greeting', spoken: 'silent' })).toBe(1);
});

it('a binary protocol is passed on, every byte in order, and so are the FINs', async () => {
  const client = await RawClient.connect(sidecar.port('binary'));
  client.write('\0\x01\x02');
  await client.heard('\x02\x01\0');
  client.write('ab');
  await client.heard('ba');
  client.finish();
  expect(await client.closed()).toBe('fin');
  expect(client.text).toBe('\x02\x01\0babye');
  expect(await sidecar.metric('remora_connections_detected_total', { listener: 'binary', spoken: 'opaque' })).toBe(1);
});

it('counts tunnels and requests of one port apart, and leaves nothing open', async () => {
  const tunnels = (upstream: string): Promise<number> => sidecar.metric('remora_tunnels_total', { upstream });
  await eventually(async () => (await tunnels('secure')) === 2);
  await eventually(async () => (await tunnels('greeting')) === 1);
  expect(await sidecar.metric('remora_requests_total', { upstream: 'web', direction: 'outbound' })).toBe(6);
  await eventually(async () => (await sidecar.metric('remora_tunnels_active')) === 0);
  await eventually(async () => (await sidecar.metric('remora_endpoint_active')) === 0);
});

it('a stop does not wait for open tunnels', async () => {
  const client = await RawClient.connect(sidecar.port('binary'));
  client.write('\0\x01');
  await client.heard('\x01\0');
  const stopped = sidecar.stop();
  await eventually(() => sidecar.hasEvent('shutdown_cuts_connections', { connections: 1 }));
  expect(await client.closed()).toBe('reset');
  expect(await stopped).toBe(0);
});
