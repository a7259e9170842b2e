import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { sendOne } from './load.ts';
import { OriginApp } from './origin-app.ts';

const POSTS = 20;

let origins: readonly OriginApp[];
let beside: readonly Sidecar[];
let web: Sidecar;

beforeAll(async () => {
  origins = await OriginApp.many('a', 'b');
  beside = await Promise.all(
    origins.map(({ port }) =>
      Sidecar.start({ service: { name: 'orders', port }, inbound: { port: 0, limits: { maxRequests: 1 } } }),
    ),
  );
  web = await Sidecar.start({
    service: { name: 'web', port: 9 },
    upstreams: { orders: { port: 0, balance: 'round_robin', breaker: { consecutiveFailures: 1 } } },
    static: { orders: beside.map((sidecar) => `127.0.0.1:${sidecar.port('inbound')}`) },
  });
});

afterAll(async () => {
  await Promise.all([web, ...(beside ?? [])].map((sidecar) => sidecar?.kill()));
  await Promise.all((origins ?? []).map((origin) => origin.kill()));
});

it('a POST that one sidecar has no room for is served by the other instance, exactly once, and costs nobody', async () => {
  const [full, free] = origins as readonly [OriginApp, OriginApp];
  const held = sendOne(beside[0]!.port('inbound'), 'held', 'GET', { path: '/?hold' });
  await eventually(() => full.begun.includes('held'));

  for (let i = 0; i < POSTS; i++) {
    const { status, origin } = await sendOne(web.port('orders'), `post-${i}`, 'POST', { body: 'once' });
    expect([status, origin]).toEqual([200, 'b']);
  }
  expect(full.begun).toEqual(['held']);
  expect(free.begun).toEqual(Array.from({ length: POSTS }, (_, i) => `post-${i}`));
  expect(await web.metric('remora_attempts_total', { outcome: 'failure' })).toBe(0);
  expect(await web.metric('remora_breaker_trips_total')).toBe(0);
  const resent = await web.metric('remora_resends_total', { upstream: 'orders' });
  expect(resent).toBeGreaterThan(0);
  expect(await web.metric('remora_attempts_total', { outcome: 'ignored' })).toBe(resent);

  await full.release();
  expect((await held).status).toBe(200);
});

it('one that neither has room for is refused as it was', async () => {
  const held = beside.map((sidecar, i) => sendOne(sidecar.port('inbound'), `busy-${i}`, 'GET', { path: '/?hold' }));
  await eventually(() => origins.every((origin, i) => origin.begun.includes(`busy-${i}`)));
  const refused = await sendOne(web.port('orders'), 'nowhere', 'POST', { body: 'once' });
  expect([refused.status, refused.failure]).toEqual([503, 'overloaded']);
  expect(origins.flatMap(({ begun }) => begun)).not.toContain('nowhere');
  await Promise.all(origins.map((origin) => origin.release()));
  await Promise.all(held);
});
