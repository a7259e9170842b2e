import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, complain } from './mesh.ts';

const consul = await findConsul();

describe.skipIf(consul.path === null)(consulTitle('a sidecar that starts with Consul away', consul), () => {
  let agent: ConsulAgent;
  let app: App;
  let stateDir: string;
  let web: Sidecar | null = null;

  const config = (more: object = {}): object => ({
    service: { name: 'web', port: 8080 },
    upstreams: { orders: { port: 0, protocol: 'http', limits: { parkTimeout: '1s' }, ...more } },
    consul: { address: agent.http.address },
    stateDir,
  });
  const register = (): Promise<string> => agent.http.register('orders', 'a', app.port);

  /** A run with Consul there, until its snapshot is on disk; then both are gone. */
  const earlierRun = async (): Promise<string> => {
    const earlier = await Sidecar.start(config());
    const files = await eventually(async () => {
      const names = (await readdir(stateDir)).filter((name) => name.endsWith('.json'));
      return names.length === 1 && names;
    });
    await earlier.kill();
    await agent.kill();
    return join(stateDir, (files as string[])[0]!);
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    app = await App.start('a');
  });

  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'remora-state-'));
    await agent.restart();
    await register();
  });

  afterEach(async () => {
    await web?.kill();
    web = null;
    await rm(stateDir, { recursive: true, force: true });
  });

  afterAll(async () => {
    await app?.stop();
    await agent?.stop();
  });

  it('serves what the last run knew, is ready, says where it has it from, and follows Consul once it is there', async () => {
    await earlierRun();
    web = await Sidecar.start(config());
    expect((await ask(web.port('orders'))).body).toBe('a GET /');
    const { source, problem } = await web.cluster('orders');
    expect([source, problem === null]).toEqual(['disk', false]);
    expect(await web.metric('remora_discovery_problem')).toBe(1);

    await agent.restart();
    await register();
    await eventually(async () => {
      const now = await web!.cluster('orders');
      return (now.source === 'consul' && now.problem === null) || complain(JSON.stringify(now));
    });
    expect((await ask(web.port('orders'))).status).toBe(200);
  });

  it('waits without a snapshot: not ready, never gives up, and serves as soon as Consul appears', async () => {
    await agent.kill();
    web = await Sidecar.start(config(), { untilReady: false });
    const early = await ask(web.port('orders'));
    expect([early.status, early.headers['x-remora-failure']]).toEqual([503, 'discovery_pending']);

    const ready = await web.get('/ready');
    expect([ready.status, (await ready.json()) as object]).toEqual([
      503,
      { ready: false, draining: false, waitingFor: ['first snapshot of orders'] },
    ]);
    expect((await web.get('/live')).status).toBe(200);

    await agent.restart();
    await register();
    await eventually(async () => (await web!.get('/ready')).status === 200);
    expect((await ask(web.port('orders'))).status).toBe(200);
  });

  it('lets early requests wait, and answers them when Consul does', async () => {
    await agent.kill();
    web = await Sidecar.start(config({ limits: { parkTimeout: '14s' } }), { untilReady: false });
    const early = [ask(web.port('orders')), ask(web.port('orders'), '/', { method: 'POST', body: 'kept' })];
    await eventually(async () => (await web!.metric('remora_requests_active', { upstream: 'orders' })) === 2);
    await agent.restart();
    await register();
    expect((await Promise.all(early)).map(({ body }) => body)).toEqual(['a GET /', 'a POST /']);
  });

  it('ignores a snapshot that cannot be read, with a warning, and keeps a new one', async () => {
    const file = await earlierRun();
    await writeFile(file, '{"version":1,"snapshot":{"endpo');
    web = await Sidecar.start(config(), { untilReady: false });
    expect(web.hasEvent('last_good_ignored', { service: 'orders' })).toBe(true);
    expect((await web.get('/ready')).status).toBe(503);
    expect((await web.cluster('orders')).problem).not.toBe(null);

    await agent.restart();
    await register();
    await eventually(async () => (await web!.cluster('orders')).problem === null);
    await web.kill();
    await agent.kill();
    web = await Sidecar.start(config());
    expect((await web.cluster('orders')).source).toBe('disk');
  });
});
