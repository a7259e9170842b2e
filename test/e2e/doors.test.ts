import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { WireClient } from '../support/wire-client.ts';
import { Load, type Result, sendOne } from './load.ts';
import { ask } from './mesh.ts';
import { NO_BREAKER, Scene } from './scene.ts';

function failuresOf(results: readonly Result[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, failure } of results) {
    const word = `${status} ${failure}`.trim();
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

/** Another configuration, of which what is taken at the start alone is not looked at. */
function rewrite({ sidecar, origins }: Scene, orders: object, more: object = {}): void {
  sidecar.write({
    admin: { port: 0 },
    service: { name: 'web', port: origins[0]!.port },
    inbound: { port: 0 },
    outbound: { port: 0 },
    upstreams: { orders: { port: 0, balance: 'round_robin', ...orders } },
    static: { orders: origins.map(({ address }) => address) },
    ...more,
  });
}

/** Less than any heap. */
const NO_HEAP = { heap: { start: 0.000001, full: 0.000002 } };

describe('rate limits', () => {
  let scene: Scene;
  const hourly = { window: '1h', burst: 40 };

  beforeAll(async () => {
    const rateLimits = [
      { name: 'users', requests: 40, ...hourly, by: { header: 'x-user' }, maxKeys: 2 },
      { name: 'writes', requests: 40, ...hourly, path: '/orders/*', methods: ['POST'] },
      { name: 'watched', requests: 1, window: '1h', path: '/watched', mode: 'observe' },
    ];
    scene = await Scene.start(['a'], {
      orders: { rateLimits },
      inbound: { rateLimits: [{ name: 'callers', requests: 5, window: '1h', by: { caller: true }, tells: 'all' }] },
    });
  });

  afterAll(() => scene.close());

  it('let in exactly as many as they may under load, and count the rest', async () => {
    const load = new Load(scene.port, { perSecond: 400 });
    await load.progress(300);
    const results = await load.stop();
    const refused = results.length - 40;
    expect(failuresOf(results)).toEqual({ 200: 40, '429 rate_limited': refused });
    expect(scene.origins[0]!.begun).toHaveLength(40);
    const labels = { direction: 'outbound', upstream: 'orders', limit: 'users', mode: 'enforce' };
    expect(await scene.sidecar.metric('remora_rate_limited_total', labels)).toBe(refused);
  });

  it('say what the limit is and when to come again', async () => {
    const { status, headers } = await ask(scene.port, '/');
    expect(status).toBe(429);
    expect(headers).toMatchObject({
      'retry-after': expect.stringMatching(/^(8[0-9]|90)$/),
      'ratelimit-policy': '"users";q=40;w=3600',
      ratelimit: expect.stringMatching(/^"users";r=0;t=(8[0-9]|90)$/),
      'x-remora-failure': 'rate_limited',
    });
  });

  it('go by what they are told, with so many keys and no more', async () => {
    for (const user of ['ann', 'bob', 'cat']) {
      expect((await ask(scene.port, '/', { headers: { 'x-user': user } })).status).toBe(200);
    }
    const labels = { limit: 'users' };
    expect(await scene.sidecar.metric('remora_rate_limit_keys', labels)).toBe(2);
    expect(await scene.sidecar.metric('remora_rate_limit_evicted_total', labels)).toBeGreaterThan(0);
  });

  it('let in what they only watch', async () => {
    const headers = { 'x-user': 'dan' };
    for (let i = 0; i < 5; i++) expect((await ask(scene.port, '/watched', { headers })).status).toBe(200);
    const labels = { limit: 'watched', mode: 'observe' };
    expect(await scene.sidecar.metric('remora_rate_limited_total', labels)).toBe(4);
  });

  it('stand before the application too, and tell each caller how it stands', async () => {
    const port = scene.sidecar.port('inbound');
    const answers = await Promise.all(Array.from({ length: 7 }, () => ask(port, '/')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 429, 429]);
    const left = answers.map(({ headers }) => /r=([0-9]+)/.exec(String(headers['ratelimit']))?.[1]);
    expect(left.sort()).toEqual(['0', '0', '0', '1', '2', '3', '4']);
  });

  it('keep what they have counted when the configuration changes', async () => {
    const limits = [{ name: 'users', requests: 40, ...hourly, by: { header: 'x-user' }, maxKeys: 2, path: '/*' }];
    const before = await scene.sidecar.metric('remora_rate_limited_total', { limit: 'users', mode: 'enforce' });
    rewrite(scene, { rateLimits: limits });
    await eventually(async () => (await scene.sidecar.metric('remora_rate_limit_keys', { limit: 'watched' })) === 0);
    expect(await scene.sidecar.metric('remora_rate_limited_total', { limit: 'users', mode: 'enforce' })).toBe(before);
  });
});

it('a throttle holds back most of the load from a service that fails all of it, and lets it all in when that is over', async () => {
  const scene = await Scene.start(['a'], {
    orders: {
      breaker: NO_BREAKER,
      retry: { maxAttempts: 1 },
      throttle: { mode: 'enforce', window: '1s', minPerSecond: 20 },
    },
  });
  await scene.origins[0]!.mode('status=503');
  const load = new Load(scene.port, { perSecond: 300 });
  await eventually(async () => (await scene.sidecar.metric('remora_throttle_ratio', { upstream: 'orders' })) > 0.75);
  const begun = scene.origins[0]!.begun.length;
  const ended = load.results.length;
  await load.progress(300);
  expect(scene.origins[0]!.begun.length - begun).toBeLessThan(0.5 * (load.results.length - ended));
  await scene.origins[0]!.mode('');
  await eventually(async () => (await scene.sidecar.metric('remora_throttle_ratio', { upstream: 'orders' })) === 0);
  const results = await load.stop();
  const counts = failuresOf(results);
  expect(counts['503 throttled']).toBe(
    await scene.sidecar.metric('remora_throttled_total', { upstream: 'orders', mode: 'enforce' }),
  );
  expect((await sendOne(scene.port, 'after', 'GET')).status).toBe(200);
  await scene.close();
});

describe('the overload guard', () => {
  it('turns requests away for a heap that is fuller than it may be, says so, and leaves admin alone', async () => {
    const scene = await Scene.start(['a']);
    const early = await WireClient.connect(scene.port);
    rewrite(scene, {}, { overload: NO_HEAP });
    await eventually(() => scene.sidecar.hasEvent('overload_began', { resource: 'heap' }));
    early.ask('/');
    await early.answered(1);
    expect(early.statuses).toEqual([503]);
    for (const line of ['x-remora-failure: sidecar_overloaded', 'retry-after: 1', 'connection: close']) {
      expect(early.text).toContain(`${line}\r\n`);
    }
    expect((await sendOne(scene.port, 'late', 'GET')).status).toBe(0);
    expect((await scene.sidecar.get('/ready')).status).toBe(200);
    expect(await scene.sidecar.metric('remora_overload_pressure', { resource: 'heap' })).toBe(1);
    expect(await scene.sidecar.metric('remora_shed_total', { what: 'critical', mode: 'enforce' })).toBe(1);
    expect(scene.origins[0]!.begun).toEqual([]);
    await scene.close();
  });

  it('takes other bounds without a restart', async () => {
    const scene = await Scene.start(['a'], { config: { overload: NO_HEAP } });
    await eventually(() => scene.sidecar.hasEvent('overload_began', { resource: 'heap' }));
    rewrite(scene, {});
    await eventually(() => scene.sidecar.hasEvent('overload_over', { resource: 'heap' }), 15_000);
    expect((await sendOne(scene.port, 'after', 'GET')).status).toBe(200);
    await scene.close();
  });

  it('ends kept connections and then takes no new ones when sockets run out, and serves who is there', async () => {
    const scene = await Scene.start(['a'], {
      descriptors: 256,
      config: { overload: { sockets: { start: 0.1, full: 0.3 } } },
    });
    const early = await WireClient.connect(scene.port);
    early.ask('/');
    await early.answered(1);
    const sockets = Array.from({ length: 40 }, () => connect({ host: '127.0.0.1', port: scene.port }));
    for (const socket of sockets) socket.on('error', () => undefined);
    const pressure = () => scene.sidecar.metric('remora_overload_pressure', { resource: 'sockets' });
    await eventually(async () => (await pressure()) === 1);
    const late = await sendOne(scene.port, 'late', 'GET');
    expect(late.status).toBe(0);
    expect(await scene.sidecar.metric('remora_shed_total', { what: 'connection' })).toBeGreaterThan(0);
    early.ask('/again');
    await early.answered(2);
    expect(early.statuses).toEqual([200, 200]);
    await eventually(() => early.end !== null);
    for (const socket of sockets) socket.destroy();
    await eventually(async () => (await pressure()) < 1);
    expect((await sendOne(scene.port, 'after', 'GET')).status).toBe(200);
    await scene.close();
  });

  it('sheds nothing after a pause of the whole process', async () => {
    const scene = await Scene.start(['a'], {
      config: { overload: { loop: { mode: 'enforce', start: '400ms', full: '800ms' } } },
    });
    const load = new Load(scene.port, { perSecond: 200 });
    await load.progress(100);
    process.kill(scene.sidecar.pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    process.kill(scene.sidecar.pid, 'SIGCONT');
    await load.progress(300);
    const results = await load.stop();
    expect(failuresOf(results)).toEqual({ 200: results.length });
    await scene.close();
  });
});
