import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Load, sendOne } from './load.ts';
import { NO_BREAKER, Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  const policy = { port: 0, breaker: NO_BREAKER };
  const budget = { ratio: 0.2, minPerSecond: 5, window: '10s' };
  scene = await Scene.start(['a', 'b'], {
    inbound: { limits: { maxRequests: 3 } },
    config: {
      upstreams: {
        orders: { ...policy, limits: { maxRequests: 6 } },
        ill: { ...policy, service: 'orders', retry: { budget } },
      },
      http: { maxConnections: 50 },
    },
  });
});

afterAll(() => scene.close());

beforeEach(() => Promise.all(scene.origins.map((origin) => origin.mode(''))));

it.each([
  ['orders', 6],
  ['inbound', 3],
])('%s refuses what is more than it may have in flight, and serves on when there is room', async (listener, most) => {
  const port = scene.sidecar.port(listener);
  const begunBefore = scene.origins.flatMap(({ begun }) => begun).length;
  const held = Array.from({ length: most }, (_, i) => sendOne(port, `${listener}-${i}`, 'GET', { path: '/?hold' }));
  await eventually(() => scene.origins.flatMap(({ begun }) => begun).length === begunBefore + most);
  const { status, failure } = await sendOne(port, `${listener}-more`, 'GET');
  expect([status, failure]).toEqual([503, 'overloaded']);
  await Promise.all(scene.origins.map((origin) => origin.release()));
  for (const result of await Promise.all(held)) expect(result.status).toBe(200);
  expect((await sendOne(port, `${listener}-later`, 'GET')).status).toBe(200);
  await eventually(connectionsAreGone);
});

it('a listener resets connections above its number and keeps those it has', async () => {
  let lost = 0;
  const sockets = Array.from({ length: 60 }, () => connect({ host: '127.0.0.1', port: scene.port }));
  for (const socket of sockets) socket.on('error', () => undefined).on('close', () => lost++);
  await eventually(() => lost === 10);
  const kept = sockets.find((socket) => !socket.destroyed)!;
  kept.write('GET / HTTP/1.1\r\nHost: orders\r\n\r\n');
  const [answer] = (await once(kept, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
  for (const socket of sockets) socket.destroy();
  await eventually(connectionsAreGone);
  const refused = { listener: 'orders', failure: 'too_many_connections' };
  expect(await scene.sidecar.metric('remora_rejects_total', refused)).toBe(10);
  const told = { listener: 'orders', reason: 'too_many_connections' };
  await eventually(() => scene.sidecar.hasEvent('connection_refused', told));
});

function connectionsAreGone(): Promise<boolean> {
  return scene.sidecar.metric('remora_connections_active', { listener: 'orders' }).then((count) => count === 0);
}

it('retries add no more to a load than their budget when every endpoint is ill', async () => {
  await Promise.all(scene.origins.map((origin) => origin.mode('status=503')));
  const before = scene.origins.flatMap(({ begun }) => begun).length;
  const startedAt = performance.now();
  const load = new Load(scene.sidecar.port('ill'), { perSecond: 150 });
  await load.progress(450);
  await load.stop();
  const seconds = (performance.now() - startedAt) / 1000;
  const attempts = scene.origins.flatMap(({ begun }) => begun).length - before;
  // Ten seconds' worth of the least that is always allowed may have been saved up.
  const budget = 0.2 * load.results.length + 5 * (10 + seconds);
  expect(attempts).toBeGreaterThan(load.results.length);
  expect(attempts - load.results.length).toBeLessThanOrEqual(budget);
  expect(await scene.sidecar.metric('remora_retries_refused_total', { reason: 'budget' })).toBeGreaterThan(0);
});
