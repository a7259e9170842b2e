import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigView } from '../../src/admin/agent-view.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, complain, Load } from './mesh.ts';

const consul = await findConsul();
const KEY = 'remora/config/caller/web';

describe.skipIf(consul.path === null)(consulTitle('a document in Consul KV', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  const apps: App[] = [];

  const write = (document: object | string): Promise<string> => agent.http.put(`/kv/${KEY}`, document);
  const config = async (): Promise<ConfigView> => (await (await web.get('/config')).json()) as ConfigView;
  const layer = async () => (await config()).layers.find(({ name }) => name === KEY)!;
  const problems = async (): Promise<string> => JSON.stringify((await layer()).problems);
  const isGood = (): Promise<number> => web.metric('remora_config_last_reload_successful', { layer: KEY });
  const timeout = async (): Promise<unknown> => {
    const { effective } = await config();
    return (effective as { upstreams: { orders: { timeouts: { request: string } } } }).upstreams.orders.timeouts
      .request;
  };
  const refusal = async (path: string): Promise<string> => {
    const { status, headers } = await ask(web.port('orders'), path);
    return `${status} ${headers['x-remora-failure'] ?? ''}`;
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    for (const name of ['a', 'b']) {
      const app = await App.start(name);
      apps.push(app);
      await agent.http.register('orders', name, app.port);
    }
    // As `remora init` does: until something exists it is looked for every five seconds only.
    await agent.http.put('/kv/remora/config/mesh', '{}');
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      upstreams: { orders: { port: 0, protocol: 'http', timeouts: { request: '9s' } } },
      consul: { address: agent.http.address },
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const app of apps) await app.stop();
    await agent?.stop();
  });

  it('is laid over the file within a second, and changes what requests meet', async () => {
    const load = new Load(() => web.port('orders'));
    expect(await timeout()).toBe('9s');
    const startedAt = performance.now();
    await write({ upstreams: { orders: { timeouts: { request: '150ms' } } } });
    await eventually(async () => (await timeout()) === '150ms');
    expect(performance.now() - startedAt).toBeLessThan(1_500);

    // Never ends by itself: the deadline of the document ends it, where the file's would have taken 9 s.
    await expect(ask(web.port('orders'), '/held')).rejects.toThrow();
    expect(await load.stop()).toEqual([]);
  });

  it('changes how a cluster balances, without a failure', async () => {
    const load = new Load(() => web.port('orders'), { workers: 1 });
    await load.passes(10);
    await write({ upstreams: { orders: { balance: 'round_robin' } } });
    await eventually(async () => (await web.cluster('orders')).balancer === 'round_robin');
    // A document replaces the one before it whole.
    expect(await timeout()).toBe('9s');
    await load.seesOnly(['a', 'b']);
    await load.passes(40);
    expect([...load.shares(40).values()]).toEqual([20, 20]);
    expect(await load.stop()).toEqual([]);
  });

  it('that is invalid keeps the last good one, and is complained about where operators look', async () => {
    const before = await layer();
    await write('upstreams: { orders: { timeouts: { requst: 1s }, retry: { maxAttempts: 99 } } }');
    await eventually(async () => (await isGood()) === 0);
    const now = await layer();
    expect(now.revision).toBe(before.revision);
    expect(now.problems.map(({ path, hint }) => `${path} ${hint ?? ''}`.trim())).toEqual([
      'upstreams.orders.timeouts.requst did you mean request?',
      'upstreams.orders.retry.maxAttempts',
    ]);
    expect((await web.cluster('orders')).balancer).toBe('round_robin');
    expect(web.hasEvent('config_refused', { source: `kv:${KEY}` })).toBe(true);
    expect((await ask(web.port('orders'))).status).toBe(200);
  });

  it('is refused by name when it speaks of what is local to the machine', async () => {
    await write({ upstreams: { orders: { port: 1 } }, admin: { port: 1 } });
    await eventually(async () => (await problems()).includes('a local setting'));
    const { problems: found } = await layer();
    expect(found.map(({ path }) => path).sort()).toEqual(['admin', 'upstreams.orders.port']);
    expect((await ask(web.port('orders'))).status).toBe(200);
  });

  it('stays in force when its key vanishes, and when the agent loses its data', async () => {
    await write({ upstreams: { orders: { timeouts: { request: '200ms' } } } });
    await eventually(async () => (await timeout()) === '200ms' && (await isGood()) === 1);
    await agent.http.call('DELETE', `/kv/${KEY}`);
    // What is written next has been seen, so the absence before it has been, too.
    await agent.http.put('/kv/test/other', 'x');
    const load = new Load(() => web.port('orders'));
    await load.passes(150);
    expect(await timeout()).toBe('200ms');
    await agent.restart();
    for (const app of apps) await agent.http.register('orders', app.name, app.port);
    await load.passes(150);
    expect(await timeout()).toBe('200ms');
    expect(await load.stop()).toEqual([]);
  });

  it('is cleared by an empty map', async () => {
    await write('{}');
    await eventually(async () => (await timeout()) === '9s' || complain(`${await timeout()}`));
    expect(await isGood()).toBe(1);
  });

  it('switches retries on and off', async () => {
    const [, b] = apps;
    const retries = (): Promise<number> => web.metric('remora_retries_total', { upstream: 'orders' });
    await write({ upstreams: { orders: { balance: 'round_robin', retry: { maxAttempts: 1 } } } });
    await eventually(async () => (await web.cluster('orders')).balancer === 'round_robin');
    const before = await retries();
    await b!.stop();
    const failed = new Set(await Promise.all(['/1', '/2'].map(refusal)));
    expect(failed).toEqual(new Set(['200 ', '503 connect_refused']));
    expect(await retries()).toBe(before);

    await write({ upstreams: { orders: { balance: 'round_robin', retry: { maxAttempts: 2 } } } });
    await eventually(async () => JSON.stringify((await config()).effective).includes('"maxAttempts":2'));
    expect(await Promise.all(['/1', '/2'].map(refusal))).toEqual(['200 ', '200 ']);
    expect(await retries()).toBeGreaterThan(before);
  });
});
