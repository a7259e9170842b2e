import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load } from './load.ts';
import { ask } from './mesh.ts';
import { OriginApp } from './origin-app.ts';

let origins: OriginApp[];
let spare: OriginApp;
let sidecar: Sidecar;

const BREAKER = { coolDown: '200ms', maxCoolDown: '300ms' };

function config(more: object = {}) {
  const orders = { port: 0, service: 'orders', breaker: BREAKER };
  return {
    service: { name: 'web', port: 1 },
    admin: { port: 0 },
    upstreams: {
      written: {
        ...orders,
        fallback: { static: { status: 203, contentType: 'application/json', body: '{"later":true}' } },
      },
      kept: { ...orders, fallback: { stale: { maxAge: '1m' } } },
      moved: { ...orders, fallback: { upstream: 'spare' } },
      spare: { port: 0 },
      all: { ...orders, fallback: { upstream: 'spare', stale: {}, static: { body: 'sorry' } } },
      ...more,
    },
    static: { orders: origins.map(({ address }) => address), spare: [spare.address] },
    telemetry: { accessLog: 'all' },
  };
}

beforeAll(async () => {
  [spare, ...origins] = (await OriginApp.many('spare', 'a', 'b')) as [OriginApp, ...OriginApp[]];
  sidecar = await Sidecar.start(config());
});

afterAll(async () => {
  await sidecar.kill();
  await Promise.all([spare, ...origins].map((origin) => origin.kill()));
  expect(sidecar.log.filter(({ event }) => event === 'bug')).toEqual([]);
});

const given = (upstream: string, kind: string) => sidecar.metric('remora_fallbacks_total', { upstream, kind });

it('fails nobody who reads while all endpoints are dead, and goes back to them when they live', async () => {
  const names = ['written', 'kept', 'moved'];
  const loads = names.map((name) => new Load(sidecar.port(name), { perSecond: 100 }));
  await Promise.all(loads.map((load) => load.progress(100)));
  for (const name of names) for (const kind of ['static', 'stale', 'cluster']) expect(await given(name, kind)).toBe(0);

  await Promise.all(origins.map((origin) => origin.die()));
  await eventually(async () => (await given('written', 'static')) > 100);
  await eventually(async () => (await given('kept', 'stale')) > 100);
  await eventually(async () => (await given('moved', 'cluster')) > 100);
  const [written, kept, moved] = await Promise.all(names.map((name) => ask(sidecar.port(name))));
  expect([written!.status, written!.body, written!.headers['x-remora-fallback']]).toEqual([
    203,
    '{"later":true}',
    'static',
  ]);
  expect(written!.headers['content-type']).toBe('application/json');
  expect([kept!.status, kept!.headers['x-remora-fallback']]).toEqual([200, 'stale']);
  expect(Number(kept!.headers['age'])).toBeGreaterThanOrEqual(0);
  expect(JSON.parse(kept!.body)).toMatchObject({ method: 'GET' });
  expect([moved!.status, moved!.headers['x-remora-fallback'], moved!.headers['x-origin']]).toEqual([
    200,
    'cluster',
    'spare',
  ]);

  await Promise.all(origins.map((origin) => origin.restart()));
  await Promise.all(
    loads.map((load) =>
      eventually(() => load.results.slice(-20).every(({ origin, status }) => status === 200 && 'ab'.includes(origin))),
    ),
  );
  await Promise.all(loads.map((load) => load.stop()));
  expect(loads.flatMap((load) => load.failed)).toEqual([]);
  const standing = (upstream: string) => sidecar.metric('remora_requests_active', { upstream });
  expect([await standing('moved'), await standing('spare')]).toEqual([0, 0]);
  expect(await sidecar.metric('remora_endpoint_active')).toBe(0);
  await eventually(() =>
    sidecar.access.some(({ fallback, upstream }) => fallback === 'cluster' && upstream === 'moved'),
  );
  await eventually(() => sidecar.access.some(({ fallback, upstream }) => fallback === 'stale' && upstream === 'kept'));
}, 30_000);

it('stands in for bad answers, gives a HEAD what it kept of a GET, and survives a reload', async () => {
  await Promise.all(origins.map((origin) => origin.mode('')));
  const port = sidecar.port('kept');
  const fresh = await ask(port, '/?tag=x');
  expect(fresh.headers['x-remora-fallback']).toBe(undefined);
  sidecar.write(config({ more: { port: 0, service: 'orders' } }));
  await eventually(() => sidecar.hasEvent('listening', { listener: 'more' }));
  await Promise.all(origins.map((origin) => origin.mode('status=503')));
  const stale = await ask(port, '/?tag=x');
  expect([stale.status, stale.headers['x-remora-fallback'], stale.body]).toEqual([200, 'stale', fresh.body]);
  const head = await ask(port, '/?tag=x', { method: 'HEAD' });
  expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', String(fresh.body.length)]);
  expect((await ask(port, '/?tag=other')).status).toBe(503);
  await Promise.all(origins.map((origin) => origin.mode('')));
});

it('asks best first: the other cluster, then what was kept, then what is written; and a write only where nobody saw it', async () => {
  const port = sidecar.port('all');
  await ask(port, '/?tag=best');
  await Promise.all([spare, ...origins].map((origin) => origin.mode('status=503')));
  const seen = spare.begun.length;
  expect((await ask(port, '/?tag=best')).headers['x-remora-fallback']).toBe('stale');
  expect((await ask(port, '/?tag=new')).body).toBe('sorry');
  expect(spare.begun.length).toBeGreaterThan(seen);
  expect((await ask(port, '/', { method: 'POST', body: 'once' })).status).toBe(503);

  await spare.mode('');
  const before = spare.begun.length;
  expect((await ask(port, '/', { method: 'POST', body: 'once' })).headers['x-origin']).not.toBe('spare');
  expect(spare.begun.length).toBe(before);
  await Promise.all(origins.map((origin) => origin.die()));
  await eventually(async () => {
    const { headers, status } = await ask(port, '/', { method: 'POST', body: 'once' });
    return status === 200 && headers['x-origin'] === 'spare' && headers['x-remora-fallback'] === 'cluster';
  });
});
