import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { runStatus } from '../../src/cli/status.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, catalog, complain, Load } from './mesh.ts';

const consul = await findConsul();
const MASTER = '11111111-2222-3333-4444-555555555555';

describe.skipIf(consul.path === null)(consulTitle('a Consul with ACLs', consul), () => {
  let agent: ConsulAgent;
  let app: App;
  let folder: string;
  let sidecar: Sidecar | null = null;

  /** A token that may do what the rules say, or nothing. */
  const token = async (rules: string | null): Promise<string> => {
    const name = `p${Math.floor(performance.now() * 1000)}`;
    if (rules !== null) await agent.http.put('/acl/policy', { Name: name, Rules: rules });
    const body = rules === null ? {} : { Policies: [{ Name: name }] };
    return (JSON.parse(await agent.http.put('/acl/token', body)) as { SecretID: string }).SecretID;
  };
  const READS =
    'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } key_prefix "" { policy = "read" }';
  const WRITES = `${READS} service "web" { policy = "write" }`;

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!, { masterToken: MASTER });
    app = await App.start('a');
    folder = await mkdtemp(join(tmpdir(), 'remora-acl-'));
    await agent.http.register('orders', 'a', app.port);
  });

  afterEach(async () => {
    await sidecar?.kill();
    sidecar = null;
  });

  afterAll(async () => {
    await app?.stop();
    await agent?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (consulMore: object, untilReady = true, more: object = {}): Promise<Sidecar> => {
    sidecar = await Sidecar.start(
      {
        service: { name: 'web', port: app.port },
        upstreams: { orders: { port: 0, protocol: 'http', limits: { parkTimeout: '200ms' } } },
        consul: { address: agent.http.address, ...consulMore },
        ...more,
      },
      { untilReady },
    );
    return sidecar;
  };

  it('serves a token with rights, and shows it to nobody', async () => {
    const secret = await token(READS);
    const web = await start({ token: secret });
    expect((await ask(web.port('orders'))).body).toBe('a GET /');
    for (const path of ['/config', '/clusters', '/metrics', '/']) {
      expect(await (await web.get(path)).text()).not.toContain(secret);
    }
    expect(JSON.stringify(web.log)).not.toContain(secret);
  });

  it('is asked with a new token as soon as the file has one, and says what is wrong until then', async () => {
    const file = join(folder, 'token');
    await writeFile(file, 'deadbeef-0000-0000-0000-000000000000');
    const web = await start({ tokenFile: file }, false);
    await eventually(async () => (await web.cluster('orders')).problem !== null);
    expect((await web.cluster('orders')).problem).toMatch(/403|ACL/);
    expect((await ask(web.port('orders'))).status).toBe(503);

    // Consul says so for a lasting time, and is asked again seldom: a file that changed is a reason not to wait.
    await writeFile(file, `${await token(READS)}\n`);
    await eventually(async () => (await web.get('/ready')).status === 200, 10_000);
    expect((await ask(web.port('orders'))).status).toBe(200);
  });

  it('keeps the endpoints of a token that loses its rights', async () => {
    const file = join(folder, 'losing');
    await writeFile(file, await token(READS));
    const web = await start({ tokenFile: file });
    const load = new Load(() => web.port('orders'));
    await writeFile(file, await token(null));
    // Any change of the service ends the question that waits, and the next one is asked with the new token.
    await agent.http.setCheck('a', 'warning');
    await agent.http.setCheck('a', 'passing');
    // Said when the loss was to be confirmed: Consul repeats it, and accepts the token, but denies it the right.
    await eventually(async () => {
      const { problem } = await web.cluster('orders');
      return problem?.includes('may not read service "orders"') || complain(`the problem is ${problem}`);
    });
    await load.passes(100);
    expect((await web.cluster('orders')).endpoints).toHaveLength(1);
    expect(await load.stop()).toEqual([]);

    await writeFile(file, await token(READS));
    await eventually(async () => (await web.cluster('orders')).problem === null, 20_000);
    expect((await ask(web.port('orders'))).status).toBe(200);
  });

  it('does not take the emptiness that a token without rights sees from the start for a fact', async () => {
    const web = await start({ token: await token(null) }, false);
    await eventually(async () => (await web.cluster('orders')).problem !== null || complain('no problem'));
    expect((await web.cluster('orders')).problem).toContain('may not read service "orders"');
  });

  /** What `remora status` says, and exits with. */
  const status = async (of: Sidecar): Promise<readonly [number, object]> => {
    let text = '';
    const options = { address: `127.0.0.1:${of.port('admin-grpc')}`, json: true, readyOnly: false, timeoutMs: 5_000 };
    const code = await runStatus(options, new SystemClock(), { write: (more) => (text += more) });
    return [code, JSON.parse(text) as object];
  };

  it('does not take the registration of a token that may only read, and serves all the same', async () => {
    const service = { name: 'web', port: app.port, register: { ttl: '1s' } };
    const file = join(folder, 'reader');
    await writeFile(file, await token(READS));
    const web = await start({ tokenFile: file }, true, { service });
    await eventually(() => web.log.some(({ event }) => event === 'registration_problem'));
    expect((await ask(web.port('orders'))).status).toBe(200);
    expect(await catalog(agent.http, 'web')).toEqual([]);
    expect(await status(web)).toMatchObject([
      2,
      { isReady: true, registration: { problem: expect.stringMatching(/403.*Permission denied/) } },
    ]);

    await writeFile(file, await token(WRITES));
    await eventually(async () => (await catalog(agent.http, 'web')).join() === 'web: passing');
    expect(await status(web)).toMatchObject([0, { registration: { problem: null }, application: { problem: null } }]);
  });
});
