import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterSnapshot } from '../../src/cluster/snapshot.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, catalog, complain, Load } from './mesh.ts';

const consul = await findConsul();

describe.skipIf(consul.path === null)(consulTitle('restarts', consul), () => {
  let agent: ConsulAgent;
  let stateDir: string;
  let web: Sidecar;
  const apps = new Map<string, App>();
  const orders = new Map<string, Sidecar>();

  const startOrders = async (name: string): Promise<void> => {
    const sidecar = await Sidecar.start({
      service: { name: 'orders', id: name, port: apps.get(name)!.port, register: { ttl: '2s' } },
      inbound: { port: 0 },
      consul: { address: agent.http.address },
      shutdown: { propagation: '500ms', timeout: '10s' },
    });
    orders.set(name, sidecar);
    await listed(name);
  };
  const listed = (name: string): Promise<unknown> =>
    eventually(async () => {
      const seen = await catalog(agent.http, 'orders');
      return seen.includes(`${name}: passing`) || complain(`${seen}`);
    });
  const startWeb = (): Promise<Sidecar> =>
    Sidecar.start({
      service: { name: 'web', port: 8080 },
      upstreams: { orders: { port: 0, protocol: 'http' } },
      consul: { address: agent.http.address },
      stateDir,
    });

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    stateDir = await mkdtemp(join(tmpdir(), 'remora-restart-'));
    for (const name of ['a', 'b']) {
      apps.set(name, await App.start(name));
      await startOrders(name);
    }
    web = await startWeb();
  });

  afterAll(async () => {
    await web?.kill();
    for (const sidecar of orders.values()) await sidecar.kill();
    for (const app of apps.values()) await app.stop();
    await agent?.stop();
    await rm(stateDir, { recursive: true, force: true });
  });

  it('of both sidecars of a service, one after the other and in order, cost no request', async () => {
    const load = new Load(() => web.port('orders'));
    for (const name of ['a', 'b']) {
      await load.seesOnly(['a', 'b']);
      expect(await orders.get(name)!.stop()).toBe(0);
      await startOrders(name);
    }
    await load.seesOnly(['a', 'b']);
    expect(await load.stop()).toEqual([]);
  });

  it('of a sidecar that was killed cost no idempotent request, and it takes its place in the catalog again', async () => {
    const load = new Load(() => web.port('orders'));
    await load.seesOnly(['a', 'b']);
    await orders.get('a')!.kill();
    await load.seesOnly(['b']);
    await startOrders('a');
    await load.sees('a');
    expect(await load.stop()).toEqual([]);
    expect(await catalog(agent.http, 'orders')).toEqual(['a: passing', 'b: passing']);
  });

  it('of a caller that was killed, with Consul away, serve from its snapshot at once', async () => {
    const place = `:${orders.get('a')!.port('inbound')}/a`;
    // It registers as critical and is ready a moment later; the file may be a second behind.
    await eventually(async () => {
      const [file] = await readdir(stateDir);
      const { snapshot } = JSON.parse(await readFile(join(stateDir, file!), 'utf8')) as { snapshot: ClusterSnapshot };
      return snapshot.endpoints.some(({ id, health }) => id.endsWith(place) && health === 'passing');
    });
    await web.kill();
    await agent.kill();
    web = await startWeb();
    expect((await web.cluster('orders')).source).toBe('disk');
    const load = new Load(() => web.port('orders'));
    await load.seesOnly(['a', 'b']);
    expect(await load.stop()).toEqual([]);
    expect((await ask(web.port('orders'), '/', { method: 'POST', body: 'x' })).status).toBe(200);
  });
});
