import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { Sidecar } from '../support/sidecar.ts';
import { ask, TcpApp, TcpClient } from './mesh.ts';
import { OriginApp } from './origin-app.ts';
import { NO_BREAKER, Scene } from './scene.ts';

/** Quick ones; two failures in a row, or two passes. */
const QUICK = {
  interval: '100ms',
  unhealthyInterval: '100ms',
  noTrafficInterval: '100ms',
  initialJitter: 0,
  timeout: '1s',
  unhealthyThreshold: 2,
};
/** Nothing but checks keeps requests off an endpoint. */
const ALONE = { breaker: NO_BREAKER, retry: { maxAttempts: 1 } };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function scene(names: readonly string[], check: object): Promise<Scene> {
  const made = await Scene.start(names, { orders: { ...ALONE, healthCheck: { path: '/health', ...QUICK, ...check } } });
  ends.push(() => made.close());
  return made;
}

/** What checks say of the endpoint at a port: `up`, `down: answered 503`. */
async function checkOf(sidecar: Sidecar, port: number): Promise<string> {
  const { endpoints } = await sidecar.cluster('orders');
  const check = endpoints.find((endpoint) => endpoint.port === port)?.check;
  return check?.state === 'down' ? `down: ${check.last}` : (check?.state ?? 'none');
}

async function settles(sidecar: Sidecar, port: number, words: string): Promise<void> {
  await eventually(async () => expect(await checkOf(sidecar, port)).toBe(words));
}

/** Who answered so many requests, counted; whatever failed is counted as its status. */
async function shares(port: number, count: number): Promise<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const { status, headers } = await ask(port, '/?tag=work');
    const who = status === 200 ? String(headers['x-origin']) : String(status);
    shares[who] = (shares[who] ?? 0) + 1;
  }
  return shares;
}

describe('health checks over HTTP', () => {
  it('find a frozen endpoint before a request does, and one that thaws', async () => {
    const { sidecar, origins, port } = await scene(['a', 'b', 'c'], {});
    const [a] = origins as [OriginApp];
    await settles(sidecar, a.port, 'up');
    expect(await shares(port, 30)).toEqual({ a: 10, b: 10, c: 10 });
    a.freeze();
    await settles(sidecar, a.port, 'down: no answer in time');
    expect(await shares(port, 40)).toEqual({ b: 20, c: 20 });
    a.thaw();
    await settles(sidecar, a.port, 'up');
    expect(await shares(port, 30)).toEqual({ a: 10, b: 10, c: 10 });
    // Checks are no requests, and many more of them were made.
    expect(await sidecar.metric('remora_requests_total', { direction: 'outbound' })).toBe(100);
    expect(await sidecar.metric('remora_attempts_total', { direction: 'outbound' })).toBe(100);
    expect(await sidecar.metric('remora_breaker_trips_total', { upstream: 'orders' })).toBe(0);
    expect(await sidecar.metric('remora_health_checks_total', { result: 'timeout' })).toBeGreaterThanOrEqual(2);
    expect(sidecar.hasEvent('health_check_down', { why: 'no answer in time' })).toBe(true);
  });

  it('find one that was killed, and use everybody when all are down', async () => {
    const { sidecar, origins, port } = await scene(['a', 'b'], {});
    const [a, b] = origins as [OriginApp, OriginApp];
    await settles(sidecar, a.port, 'up');
    await a.die();
    await settles(sidecar, a.port, 'down: Nothing listens at the endpoint.');
    expect(await shares(port, 20)).toEqual({ b: 20 });
    await b.mode('status=500');
    await settles(sidecar, b.port, 'down: answered 500');
    expect(await shares(port, 20)).toEqual({ 500: 10, 503: 10 });
    expect((await sidecar.cluster('orders')).problem).toBe(
      'all endpoints are critical, or down by our checks; they are used all the same',
    );
    await a.restart();
    await settles(sidecar, a.port, 'up');
    expect(await shares(port, 20)).toEqual({ a: 20 });
  });

  it('are told by an ordinary answer that its endpoint wants no more requests', async () => {
    // Seldom ones: nothing but the answer can have told it.
    const seldom = { interval: '1h', unhealthyInterval: '1h', noTrafficInterval: '1h' };
    const { sidecar, origins, port } = await scene(['a', 'b'], seldom);
    const [a, b] = origins as [OriginApp, OriginApp];
    for (const { port: own } of [a, b]) await settles(sidecar, own, 'up');
    const raw = 'HTTP/1.1 200 OK~X-Origin: a~X-Envoy-Immediate-Health-Check-Fail: true~Content-Length: 0~~';
    await a.mode(`raw=${encodeURIComponent(raw)}`);
    for (let i = 0; i < 2; i++) await ask(port, '/work');
    await settles(sidecar, a.port, 'down: an answer said x-envoy-immediate-health-check-fail');
    expect(await shares(port, 10)).toEqual({ b: 10 });
    expect(await sidecar.metric('remora_health_checks_total', { result: 'withdrawn' })).toBe(1);
  });

  it('end and begin with the configuration', async () => {
    const origins = await OriginApp.many('a', 'b');
    ends.push(() => Promise.all(origins.map((origin) => origin.kill())));
    const [a] = origins as [OriginApp];
    const config = (check: object) => ({
      admin: { port: 0 },
      service: { name: 'web', port: 9 },
      upstreams: { orders: { port: 0, balance: 'round_robin', ...ALONE, ...check } },
      static: { orders: origins.map(({ address }) => address) },
    });
    const sidecar = await Sidecar.startFile(config({}));
    ends.push(() => sidecar.kill());
    await a.mode('status=503');
    expect(await shares(sidecar.port('orders'), 10)).toEqual({ b: 5, 503: 5 });
    sidecar.write(config({ healthCheck: { path: '/', ...QUICK } }));
    await settles(sidecar, a.port, 'down: answered 503');
    expect(await shares(sidecar.port('orders'), 10)).toEqual({ b: 10 });
    sidecar.write(config({}));
    await settles(sidecar, a.port, 'none');
    const before = a.begun.length;
    expect(await shares(sidecar.port('orders'), 10)).toEqual({ b: 5, 503: 5 });
    expect(a.begun.length - before).toBe(5);
  });
});

it('an address that belongs to another service by now gets no requests', async () => {
  const [first, second] = (await freePorts(2)) as [number, number];
  const apps = await OriginApp.many('a', 'b', 'payments');
  ends.push(() => Promise.all(apps.map((app) => app.kill())));
  const [a, b, payments] = apps as [OriginApp, OriginApp, OriginApp];
  const beside = async (name: string, app: OriginApp, port: number): Promise<Sidecar> => {
    const service = { name, port: app.port };
    const sidecar = await Sidecar.start({ service, inbound: { port, identify: true } });
    ends.push(() => sidecar.kill());
    return sidecar;
  };
  const ofA = await beside('orders', a, first);
  await beside('orders', b, second);
  const caller = await Sidecar.start({
    service: { name: 'web', port: 9 },
    upstreams: {
      orders: { port: 0, balance: 'round_robin', ...ALONE, healthCheck: { path: '/health', identity: {}, ...QUICK } },
    },
    static: { orders: [`127.0.0.1:${first}`, `127.0.0.1:${second}`] },
  });
  ends.push(() => caller.kill());
  for (const port of [first, second]) await settles(caller, port, 'up');
  const port = caller.port('orders');
  expect(await shares(port, 10)).toEqual({ a: 5, b: 5 });

  await ofA.kill();
  await settles(caller, first, 'down: Nothing listens at the endpoint.');
  await beside('payments', payments, first);
  await settles(caller, first, 'down: is payments');
  expect(await shares(port, 20)).toEqual({ b: 20 });
  expect(await caller.metric('remora_health_checks_total', { result: 'stranger' })).toBeGreaterThan(0);
  // All that the other service has seen were checks.
  expect(payments.begun.length).toBeGreaterThan(0);
  expect(payments.lines.filter((line) => line.includes('work'))).toEqual([]);
  expect(b.lines.filter((line) => line.includes('work'))).toHaveLength(25);
});

it('health checks over TCP say and hear what they are told', async () => {
  const [good, other] = await Promise.all([TcpApp.start('good'), TcpApp.start('other')]);
  ends.push(() => Promise.all([good.stop(), other.stop()]));
  const sidecar = await Sidecar.start({
    service: { name: 'web', port: 9 },
    upstreams: {
      orders: {
        port: 0,
        protocol: 'tcp',
        balance: 'round_robin',
        ...ALONE,
        healthCheck: { send: 'PING\r\n', expect: 'good PING', ...QUICK },
      },
    },
    static: { orders: [good, other].map(({ port }) => `127.0.0.1:${port}`) },
  });
  ends.push(() => sidecar.kill());
  await settles(sidecar, good.port, 'up');
  await settles(sidecar, other.port, 'down: no answer in time');
  const clients = Array.from({ length: 6 }, () => new TcpClient(sidecar.port('orders')));
  for (const client of clients) await client.hears('good ');
  expect(await sidecar.metric('remora_endpoint_active')).toBe(6);
  for (const client of clients) client.close();
  await eventually(async () => (await sidecar.metric('remora_endpoint_active')) === 0);
  expect(await sidecar.metric('remora_health_checks_total', { result: 'passed' })).toBeGreaterThan(0);
});
