import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER } from './scene.ts';

const SIZE = 64 * 1_048_576;

let server: Server;
let accepted: Socket[] = [];
let sidecar: Sidecar;

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    accepted.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // Nobody listens at these: the port is taken, and by nobody but the server, on another address.
  const dead = ['127.7.7.1', '127.7.7.2'].map((host) => `${host}:${port}`);
  const tcp = { protocol: 'tcp', port: 0, breaker: NO_BREAKER };
  sidecar = await Sidecar.start({
    service: { name: 'web', port },
    inbound: { port: 0, protocol: 'tcp' },
    upstreams: {
      cache: tcp,
      wobbly: { ...tcp, balance: 'round_robin' },
      gone: tcp,
      impatient: { ...tcp, timeouts: { tunnelIdle: '500ms' } },
    },
    static: {
      cache: [`127.0.0.1:${port}`],
      wobbly: [dead[0], `127.0.0.1:${port}`],
      gone: dead,
      impatient: [`127.0.0.1:${port}`],
    },
  });
});

afterAll(async () => {
  await sidecar.kill();
  server.close();
});

beforeEach(() => {
  accepted = [];
});

/** Both ends of a tunnel. */
async function tunnel(listener: string): Promise<[RawClient, Socket]> {
  const client = await RawClient.connect(sidecar.port(listener));
  await eventually(() => accepted.length > 0);
  return [client, accepted.shift()!];
}

function* bulk(): Generator<Buffer> {
  for (let at = 0; at < SIZE; at += 65_536) yield Buffer.alloc(65_536, `${at} tunnel `);
}

const sentDigest = (() => {
  const digest = createHash('sha256');
  for (const piece of bulk()) digest.update(piece);
  return digest.digest('hex');
})();

/** Of what comes until the FIN. Not by iterating: that would destroy the other direction at its end. */
function digestOf(socket: Socket): Promise<string> {
  const digest = createHash('sha256');
  socket.on('data', (piece) => digest.update(piece));
  return new Promise((resolve, reject) => socket.on('end', () => resolve(digest.digest('hex'))).on('error', reject));
}

describe.each(['cache', 'inbound'])('a tunnel through %s', (listener) => {
  it('is open to the endpoint before the client has said a word', async () => {
    const [client, endpoint] = await tunnel(listener);
    endpoint.write('220 hello\r\n');
    await client.heard('220 hello\r\n');
    client.reset();
  });

  it('goes on one way after the client has said its last', async () => {
    const [client, endpoint] = await tunnel(listener);
    const ended = once(endpoint.resume(), 'end');
    client.write('question');
    client.finish();
    await ended;
    endpoint.write('answer');
    await client.heard('answer');
    expect(client.end).toBe(null);
    endpoint.end();
    expect(await client.closed()).toBe('fin');
  });

  it('goes on one way after the endpoint has said its last', async () => {
    const [client, endpoint] = await tunnel(listener);
    endpoint.end('bye');
    expect(await client.closed()).toBe('fin');
    client.write('more');
    client.finish();
    let heard = '';
    for await (const piece of endpoint) heard += piece;
    expect([client.text, heard]).toEqual(['bye', 'more']);
  });

  it('passes a reset on, from the client and from the endpoint', async () => {
    const [leaver, left] = await tunnel(listener);
    const lost = new Promise((resolve) => left.once('error', resolve));
    left.resume();
    leaver.write('x');
    leaver.reset();
    expect(((await lost) as NodeJS.ErrnoException).code).toBe('ECONNRESET');

    const [client, endpoint] = await tunnel(listener);
    endpoint.resetAndDestroy();
    expect(await client.closed()).toBe('reset');
  });

  it('carries 64 MiB each way at once, unchanged', async () => {
    const client = connect({ host: '127.0.0.1', port: sidecar.port(listener), allowHalfOpen: true });
    await eventually(() => accepted.length > 0);
    const endpoint = accepted.shift()!;
    const [down, up] = await Promise.all([
      digestOf(client),
      digestOf(endpoint),
      pipeline(Readable.from(bulk(), { objectMode: false }), client),
      pipeline(Readable.from(bulk(), { objectMode: false }), endpoint),
    ]);
    expect([down, up]).toEqual([sentDigest, sentDigest]);
  });
});

it('goes to the next endpoint when one does not accept', async () => {
  for (let i = 0; i < 6; i++) {
    const [client, endpoint] = await tunnel('wobbly');
    endpoint.end('here');
    await client.heard('here');
    client.reset();
  }
  expect(await sidecar.metric('remora_retries_total', { upstream: 'wobbly' })).toBeGreaterThan(0);
});

it('is reset when no endpoint accepts', async () => {
  const client = await RawClient.connect(sidecar.port('gone'));
  expect(await client.closed()).toBe('reset');
  await eventually(
    async () => (await sidecar.metric('remora_tunnels_total', { upstream: 'gone', failure: 'connect_refused' })) === 1,
  );
});

it('ends when nothing is said for too long', async () => {
  const [client] = await tunnel('impatient');
  await client.closed();
  await eventually(async () => (await sidecar.metric('remora_tunnels_total', { failure: 'tunnel_idle' })) === 1);
});

it('leaves nothing open', async () => {
  await eventually(async () => (await sidecar.metric('remora_tunnels_active')) === 0);
  await eventually(async () => (await sidecar.metric('remora_endpoint_active')) === 0);
});
