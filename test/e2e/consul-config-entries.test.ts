import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigView } from '../../src/admin/agent-view.ts';
import { chainSources } from '../../src/config/chains/chain-sources.ts';
import { readyRegex } from '../../src/route/table/regex.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, complain, Load } from './mesh.ts';

const consul = await findConsul();
await readyRegex();

const PASSING = 'Targets["v2.orders.default.dc1"].Subset.OnlyPassing';

const Subsets = {
  v1: { Filter: 'Service.Meta.version == "1"' },
  v2: { Filter: 'Service.Meta.version == "2"', OnlyPassing: true },
};
const resolver = { Kind: 'service-resolver', Name: 'orders', DefaultSubset: 'v1', ConnectTimeout: '3s', Subsets };

describe.skipIf(consul.path === null)(consulTitle("Consul's own config entries", consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  const apps: App[] = [];

  const write = (entry: object): Promise<string> => agent.http.put('/config', entry);
  const remove = async (kind: string, name: string): Promise<void> => {
    await agent.http.call('DELETE', `/config/${kind}/${name}`);
  };
  const asked = async (path: string): Promise<string> => (await ask(web.port('orders'), path)).body;
  /** How long it takes from now until this is the answer. */
  const untilIt = async (path: string, body: string): Promise<number> => {
    const startedAt = performance.now();
    await eventually(async () => {
      const found = await asked(path);
      return found === body || complain(`${path}: ${found}, not ${body}`);
    });
    return performance.now() - startedAt;
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    const start = async (name: string, service: string, version: string): Promise<void> => {
      const app = await App.start(name);
      apps.push(app);
      await agent.http.register(service, name, app.port, { Meta: { version } });
    };
    await start('one', 'orders', '1');
    await start('two', 'orders', '2');
    await start('admin', 'admin', '1');
    for (const Name of ['orders', 'admin']) await write({ Kind: 'service-defaults', Name, Protocol: 'http' });
    await write(resolver);
    await write({
      Kind: 'service-router',
      Name: 'orders',
      Routes: [
        {
          Match: { HTTP: { PathPrefix: '/admin/' } },
          Destination: { Service: 'admin', PrefixRewrite: '/', NumRetries: 1 },
        },
        {
          Match: { HTTP: { Header: [{ Name: 'x-new', Present: true }], Methods: ['GET'] } },
          Destination: { ServiceSubset: 'v2' },
        },
        { Match: { HTTP: { PathRegex: '/v[2-9](/.*)?' } }, Destination: { ServiceSubset: 'v2', RequestTimeout: '2s' } },
      ],
    });
    await agent.http.put('/kv/remora/config/mesh', '{}');
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      upstreams: { orders: { port: 0 } },
      consul: { address: agent.http.address, configEntries: true },
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const app of apps) await app.stop();
    await agent?.stop();
  });

  it('lead traffic as they say, in their order', async () => {
    await untilIt('/admin/a?b=c', 'admin GET /a?b=c');
    await untilIt('/a', 'one GET /a');
    await untilIt('/v2/a', 'two GET /v2/a');
    expect((await ask(web.port('orders'), '/a', { headers: { 'x-new': '1' } })).body).toBe('two GET /a');
    expect((await ask(web.port('orders'), '/admin/a', { headers: { 'x-new': '1' } })).body).toBe('admin GET /a');
  });

  it('read as this, from what Consul makes of them', async () => {
    const { text } = await agent.http.call('GET', '/discovery-chain/orders');
    const { sources, problems } = chainSources({ service: 'orders', json: text });
    expect(sources.map(({ value }) => value)).toEqual([
      {
        protocol: 'http',
        subsets: { v1: { tags: [], meta: { version: '1' } }, v2: { tags: [], meta: { version: '2' } } },
        timeouts: { connect: '3s' },
        routes: {
          'consul-1': {
            order: 1,
            match: { path: { prefix: '/admin/' } },
            to: 'admin',
            rewrite: { prefix: '/' },
            retry: { maxAttempts: 2 },
          },
          'consul-2': {
            order: 2,
            match: { headers: { 'x-new': { present: true } }, methods: ['GET'] },
            to: { subset: 'v2' },
          },
          'consul-3': {
            order: 3,
            match: { path: { regex: '/v[2-9](/.*)?' } },
            to: { subset: 'v2' },
            timeouts: { request: '2s' },
          },
          // What Consul adds to every router, with the default subset in it.
          'consul-4': { order: 4, to: { subset: 'v1' } },
        },
      },
    ]);
    expect(problems.map(({ path }) => path)).toEqual([PASSING]);
  });

  it('change within a second, without a failure', async () => {
    const load = new Load(() => web.port('orders'));
    await load.passes(10);
    const Splits = [{ Weight: 100, ServiceSubset: 'v2' }];
    await write({ Kind: 'service-splitter', Name: 'orders', Splits });
    expect(await untilIt('/a', 'two GET /a')).toBeLessThan(1_500);
    await remove('service-splitter', 'orders');
    expect(await untilIt('/a', 'one GET /a')).toBeLessThan(1_500);
    expect(await load.stop()).toEqual([]);
  });

  it('lie below what remora is told itself', async () => {
    await agent.http.put(
      '/kv/remora/config/service/orders',
      'routes: { mine: { match: { path: { segments: /v2 } }, to: { subset: v1 } } }',
    );
    await untilIt('/v2/a', 'one GET /v2/a');
    await untilIt('/v3/a', 'two GET /v3/a');
    await agent.http.put('/kv/remora/config/service/orders', '{}');
    await untilIt('/v2/a', 'two GET /v2/a');
  });

  it('are complained about where operators look, as far as they cannot be had', async () => {
    const { layers } = (await (await web.get('/config')).json()) as ConfigView;
    const { problems } = layers.find(({ name }) => name === 'consul:discovery-chain')!;
    expect(problems.map(({ path, found }) => `${path}: ${found}`)).toEqual([`${PASSING}: true`]);
  });

  it('lead to another subset where one is out of order', async () => {
    await write({ ...resolver, Failover: { '*': { ServiceSubset: 'v2' } } });
    await eventually(async () => (await (await web.get('/config')).text()).includes('consul-orders_v1'));
    await untilIt('/a', 'one GET /a');
    await agent.http.put('/agent/service/maintenance/one?enable=true', '');
    await untilIt('/a', 'two GET /a');
    await untilIt('/v2/a', 'two GET /v2/a');
    await agent.http.put('/agent/service/maintenance/one?enable=false', '');
    await untilIt('/a', 'one GET /a');
    await write(resolver);
  });

  it('that are gone leave the service as it is', async () => {
    await remove('service-router', 'orders');
    await remove('service-resolver', 'orders');
    const load = new Load(() => web.port('orders'), { path: '/admin/a' });
    await load.sees('one');
    await load.sees('two');
    expect(await load.stop()).toEqual([]);
  });
});
