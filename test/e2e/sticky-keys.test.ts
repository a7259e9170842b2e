import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { GrpcApp } from './grpc-app.ts';
import { GrpcClient } from './grpc-client.ts';
import { App, ask, complain, TcpApp, TcpClient } from './mesh.ts';

const consul = await findConsul();
const KEYS = Array.from({ length: 120 }, (_, i) => `user-${i}`);
const NAMES = ['a', 'b', 'c', 'd'];

describe.skipIf(consul.path === null)(consulTitle('keys of two sidecars', consul), { timeout: 60_000 }, () => {
  let agent: ConsulAgent;
  let webs: readonly Sidecar[];
  const apps = new Map<string, App>();
  const grpcApps: GrpcApp[] = [];
  const tcpApps: TcpApp[] = [];

  const whereIs = async (web: Sidecar, user: string): Promise<string> => {
    const { body } = await ask(web.port('orders'), '/', { headers: { 'x-user': user } });
    return body.split(' ')[0]!;
  };
  /** Who answers each of the keys. */
  const places = (web: Sidecar): Promise<readonly string[]> => Promise.all(KEYS.map((user) => whereIs(web, user)));
  const know = (web: Sidecar, upstream: string, count: number): Promise<unknown> =>
    eventually(async () => (await web.cluster(upstream)).endpoints.length === count);

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    for (const name of NAMES) {
      const app = await App.start(name);
      apps.set(name, app);
      await agent.http.register('orders', name, app.port);
    }
    for (const name of ['g1', 'g2', 'g3']) {
      const app = await GrpcApp.start(name);
      grpcApps.push(app);
      await agent.http.register('echo', name, app.port);
      const tcp = await TcpApp.start(`t${name}`);
      tcpApps.push(tcp);
      await agent.http.register('bytes', `t${name}`, tcp.port);
    }
    const balance = 'ring_hash';
    const config = {
      service: { name: 'web', port: 8080 },
      upstreams: {
        orders: { port: 0, balance, hash: [{ header: 'x-user' }] },
        echo: {
          port: 0,
          balance,
          protocol: 'grpc',
          hash: [{ header: 'x-tenant' }, { path: { regex: '/[^/]+/(.+)' } }],
        },
        bytes: { port: 0, balance, protocol: 'tcp', hash: { source: true } },
      },
      consul: { address: agent.http.address },
    };
    webs = await Promise.all([Sidecar.start(config), Sidecar.start(config)]);
    for (const web of webs) {
      await know(web, 'orders', 4);
      await know(web, 'echo', 3);
      await know(web, 'bytes', 3);
    }
  });

  afterAll(async () => {
    for (const web of webs ?? []) await web.kill();
    for (const app of [...apps.values(), ...tcpApps]) await app.stop();
    for (const app of grpcApps) await app.kill();
    await agent?.stop();
  });

  it('lead to the same endpoints, and only those move that a new endpoint gets, and back when it leaves', async () => {
    const [before, also] = await Promise.all(webs.map(places));
    expect(also).toEqual(before);
    expect([...new Set(before)].sort()).toEqual(NAMES);

    const app = await App.start('e');
    apps.set('e', app);
    await agent.http.register('orders', 'e', app.port);
    for (const web of webs) {
      await eventually(async () => (await places(web)).includes('e') || complain('e has no keys'));
      const grown = await places(web);
      const moved = grown.filter((name, at) => name !== before![at]);
      expect([...new Set(moved)]).toEqual(['e']);
      expect(moved.length).toBeLessThan(KEYS.length / 2);
    }

    await agent.http.put('/agent/service/deregister/e');
    for (const web of webs) {
      await know(web, 'orders', 4);
      await eventually(async () => !(await places(web)).includes('e') || complain('e has keys yet'));
      expect(await places(web)).toEqual(before);
    }
  });

  it('go to the same other endpoint while their own is away, and come back', async () => {
    const [one, two] = webs as [Sidecar, Sidecar];
    const before = await places(one);
    await agent.http.setCheck('b', 'critical');
    await eventually(async () => !(await places(one)).includes('b') && !(await places(two)).includes('b'));
    const [here, there] = await Promise.all(webs.map(places));
    expect(there).toEqual(here);
    expect(here!.filter((name, at) => name !== before[at]).length).toBe(before.filter((name) => name === 'b').length);
    await agent.http.setCheck('b', 'passing');
    await eventually(async () => (await places(one)).includes('b') && (await places(two)).includes('b'));
    expect(await Promise.all(webs.map(places))).toEqual([before, before]);
  });

  it('that requests have not are counted, and the requests are spread', async () => {
    const [web] = webs as [Sidecar];
    const seen = await Promise.all(
      KEYS.slice(0, 60).map(async () => (await ask(web.port('orders'))).body.split(' ')[0]!),
    );
    expect([...new Set(seen)].sort()).toEqual(NAMES);
    expect(await web.metric('remora_hash_keys_missing_total', { upstream: 'orders' })).toBe(60);
  });

  it('of gRPC are metadata, and lead to the same endpoints', async () => {
    const clients = webs.map((web) => new GrpcClient(web.port('echo')));
    const whoAnswers = async (client: GrpcClient, tenant: string): Promise<string> => {
      const fields = new Metadata();
      fields.set('x-tenant', tenant);
      const { code, replies } = await client.ask('Unary', { id: tenant }, { fields, deadline: Date.now() + 20_000 });
      return `${code} ${replies[0]?.server}`;
    };
    const [here, there, again] = await Promise.all(
      [0, 1, 0].map((at) => Promise.all(KEYS.slice(0, 60).map((tenant) => whoAnswers(clients[at]!, tenant)))),
    );
    expect(there).toEqual(here);
    expect(again).toEqual(here);
    expect([...new Set(here)].sort()).toEqual(['0 g1', '0 g2', '0 g3']);
    for (const client of clients) client.close();
  });

  it('of opaque connections are where they come from', async () => {
    const clients = [0, 1, 0, 1].map((at) => new TcpClient(webs[at]!.port('bytes')));
    await Promise.all(clients.map((client) => client.hears(' ')));
    expect(new Set(clients.map(({ heard }) => heard)).size).toBe(1);
    for (const client of clients) client.close();
  });
});
