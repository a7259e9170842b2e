import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { sendOne } from './load.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER, Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a'], {
    config: {
      upstreams: {
        orders: { port: 0, breaker: NO_BREAKER, timeouts: { request: '400ms' } },
        silent: { port: 0, breaker: NO_BREAKER, service: 'orders', timeouts: { streamIdle: '400ms' } },
      },
    },
  });
});

afterAll(() => scene.close());

it('answers 504 at the deadline, and the endpoint is told', async () => {
  const { status, failure } = await sendOne(scene.port, 'late', 'POST', { path: '/?hold', body: 'x' });
  expect([status, failure]).toEqual([504, 'deadline_exceeded']);
  await eventually(() => scene.origins[0]!.gone.has('late'));
  await scene.origins[0]!.release();
});

it('cuts an answer that is not complete at the deadline', async () => {
  const client = await RawClient.ask(scene.port, 'GET /?stall HTTP/1.1\r\nHost: orders\r\nX-Id: long\r\n\r\n');
  expect(client.statuses).toEqual([200]);
  await eventually(() => scene.origins[0]!.gone.has('long'));
  expect(await scene.sidecar.metric('remora_requests_total', { failure: 'deadline_exceeded' })).toBe(2);
});

it('answers 408 to a client that stops in the middle of its body, and the endpoint is told', async () => {
  const text = 'POST / HTTP/1.1\r\nHost: orders\r\nX-Id: stalled\r\nContent-Length: 100\r\n\r\nhalf';
  const client = await RawClient.ask(scene.sidecar.port('silent'), text);
  expect(client.statuses).toEqual([408]);
  expect(client.text).toContain('x-remora-failure: body_timeout');
  await eventually(() => scene.origins[0]!.gone.has('stalled'));
});

it('cuts an answer that stops in the middle', async () => {
  const client = await RawClient.ask(
    scene.sidecar.port('silent'),
    'GET /?stall HTTP/1.1\r\nHost: orders\r\nX-Id: half\r\n\r\n',
  );
  expect(client.statuses).toEqual([200]);
  expect(client.text).toContain('content-length: 2000');
  expect(client.text.slice(client.text.indexOf('\r\n\r\n') + 4).length).toBe(1000);
  await eventually(() => scene.origins[0]!.gone.has('half'));
});
