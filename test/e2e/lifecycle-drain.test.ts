import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, catalog, complain, Follower, Load } from './mesh.ts';

const consul = await findConsul();

describe.skipIf(consul.path === null)(consulTitle('an orderly stop of one of two instances', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  const apps: App[] = [];
  const orders = new Map<string, Sidecar>();

  const startOrders = async (name: string): Promise<void> => {
    const app = apps.find((one) => one.name === name) ?? (await App.start(name));
    if (!apps.includes(app)) apps.push(app);
    const sidecar = await Sidecar.start({
      service: { name: 'orders', id: name, port: app.port, register: { ttl: '2s' } },
      inbound: { port: 0 },
      consul: { address: agent.http.address },
      // Callers learn of it in far less; five seconds would make the test longer and no stronger.
      shutdown: { propagation: '1s', timeout: '10s' },
    });
    orders.set(name, sidecar);
  };
  const bothListed = (): Promise<unknown> =>
    eventually(async () => {
      const listed = await catalog(agent.http, 'orders');
      return listed.join() === 'a: passing,b: passing' || complain(`${listed}`);
    });

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    await Promise.all(['a', 'b'].map(startOrders));
    await bothListed();
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      upstreams: { orders: { port: 0, protocol: 'http', retry: { maxAttempts: 1 } } },
      consul: { address: agent.http.address },
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const sidecar of orders.values()) await sidecar.kill();
    for (const app of apps) await app.stop();
    await agent?.stop();
  });

  it.each([
    ['keep-alive', true],
    ['one-shot', false],
  ])('costs no request of %s callers that follow Consul and do not retry', async (_kind, keepAlive) => {
    const follower = new Follower(agent.http, 'orders');
    await follower.knows(2);
    const loads = [
      new Load(() => web.port('orders'), { keepAlive, workers: 3, method: 'GET' }),
      new Load(() => web.port('orders'), { keepAlive, workers: 3, method: 'POST' }),
      new Load(follower.next, { keepAlive, workers: 3, method: 'POST' }),
    ];
    for (const load of loads) await load.seesOnly(['a', 'b']);

    const leaving = orders.get('a')!;
    expect(await leaving.stop()).toBe(0);
    for (const load of loads) await load.seesOnly(['b']);
    await startOrders('a');
    await bothListed();
    for (const load of loads) await load.seesOnly(['a', 'b']);
    for (const load of loads) expect(await load.stop()).toEqual([]);
    follower.stop();
  });

  it('goes through its steps in order: maintenance, served on, no longer accepted, deregistered', async () => {
    const leaving = orders.get('b')!;
    const steps: string[] = [];
    const note = async (): Promise<void> => {
      const listed = (await catalog(agent.http, 'orders')).find((one) => one.startsWith('b:')) ?? 'gone';
      const accepts = await ask(leaving.port('inbound')).then(
        () => 'serves',
        () => 'refuses',
      );
      const step = `${listed}, ${accepts}`;
      if (steps.at(-1) !== step) steps.push(step);
    };
    await note();
    let isOver = false;
    const stopped = leaving.stop().finally(() => (isOver = true));
    while (!isOver) await note();
    expect(await stopped).toBe(0);
    await note();
    // Between its last answer and its last word to Consul it is in maintenance and refuses.
    expect(steps.filter((step) => step !== 'b: maintenance, refuses')).toEqual([
      'b: passing, serves',
      'b: maintenance, serves',
      'gone, refuses',
    ]);
    const began = leaving.log.findIndex(({ event }) => event === 'shutdown_began');
    expect(leaving.log.slice(began).map(({ event }) => event)).toEqual([
      'shutdown_began',
      'maintenance_set',
      'shutdown_closes_inbound',
      'shutdown_closes_outbound',
      'deregistered',
      'shutdown_ended',
    ]);
    await startOrders('b');
  });
});
