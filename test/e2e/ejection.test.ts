import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load } from './load.ts';
import { TcpApp, TcpClient } from './mesh.ts';
import { Scene } from './scene.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const QUICK = { interval: '1s', base: '3s', max: '10s', jitter: 0 };
const LATENCY = { minRequests: 10, factor: 3, floor: '50ms' };

async function sceneWith(ejection: object): Promise<Scene> {
  const scene = await Scene.start(['a', 'b', 'c'], { orders: { ejection: { ...QUICK, ...ejection } } });
  cleanups.push(() => scene.close());
  return scene;
}

const ejections = (scene: Scene, detector: string, mode = 'enforce'): Promise<number> =>
  scene.sidecar.metric('remora_ejections_total', { detector, mode });

/** Of the last results so many came from there. */
function share(load: Load, origin: string, of: number): number {
  return load.results.slice(-of).filter((result) => result.origin === origin).length / of;
}

it('leaves out the one of three that is slow, sends it nothing meanwhile, and takes it back when it is not', async () => {
  const scene = await sceneWith({ latency: LATENCY });
  const [slow] = scene.origins;
  const load = new Load(scene.port, { perSecond: 100 });
  await load.progress(100);
  await slow!.mode('delay=300');
  await eventually(async () => (await ejections(scene, 'latency')) === 1, 10_000);
  const begun = slow!.begun.length;
  await load.progress(100);
  // What was on its way when it was left out may have come since.
  expect(slow!.begun.length - begun).toBeLessThanOrEqual(2);

  const cluster = await scene.sidecar.cluster('orders');
  const [view] = cluster.endpoints.filter(({ ejection }) => ejection !== null);
  expect(view).toMatchObject({ port: slow!.port, breaker: 'closed', ejection: { detector: 'latency', count: 1 } });
  expect(view!.ejection!.figures['medianMs']).toBeGreaterThan(250);
  expect(cluster.ejections).toMatchObject([{ kind: 'ejected', detector: 'latency', endpoint: view!.id }]);
  expect(scene.sidecar.hasEvent('endpoint_ejected', { endpoint: view!.id, detector: 'latency' })).toBe(true);
  expect(await scene.sidecar.metric('remora_ejected_endpoints')).toBe(1);

  await slow!.mode('');
  await eventually(() => scene.sidecar.hasEvent('endpoint_returned', { endpoint: view!.id, why: 'time' }), 10_000);
  await eventually(() => Math.abs(share(load, 'a', 90) - 1 / 3) < 0.2 / 3, 10_000);
  await load.stop();
  expect(load.failed).toEqual([]);
  expect(await ejections(scene, 'latency')).toBe(1);
  expect(await scene.sidecar.metric('remora_breaker_trips_total')).toBe(0);
});

it('leaves out the one that answers 503 before its circuit opens, and for longer with each probe that fails', async () => {
  const scene = await sceneWith({ base: '500ms', consecutive5xx: { mode: 'enforce', count: 3 } });
  const [ill] = scene.origins;
  const load = new Load(scene.port, { perSecond: 60 });
  await load.progress(30);
  await ill!.mode('status=503');
  await eventually(async () => (await ejections(scene, 'consecutive_5xx')) >= 3, 15_000);
  await ill!.mode('');
  await eventually(() => share(load, 'a', 90) > 0.25, 15_000);
  await load.stop();
  // Every GET was saved by another attempt.
  expect(load.failed).toEqual([]);
  const times = scene.sidecar.log.filter(({ event }) => event === 'endpoint_ejected').map(({ for_ms }) => for_ms);
  expect(times.slice(0, 3)).toEqual([500, 1000, 1500]);
  // Three in a row, what was on its way by then, and one probe for each ejection that followed.
  expect(await scene.sidecar.metric('remora_attempts_total', { outcome: 'failure' })).toBeLessThanOrEqual(
    3 + 3 + (await ejections(scene, 'consecutive_5xx')),
  );
});

it('only counts what it would do where it is to observe', async () => {
  const scene = await sceneWith({ latency: { ...LATENCY, mode: 'observe' } });
  const [slow] = scene.origins;
  await slow!.mode('delay=300');
  const load = new Load(scene.port, { perSecond: 60 });
  await eventually(async () => (await ejections(scene, 'latency', 'observe')) >= 2, 10_000);
  await load.stop();
  expect(load.failed).toEqual([]);
  expect([await ejections(scene, 'latency'), await scene.sidecar.metric('remora_ejected_endpoints')]).toEqual([0, 0]);
  expect(Math.abs(share(load, 'a', 90) - 1 / 3)).toBeLessThan(0.1);
});

it('leaves out an endpoint that accepts TCP connections and resets them without a word', async () => {
  const apps = await Promise.all([TcpApp.start('x'), TcpApp.start('y')]);
  for (const app of apps) cleanups.push(() => app.stop());
  let resets = 0;
  const resetting = createServer((socket) => {
    socket.on('error', () => undefined);
    // With the first byte, so that the tunnel stands by then and nothing can be tried again.
    socket.once('data', () => {
      resets += 1;
      socket.resetAndDestroy();
    });
  });
  resetting.listen(0, '127.0.0.1');
  await once(resetting, 'listening');
  cleanups.push(() => new Promise((resolve) => resetting.close(resolve)));
  const ports = [(resetting.address() as AddressInfo).port, ...apps.map(({ port }) => port)];
  const ejection = { consecutiveLocal: { mode: 'enforce', count: 3 } };
  const sidecar = await Sidecar.start({
    service: { name: 'web', port: ports[0] },
    upstreams: { cache: { port: 0, protocol: 'tcp', balance: 'round_robin', ejection } },
    static: { cache: ports.map((port) => `127.0.0.1:${port}`) },
  });
  cleanups.push(() => sidecar.kill());
  let lost = 0;
  for (let i = 0; i < 30; i++) {
    const client = new TcpClient(sidecar.port('cache'));
    client.say('hello');
    await eventually(() => client.heard !== '' || client.end !== 'open');
    if (client.heard === '') lost += 1;
    client.close();
  }
  expect([lost, resets]).toEqual([3, 3]);
  expect(await sidecar.metric('remora_ejections_total', { detector: 'consecutive_local', mode: 'enforce' })).toBe(1);
});
