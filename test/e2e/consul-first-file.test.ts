import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WITHOUT_STATIC } from '../config/first-file.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, Load, TcpApp, TcpClient } from './mesh.ts';

const consul = await findConsul();

describe.skipIf(consul.path === null)(consulTitle('the first file a user writes, with a real Consul', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  const apps = new Map<string, App>();
  let cache: TcpApp;

  const run = async (name: string): Promise<App> => {
    const app = await App.start(name);
    apps.set(name, app);
    return app;
  };
  const register = async (name: string, more: object = {}): Promise<void> => {
    const app = apps.get(name) ?? (await run(name));
    await agent.http.register('orders', name, app.port, more);
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    const local = await run('web');
    cache = await TcpApp.start('cache-1');
    await agent.http.register('cache', 'cache-1', cache.port);
    for (const name of ['a', 'b']) await register(name);
    // As typed, but for the ports, which are this machine's to give.
    const ports = {
      'service.port': local.port,
      'inbound.port': 0,
      'outbound.port': 0,
      'upstreams.orders.port': 0,
      'upstreams.cache.port': 0,
      'admin.port': 0,
      'consul.address': agent.http.address,
    };
    web = await Sidecar.startFile(WITHOUT_STATIC, {
      args: Object.entries(ports).flatMap(([path, value]) => ['--set', `${path}=${value}`]),
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const app of apps.values()) await app.stop();
    await cache?.stop();
    await agent?.stop();
  });

  /** Runs a load while something happens, and expects none of it to fail. */
  const underLoad = async (act: (load: Load) => Promise<unknown>): Promise<void> => {
    const load = new Load(() => web.port('orders'));
    await act(load);
    expect(await load.stop()).toEqual([]);
  };

  it('answers from services of Consul by port, by Host on the shared port, over TCP, and in front of the application', async () => {
    expect((await ask(web.port('orders'), '/x')).body).toMatch(/^[ab] GET \/x$/);
    for (const host of ['orders', 'ORDERS:15001', 'orders.mesh', 'orders.service.consul']) {
      expect((await ask(web.port('outbound'), '/y', { host })).body).toMatch(/^[ab] GET \/y$/);
    }
    const stranger = await ask(web.port('outbound'), '/', { host: 'payments' });
    expect([stranger.status, stranger.headers['x-remora-failure']]).toEqual([404, 'no_route']);
    expect((await ask(web.port('inbound'), '/z')).body).toBe('web GET /z');

    const client = new TcpClient(web.port('cache'));
    client.say('hello');
    await client.hears('cache-1 hello');
    client.close();
  });

  it('spreads by weight, and takes the weight of a warning', async () => {
    await register('a', { Weights: { Passing: 9, Warning: 1 } });
    await eventually(async () => (await weights(web))['a'] === 9);
    await underLoad(async (load) => {
      await load.passes(300);
      expect(load.shares(300).get('a')).toBeGreaterThan(200);
    });
    await agent.http.setCheck('a', 'warning');
    await eventually(async () => (await weights(web))['a'] === 1);
  });

  it('leaves out what is critical and takes it back, without a failure', async () => {
    await underLoad(async (load) => {
      await agent.http.setCheck('a', 'critical');
      await load.seesOnly(['b']);
      await agent.http.setCheck('a', 'passing');
      await load.seesOnly(['a', 'b']);
    });
  });

  it('goes on with the critical when all are, says so, and stops with the first that passes', async () => {
    await underLoad(async (load) => {
      await agent.http.setCheck('a', 'critical');
      await load.seesOnly(['b']);
      await agent.http.setCheck('b', 'critical');
      await load.seesOnly(['a', 'b']);
      expect((await web.cluster('orders')).problem).toContain('all endpoints are critical');
      await agent.http.setCheck('a', 'passing');
      await load.seesOnly(['a']);
      expect((await web.cluster('orders')).problem).toBe(null);
      await agent.http.setCheck('b', 'passing');
      await load.seesOnly(['a', 'b']);
    });
  });

  it('drains what is in maintenance: no new requests, and those that run end', async () => {
    await register('a', { Weights: { Passing: 1, Warning: 1 } });
    const [a, b] = [apps.get('a')!, apps.get('b')!];
    const held = [...Array(12)].map(() => ask(web.port('orders'), '/held'));
    await eventually(() => a.heldCount + b.heldCount === 12);
    expect(a.heldCount).toBeGreaterThan(0);
    await underLoad(async (load) => {
      await agent.http.put('/agent/service/maintenance/a?enable=true&reason=test');
      await load.seesOnly(['b']);
      a.release();
      b.release();
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual(Array(12).fill(200));
      await agent.http.put('/agent/service/maintenance/a?enable=false');
      await load.seesOnly(['a', 'b']);
    });
  });

  it('uses a new instance within seconds, and leaves one that was deregistered', async () => {
    await underLoad(async (load) => {
      const startedAt = performance.now();
      await register('c');
      await load.sees('c');
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      await agent.http.put('/agent/service/deregister/a');
      await load.seesOnly(['b', 'c']);
      // Nobody calls it any more, so it can go.
      await apps.get('a')!.stop();
      apps.delete('a');
      await load.passes(50);
    });
  });
});

async function weights(sidecar: Sidecar): Promise<Readonly<Record<string, number>>> {
  const { endpoints } = await sidecar.cluster('orders');
  return Object.fromEntries(endpoints.map(({ id, weight }) => [id.split('/')[1]!, weight]));
}
