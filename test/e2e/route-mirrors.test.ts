import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { EchoApp } from './echo-app.ts';
import { Load } from './load.ts';
import { ask } from './mesh.ts';

let app: EchoApp;
let mirror: EchoApp;
let sidecar: Sidecar;

beforeAll(async () => {
  [app, mirror] = await Promise.all([EchoApp.start('app'), EchoApp.start('mirror')]);
  sidecar = await Sidecar.start({
    service: { name: 'web', port: 1 },
    outbound: { port: 0 },
    admin: { port: 0 },
    upstreams: {
      orders: {
        port: 0,
        retry: { replay: '16KiB' },
        routes: {
          all: {
            match: { path: { segments: '/api' } },
            rewrite: { prefix: '/' },
            mirror: [{ to: 'next', percent: 100 }],
          },
        },
      },
      next: {},
    },
    static: { orders: [app.address], next: [mirror.address] },
  });
}, 30_000);

afterAll(async () => {
  await sidecar?.kill();
  await Promise.all([app, mirror].map((one) => one?.stop()));
  expect(sidecar.log.filter(({ event }) => event === 'bug')).toEqual([]);
});

const count = (result: string) => sidecar.metric('remora_mirrors_total', { result });

it('a mirror is sent what the application is, and marked', async () => {
  const answer = await ask(sidecar.port('orders'), '/api/carts?x=1', { method: 'POST', body: 'whole', host: 'shop' });
  expect(JSON.parse(answer.body)).toMatchObject({ app: 'app', path: '/carts?x=1', body: 'whole' });
  await eventually(() => mirror.asked.length === 1);
  expect(mirror.asked[0]).toMatchObject({
    method: 'POST',
    path: '/carts?x=1',
    body: 'whole',
    headers: { host: 'shop', 'x-remora-mirror': 'all', 'x-remora-criticality': 'sheddable' },
  });
  expect(mirror.asked[0]!.headers['x-request-id']).toBe(app.asked.at(-1)!.headers['x-request-id']);
  await eventually(async () => (await count('ok')) === 1);
});

it('a body that was not kept whole is not copied', async () => {
  const before = mirror.asked.length;
  const large = await ask(sidecar.port('orders'), '/api/x', { method: 'PUT', body: 'x'.repeat(100_000) });
  expect(large.status).toBe(200);
  await eventually(async () => (await count('body')) === 1);
  expect(mirror.asked.length).toBe(before);
});

it('nobody fails or waits while the mirror is silent, and then dead', async () => {
  mirror.isSilent = true;
  const load = new Load(sidecar.port('orders'), { path: '/api/load', perSecond: 200 });
  await load.progress(300);
  await eventually(async () => (await sidecar.metric('remora_mirrors_active', {})) === 128);
  await eventually(async () => (await count('full')) > 0);
  await mirror.stop();
  await eventually(async () => (await count('failed')) > 128);
  await load.progress(300);
  const results = await load.stop();
  expect(load.results.filter(({ status }) => status !== 200)).toEqual([]);
  const slowest = Math.max(...load.results.map(({ tookMs }) => tookMs));
  // A mirror that clients waited for would have cost them seconds, and each of them.
  expect(slowest).toBeLessThan(1_000);
  expect(await sidecar.metric('remora_retries_total', { upstream: 'orders' })).toBe(0);
  return results;
}, 60_000);
