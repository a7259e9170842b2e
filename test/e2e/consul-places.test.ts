import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlaceView } from '../../src/admin/agent-view.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, complain, Load } from './mesh.ts';

const consul = await findConsul();

describe.skipIf(consul.path === null)(consulTitle('where requests go', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  const apps = new Map<string, App>();

  const start = async (name: string, port = 0): Promise<number> => {
    const app = await App.start(name, port);
    apps.set(name, app);
    return app.port;
  };
  const places = async (upstream: string): Promise<readonly (readonly unknown[])[]> => {
    const answer = (await (await web.get('/clusters')).json()) as {
      readonly clusters: readonly { readonly name: string; readonly places: readonly PlaceView[] }[];
    };
    const { places } = answer.clusters.find(({ name }) => name === upstream)!;
    return places.map(({ level, name, zone, healthy, total, share }) => [level, name, zone, healthy, total, share]);
  };
  const placed = (upstream: string, wanted: readonly (readonly unknown[])[]): Promise<unknown> =>
    eventually(async () => {
      const found = JSON.stringify(await places(upstream));
      return found === JSON.stringify(wanted) || complain(found);
    });

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!, { zone: 'a' });
    for (const name of ['a1', 'a2', 'a3']) await agent.http.register('zoned', name, await start(name));
    for (const name of ['b1', 'b2', 'b3']) await agent.http.registerElsewhere('zoned', name, await start(name), 'b');
    for (const name of ['orders-1', 'orders-2']) await agent.http.register('orders', name, await start(name));
    for (const name of ['eu-1', 'eu-2']) await agent.http.register('orders-eu', name, await start(name));
    const breaker = { coolDown: '200ms', maxCoolDown: '400ms' };
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      upstreams: {
        zoned: { port: 0, breaker },
        orders: { port: 0, breaker, failover: [{ service: 'orders-eu' }], zones: { mode: 'off' } },
        distant: { service: 'orders-eu', port: 0, datacenter: 'nowhere', failover: [{ datacenter: 'dc1' }] },
      },
      consul: { address: agent.http.address },
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const app of apps.values()) await app.stop();
    await agent?.stop();
  });

  it("stays in the agent's zone, leaves it without a failure when it dies under load, and comes home", async () => {
    await placed('zoned', [
      [0, null, 'a', 3, 3, 100],
      [0, null, 'b', 3, 3, 0],
    ]);
    const load = new Load(() => web.port('zoned'));
    await load.seesOnly(['a1', 'a2', 'a3']);
    expect(await web.metric('remora_spilled_total', { upstream: 'zoned', to: 'zone' })).toBe(0);

    const home = ['a1', 'a2', 'a3'].map((name) => ({ name, port: apps.get(name)!.port }));
    await Promise.all(home.map(({ name }) => apps.get(name)!.stop()));
    await load.seesOnly(['b1', 'b2', 'b3']);
    expect(await web.metric('remora_spilled_total', { upstream: 'zoned', to: 'zone' })).toBeGreaterThan(0);

    for (const { name, port } of home) await start(name, port);
    await load.seesOnly(['a1', 'a2', 'a3']);
    expect(await load.stop()).toEqual([]);
  });

  it('starts with the second datacenter while the first cannot be asked, and says so', async () => {
    expect((await ask(web.port('distant'))).body).toMatch(/^eu-[12] /);
    expect((await web.cluster('distant')).problem).toMatch(/^orders-eu@nowhere: .*No path to datacenter/);
    await placed('distant', [[1, 'orders-eu@dc1', 'a', 2, 2, 100]]);
  });

  it('goes to the failover service as health says, and at once when the first one is gone', async () => {
    await placed('orders', [
      [0, 'orders', 'a', 2, 2, 100],
      [1, 'orders-eu', 'a', 2, 2, 0],
    ]);
    const load = new Load(() => web.port('orders'));
    await load.seesOnly(['orders-1', 'orders-2']);
    await agent.http.setCheck('orders-1', 'critical');
    await placed('orders', [
      [0, 'orders', 'a', 1, 2, 70],
      [1, 'orders-eu', 'a', 2, 2, 30],
    ]);
    await load.seesOnly(['orders-2', 'eu-1', 'eu-2'], 100);
    await agent.http.setCheck('orders-2', 'critical');
    await load.seesOnly(['eu-1', 'eu-2']);
    for (const name of ['orders-1', 'orders-2']) await agent.http.setCheck(name, 'passing');
    await load.seesOnly(['orders-1', 'orders-2']);

    // Nobody has told Consul yet: circuits alone send requests on.
    for (const name of ['orders-1', 'orders-2']) await apps.get(name)!.stop();
    await load.seesOnly(['eu-1', 'eu-2']);
    expect(await load.stop()).toEqual([]);
    expect(await web.metric('remora_spilled_total', { upstream: 'orders', to: 'level' })).toBeGreaterThan(0);
  });
});
