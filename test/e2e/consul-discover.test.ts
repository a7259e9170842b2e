import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, Load } from './mesh.ts';

const consul = await findConsul();
const MAX_SERVICES = 64;

describe.skipIf(consul.path === null)(consulTitle('services that nobody declared', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  let stateDir: string;
  const apps: App[] = [];

  const clusters = async (): Promise<number> =>
    ((await (await web.get('/clusters')).json()) as { clusters: readonly object[] }).clusters.length;
  const failureOf = async (host: string): Promise<string> => {
    const { status, headers } = await ask(web.port('outbound'), '/', { host });
    return `${status} ${headers['x-remora-failure'] ?? ''}`;
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    stateDir = await mkdtemp(join(tmpdir(), 'remora-discover-'));
    for (const name of ['v1', 'v2']) {
      const app = await App.start(name);
      apps.push(app);
      await agent.http.register('payments', name, app.port, { Tags: [name] });
    }
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      outbound: { port: 0, discover: true },
      consul: { address: agent.http.address },
      stateDir,
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const app of apps) await app.stop();
    await agent?.stop();
    await rm(stateDir, { recursive: true, force: true });
  });

  it('are found by Host at the first request, which waits for the answer', async () => {
    expect(await clusters()).toBe(0);
    expect((await ask(web.port('outbound'), '/', { host: 'payments' })).body).toMatch(/^v[12] GET \/$/);
    expect(await clusters()).toBe(1);
    expect((await ask(web.port('outbound'), '/', { host: 'v2.payments.service.consul' })).body).toBe('v2 GET /');
    expect((await ask(web.port('outbound'), '/', { host: 'v1.payments.service.dc1.consul' })).body).toBe('v1 GET /');
  });

  it('are followed like declared ones', async () => {
    const load = new Load(() => web.port('outbound'), { host: 'payments.mesh:80' });
    await load.seesOnly(['v1', 'v2']);
    await agent.http.setCheck('v1', 'critical');
    await load.seesOnly(['v2']);
    await agent.http.setCheck('v1', 'passing');
    await load.seesOnly(['v1', 'v2']);
    expect(await load.stop()).toEqual([]);
  });

  it('are no way out of the mesh', async () => {
    for (const host of ['127.0.0.1', 'example.com', '169.254.169.254', '[::1]', 'a..b', 'payments.service']) {
      expect(await failureOf(host), host).toBe('404 no_route');
    }
  });

  it('have no endpoints when they do not exist, and touch neither readiness nor the disk', async () => {
    expect(await failureOf('nobody')).toBe('503 no_endpoint');
    expect((await web.get('/ready')).status).toBe(200);
    await eventually(async () => (await readdir(stateDir)).length > 0);
    expect((await readdir(stateDir)).filter((file) => file.startsWith('nobody'))).toEqual([]);
  });

  it('do not make the sidecar unready while Consul has not answered for them', async () => {
    await agent.kill();
    const early = ask(web.port('outbound'), '/', { host: 'late' });
    await eventually(async () => (await web.metric('remora_requests_active', { upstream: 'late' })) === 1);
    expect((await web.get('/ready')).status).toBe(200);
    expect((await early).headers['x-remora-failure']).toBe('discovery_pending');
    await agent.restart();
  });

  it('are 64 at most, whatever names come, and the ones that are known go on', async () => {
    await agent.http.register('payments', 'v1', apps[0]!.port, { Tags: ['v1'] });
    await agent.http.register('payments', 'v2', apps[1]!.port, { Tags: ['v2'] });
    const names = Array.from({ length: 100 }, (_, i) => `unknown-${i}`);
    const answers = await Promise.all(names.map(failureOf));
    const turnedAway = answers.filter((answer) => answer === '404 no_route').length;
    expect(await clusters()).toBe(MAX_SERVICES);
    expect(turnedAway).toBeGreaterThan(100 - MAX_SERVICES);
    expect((await ask(web.port('outbound'), '/', { host: 'payments' })).status).toBe(200);
    expect((await web.get('/ready')).status).toBe(200);
  });
});
