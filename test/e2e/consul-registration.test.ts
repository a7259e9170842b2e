import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, catalog, complain, type ListedInstance, Load } from './mesh.ts';

const consul = await findConsul();

describe.skipIf(consul.path === null)(consulTitle('a sidecar that registers its service', consul), () => {
  let agent: ConsulAgent;
  const running: { readonly sidecars: Sidecar[]; readonly apps: App[] } = { sidecars: [], apps: [] };

  const start = async (name: string, port: number, more: object = {}): Promise<Sidecar> => {
    const sidecar = await Sidecar.start(
      {
        service: { name, port, register: { ttl: '1s' } },
        inbound: { port: 0 },
        consul: { address: agent.http.address },
        shutdown: { propagation: '300ms', timeout: '5s' },
        ...more,
      },
      { untilReady: false },
    );
    running.sidecars.push(sidecar);
    return sidecar;
  };
  const app = async (name: string, port = 0): Promise<App> => {
    const started = await App.start(name, port);
    running.apps.push(started);
    return started;
  };
  const becomes = (service: string, ...wanted: readonly string[]): Promise<unknown> =>
    eventually(async () => {
      const seen = await catalog(agent.http, service);
      return seen.join() === wanted.join() || complain(`${seen}, wanted ${wanted}`);
    });

  const stays = (service: string, wanted: string, forMs: number): Promise<unknown> => {
    const until = performance.now() + forMs;
    return becomes(service, wanted).then(async () => {
      while (performance.now() < until) expect(await catalog(agent.http, service)).toEqual([wanted]);
    });
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
  });

  afterEach(async () => {
    for (const sidecar of running.sidecars.splice(0)) await sidecar.kill();
    for (const one of running.apps.splice(0)) await one.stop();
    await agent.restart();
  });

  afterAll(async () => agent?.stop());

  it("registers inbound's address and port, and keeps its TTL check passing", async () => {
    const orders = await start('orders', (await app('orders')).port);
    await becomes('orders', 'orders: passing');
    const [listed] = await agent.http.get<ListedInstance[]>('/health/service/orders');
    expect([listed!.Service.Address, listed!.Service.Port]).toEqual(['127.0.0.1', orders.port('inbound')]);

    // Three TTLs: Consul would miss a heartbeat.
    await stays('orders', 'orders: passing', 3_000);
  });

  it('is critical until the application accepts, when it goes away, and passing when it is back', async () => {
    const [port] = await freePorts(1);
    const orders = await start('orders', port!);
    await eventually(async () => (await orders.get('/ready')).status === 200);
    await becomes('orders', 'orders: critical');
    const first = await app('orders', port);
    await becomes('orders', 'orders: passing');
    await first.stop();
    await becomes('orders', 'orders: critical');
    await app('orders', port);
    await becomes('orders', 'orders: passing');
    expect(orders.log.map(({ event }) => event).filter((event) => event.startsWith('application_'))).toEqual([
      'application_down',
      'application_up',
      'application_down',
      'application_up',
    ]);
  });

  it('finds its application by name, too', async () => {
    const { port } = await app('orders');
    const service = { name: 'orders', port, address: 'localhost', register: { ttl: '1s' } };
    const orders = await start('orders', port, { service });
    await becomes('orders', 'orders: passing');
    expect((await ask(orders.port('inbound'))).body).toBe('orders GET /');
  });

  it('is critical while the sidecar itself is not ready', async () => {
    const orders = await start('orders', (await app('orders')).port, {
      upstreams: { stock: {} },
      consul: { address: agent.http.address },
    });
    // A service that nobody has registered is an answer like any other.
    await eventually(async () => (await orders.get('/ready')).status === 200);
    await becomes('orders', 'orders: passing');

    const other = await start('other', (await app('other')).port, {
      // Consul refuses the question, so that there is no first answer.
      upstreams: { stock: { datacenter: 'nowhere' } },
    });
    await eventually(() => other.hasEvent('application_up'));
    await stays('other', 'other: critical', 1_000);
    expect((await other.get('/ready')).status).toBe(503);
  });

  it('registers again with an agent that has lost its data', async () => {
    await start('orders', (await app('orders')).port);
    await becomes('orders', 'orders: passing');
    await agent.restart();
    await becomes('orders', 'orders: passing');
  });

  it('goes into maintenance on SIGTERM, and out of the catalog when it ends', async () => {
    const orders = await start('orders', (await app('orders')).port, { shutdown: { propagation: '2s' } });
    await becomes('orders', 'orders: passing');
    orders.signal('SIGTERM');
    await becomes('orders', 'orders: maintenance');
    expect((await orders.get('/ready')).status).toBe(503);
    expect((await ask(orders.port('inbound'))).status).toBe(200);
    expect(await orders.exit).toBe(0);
    expect(await catalog(agent.http, 'orders')).toEqual([]);
  });

  it('takes its service out of the catalog at a second signal, too, and waits no longer than a second for that', async () => {
    const shutdown = { propagation: '10s', timeout: '20s' };
    const hurry = async (sidecar: Sidecar): Promise<number> => {
      sidecar.signal('SIGTERM');
      await eventually(() => sidecar.hasEvent('maintenance_set'));
      return performance.now();
    };
    const orders = await start('orders', (await app('orders')).port, { shutdown });
    await becomes('orders', 'orders: passing');
    await hurry(orders);
    orders.signal('SIGTERM');
    expect(await orders.exit).toBe(130);
    expect(await catalog(agent.http, 'orders')).toEqual([]);

    const stuck = await start('stuck', (await app('stuck')).port, { shutdown });
    await becomes('stuck', 'stuck: passing');
    const hurriedAt = await hurry(stuck);
    agent.signal('SIGSTOP');
    stuck.signal('SIGINT');
    expect(await stuck.exit).toBe(130);
    expect(performance.now() - hurriedAt).toBeLessThan(2_000);
    agent.signal('SIGCONT');
  });

  it('stops in order, and says what it could not say, when Consul is away', async () => {
    const orders = await start('orders', (await app('orders')).port);
    await becomes('orders', 'orders: passing');
    await agent.kill();
    expect(await orders.stop()).toBe(0);
    expect(orders.log.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['maintenance_not_set', 'not_deregistered', 'shutdown_ended']),
    );
  });

  const problemsOf = async (sidecar: Sidecar): Promise<string> => {
    const { layers } = (await (await sidecar.get('/config')).json()) as {
      layers: { name: string; problems: unknown }[];
    };
    return JSON.stringify(layers.find(({ name }) => name === 'registration')?.problems);
  };

  it('leaves an id to the sidecar that has it and lives, and says so', async () => {
    const first = await start('orders', (await app('first')).port);
    await becomes('orders', 'orders: passing');
    const portOf = async (): Promise<number> =>
      (await agent.http.get<ListedInstance[]>('/health/service/orders'))[0]!.Service.Port;
    const second = await start('orders', (await app('second')).port);
    await eventually(() => second.hasEvent('registration_conflict'));
    expect(await problemsOf(second)).toContain(`held by 127.0.0.1:${first.port('inbound')}`);
    expect(await problemsOf(first)).toBe('[]');
    expect(await portOf()).toBe(first.port('inbound'));

    const third = await start('orders', (await app('third')).port);
    await eventually(() => third.hasEvent('registration_conflict'));
    expect(await third.stop()).toBe(0);
    expect(third.hasEvent('not_deregistered')).toBe(true);
    expect([await catalog(agent.http, 'orders'), await portOf()]).toEqual([['orders: passing'], first.port('inbound')]);

    expect(await first.stop()).toBe(0);
    await becomes('orders', 'orders: passing');
    expect(await portOf()).toBe(second.port('inbound'));
    expect(await problemsOf(second)).toBe('[]');
  });

  it('takes the place of one that is leaving before that is gone, so that peers miss nobody', async () => {
    const first = await start('orders', (await app('first')).port, { shutdown: { propagation: '2s' } });
    await becomes('orders', 'orders: passing');
    const second = await start('orders', (await app('second')).port);
    await eventually(() => second.hasEvent('registration_conflict'));
    first.signal('SIGTERM');
    await eventually(() => second.hasEvent('registered'));
    await becomes('orders', 'orders: passing');
    expect((await first.get('/ready')).status).toBe(503);
    expect(await first.exit).toBe(0);
    const [listed] = await agent.http.get<ListedInstance[]>('/health/service/orders');
    expect(listed!.Service.Port).toBe(second.port('inbound'));
    expect(first.hasEvent('registration_conflict')).toBe(false);
  });

  it('takes over what it left behind when it was killed, on another port and without a word too many', async () => {
    const { port } = await app('orders');
    const service = { name: 'orders', port, register: { ttl: '60s' } };
    const killed = await start('orders', port, { service });
    await becomes('orders', 'orders: passing');
    await killed.kill();
    const again = await start('orders', port, { service });
    await eventually(async () => {
      const [listed] = await agent.http.get<ListedInstance[]>('/health/service/orders');
      return listed!.Service.Port === again.port('inbound') || complain(`is still at ${listed!.Service.Port}`);
    });
    expect(again.log.map(({ event }) => event).filter((event) => event.startsWith('registration_'))).toEqual([
      'registration_taken_over',
    ]);
  });

  it('calls its siblings and not itself, and says so when it is the only one', async () => {
    const instance = async (id: string): Promise<Sidecar> => {
      const { port } = await app(id);
      return start('orders', port, {
        service: { name: 'orders', id, port, register: { ttl: '1s' } },
        upstreams: { orders: { port: 0, protocol: 'http', balance: 'round_robin' } },
      });
    };
    const one = await instance('one');
    await becomes('orders', 'one: passing');
    await eventually(async () => (await one.cluster('orders')).endpoints.length === 1);
    const alone = await ask(one.port('orders'));
    expect([alone.status, alone.headers['x-remora-failure']]).toEqual([508, 'loop_detected']);
    expect((await one.cluster('orders')).problem).toContain("this sidecar's own");
    expect(one.hasEvent('only_itself_to_call', { service: 'orders' })).toBe(true);

    await instance('two');
    await becomes('orders', 'one: passing', 'two: passing');
    await eventually(async () => (await one.cluster('orders')).endpoints.some(({ id }) => id.endsWith('/two')));
    const load = new Load(() => one.port('orders'));
    await load.passes(20);
    expect(await load.stop()).toEqual([]);
    expect(load.shares(20)).toEqual(new Map([['two', 20]]));
    expect((await one.cluster('orders')).problem).toBe(null);
  });

  it('carries a call from one service through both sidecars to the other', async () => {
    const orders = await app('orders');
    await start('orders', orders.port);
    const web = await start('web', (await app('web')).port, {
      upstreams: { orders: { port: 0, protocol: 'http' } },
    });
    await becomes('orders', 'orders: passing');
    await eventually(async () => (await web.cluster('orders')).endpoints.some(({ health }) => health === 'passing'));
    const load = new Load(() => web.port('orders'), { path: '/seen' });
    await load.passes(50);
    expect(await load.stop()).toEqual([]);
    expect(load.shares(50)).toEqual(new Map([['orders', 50]]));

    const seen = orders.seen.at(-1)!;
    expect(seen['x-remora-attempt']).toBe('1');
    expect(seen['traceparent']).toMatch(/^00-/);
    expect(seen['x-forwarded-for']).toContain('127.0.0.1');
  });
});
