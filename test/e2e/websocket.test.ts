import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawData, WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { RawClient } from './raw-client.ts';
import { Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a'], {
    orders: { timeouts: { tunnelIdle: '1s', request: '500ms' } },
    inbound: { timeouts: { tunnelIdle: '1s', request: '500ms' } },
  });
});

afterAll(() => scene.close());

async function open(listener: string, path = '/'): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${scene.sidecar.port(listener)}${path}`);
  await once(ws, 'open');
  return ws;
}

async function next(ws: WebSocket): Promise<[Buffer, boolean]> {
  const [data, isBinary] = (await once(ws, 'message')) as [RawData, boolean];
  return [data as Buffer, isBinary];
}

describe.each(['orders', 'inbound'])('a WebSocket through %s', (listener) => {
  it('carries text and binary both ways, small and large', async () => {
    const ws = await open(listener);
    ws.send('grüße');
    expect(await next(ws)).toEqual([Buffer.from('grüße'), false]);
    for (const size of [0, 125, 126, 65_536, 1_048_576]) {
      const sent = Buffer.alloc(size, 'binary ');
      ws.send(sent);
      const [got, isBinary] = await next(ws);
      expect([isBinary, got.equals(sent)]).toEqual([true, true]);
    }
    ws.close();
    await once(ws, 'close');
  });

  it('carries many messages in order', async () => {
    const ws = await open(listener);
    const got: number[] = [];
    ws.on('message', (data: RawData) => got.push(Number(data.toString())));
    const sent = Array.from({ length: 2_000 }, (_, i) => i);
    for (const i of sent) ws.send(String(i));
    await eventually(() => got.length === sent.length);
    expect(got).toEqual(sent);
    ws.terminate();
  });

  it('carries pings, and outlives the deadline of a request while they come', async () => {
    const ws = await open(listener);
    for (const n of [1, 2, 3, 4]) {
      const pong = once(ws, 'pong');
      ws.ping(`ping ${n}`);
      expect(String((await pong)[0])).toBe(`ping ${n}`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    ws.close();
    await once(ws, 'close');
  });

  it('carries the code of a close in both directions', async () => {
    const asked = await open(listener);
    asked.send('close 4001');
    const [code, reason] = await once(asked, 'close');
    expect([code, String(reason)]).toEqual([4001, 'as asked']);

    const own = await open(listener);
    own.close(4002, 'our own');
    await once(own, 'close');
    await eventually(() => scene.origins[0]!.lines.includes('closed 4002 our own'));
  });

  it('breaks when the endpoint breaks it, and the other way round', async () => {
    const dropped = await open(listener);
    dropped.send('terminate');
    expect((await once(dropped, 'close'))[0]).toBe(1006);

    const before = scene.origins[0]!.lines.filter((line) => line.startsWith('closed 1006')).length;
    const left = await open(listener);
    left.terminate();
    await eventually(() => scene.origins[0]!.lines.filter((line) => line.startsWith('closed 1006')).length > before);
  });

  it('is closed when neither end says anything for too long', async () => {
    const ws = await open(listener);
    expect((await once(ws, 'close'))[0]).toBe(1006);
  });

  it.each([200, 403])('that the endpoint refuses with %i is refused with that', async (status) => {
    const ws = new WebSocket(`ws://127.0.0.1:${scene.sidecar.port(listener)}/?refuse=${status}`);
    ws.on('error', () => undefined);
    const [, answer] = await once(ws, 'unexpected-response');
    expect([answer.statusCode, answer.headers['x-origin']]).toEqual([status, 'a']);
    ws.terminate();
  });
});

it('bytes that follow the handshake at once are not lost', async () => {
  const client = await RawClient.connect(scene.port);
  const frame = String.fromCharCode(0x81, 0x82, 0, 0, 0, 0) + 'hi';
  client.write(
    'GET / HTTP/1.1\r\nHost: orders\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n${frame}`,
  );
  await client.heard('\x81\x02hi');
  expect(client.text).toMatch(/^HTTP\/1\.1 101 /);
  client.reset();
});

it('an upgrade to HTTP/2 is not passed on', async () => {
  const sent = request({
    port: scene.port,
    host: '127.0.0.1',
    headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' },
  }).end();
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const piece of answer) text += piece;
  expect(answer.statusCode).toBe(200);
  expect(text).not.toMatch(/h2c|http2-settings/i);
});

it('no exchange is left over', async () => {
  await eventually(async () => (await scene.sidecar.metric('remora_requests_active')) === 0);
});
