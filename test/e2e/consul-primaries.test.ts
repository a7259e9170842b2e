import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { GrpcApp } from './grpc-app.ts';
import { GrpcClient, type Kind } from './grpc-client.ts';
import { App, ask } from './mesh.ts';

const consul = await findConsul();
const KEYS = Array.from({ length: 60 }, (_, i) => `customer-${i}`);
const NAMES = ['x', 'y', 'z'];

describe.skipIf(consul.path === null)(consulTitle('primaries', consul), { timeout: 60_000 }, () => {
  let agent: ConsulAgent;
  let config: {
    readonly upstreams: { readonly echo: object; readonly carts: object };
    readonly [more: string]: object;
  };
  let webs: readonly [Sidecar, Sidecar];
  let a: GrpcApp;
  let b: GrpcApp;
  let client: GrpcClient;
  const carts = new Map<string, App>();

  const say = (app: GrpcApp, role: string): Promise<string> =>
    agent.http.register('echo', app.name, app.port, { Tags: [role] });
  const held = (): Promise<number> => webs[0].metric('remora_held_active', { upstream: 'echo' });
  const call = async (id: string, kind: Kind = 'Unary', options: object = {}): Promise<string> => {
    const { code, replies } = await client.ask(kind, { id, count: 3 }, options);
    return code === status.OK ? replies[0]!.server : status[code]!;
  };
  const answerTo = async (web: Sidecar, customer: string): Promise<string> => {
    const headers = { 'x-customer': customer };
    const { body } = await ask(web.port('carts'), '/', { method: 'POST', headers });
    return body.split(' ')[0]!;
  };
  /** Who takes the writes of each customer. */
  const places = (web: Sidecar): Promise<readonly string[]> =>
    Promise.all(KEYS.map((customer) => answerTo(web, customer)));

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    [a, b] = await Promise.all([GrpcApp.start('a'), GrpcApp.start('b')]);
    await say(a, 'primary');
    await say(b, 'replica');
    for (const name of NAMES) {
      const app = await App.start(name);
      carts.set(name, app);
      await agent.http.register('carts', name, app.port, { Tags: ['primary'] });
    }
    config = {
      service: { name: 'web', port: 8080 },
      upstreams: {
        echo: { port: 0, protocol: 'grpc', roles: { reads: { paths: ['/remora.test.Echo/Expand'] } } },
        carts: { port: 0, hash: { header: 'x-customer' }, roles: { kind: 'multi_primary' } },
      },
      consul: { address: agent.http.address },
    };
    webs = await Promise.all([Sidecar.start(config), Sidecar.start(config)]);
    for (const web of webs) await eventually(async () => (await web.cluster('carts')).endpoints.length === 3);
    await eventually(async () => (await webs[0].cluster('echo')).endpoints.length === 2);
    client = new GrpcClient(webs[0].port('echo'));
  });

  afterAll(async () => {
    client?.close();
    for (const web of webs ?? []) await web.kill();
    for (const app of carts.values()) await app.stop();
    for (const app of [a, b]) await app?.kill();
    await agent?.stop();
  });

  it('of gRPC have the calls that wait for them, streams too, but for those whose time is up', async () => {
    expect([await call('write-1'), await call('read-1', 'Expand')]).toEqual(['a', 'b']);
    await say(a, 'replica');
    await eventually(async () => {
      const waiting = call('probe', 'Unary', { deadline: Date.now() + 100 });
      return (await waiting) === 'DEADLINE_EXCEEDED';
    });

    const waiting = [call('write-2'), call('write-3', 'Collect', { messages: 5 }), call('write-4', 'Talk')];
    const late = call('late', 'Unary', { deadline: Date.now() + 500 });
    await eventually(async () => (await held()) === 4);
    expect(await late).toBe('DEADLINE_EXCEEDED');
    await eventually(async () => (await held()) === 3);
    expect(await call('read-2', 'Expand')).toMatch(/^[ab]$/);
    await say(b, 'primary');
    expect(await Promise.all(waiting)).toEqual(['b', 'b', 'b']);
    for (const id of ['write-2', 'write-3', 'write-4', 'late']) expect(a.begun).not.toContain(id);
    expect(b.begun).not.toContain('late');
  });

  it('of gRPC that die are waited for', async () => {
    await b.die();
    const waiting = ['write-5', 'write-6'].map((id) => call(id));
    await eventually(async () => (await held()) === 2);
    await say(a, 'primary');
    await say(b, 'replica');
    expect(await Promise.all(waiting)).toEqual(['a', 'a']);
    expect(a.begun.filter((id) => /write-[56]/.test(id)).sort()).toEqual(['write-5', 'write-6']);
    expect(await held()).toBe(0);
    await b.restart();
  });

  it('are waited for through a change of where to ask for them', async () => {
    await say(a, 'replica');
    await eventually(
      async () => (await call('probe', 'Unary', { deadline: Date.now() + 100 })) === 'DEADLINE_EXCEEDED',
    );
    const waiting = ['write-7', 'write-8'].map((id) => call(id));
    await eventually(async () => (await held()) === 2);
    const { upstreams } = config;
    webs[0].write({ ...config, upstreams: { ...upstreams, echo: { ...upstreams.echo, service: 'echo-2' } } });
    await agent.http.register('echo-2', 'other', b.port, { Tags: ['primary'] });
    expect(await Promise.all(waiting)).toEqual(['b', 'b']);
    expect(b.begun.slice(-2).sort()).toEqual(['write-7', 'write-8']);
  });

  it('that are several have each key with one of them, and with the next in its order while that one is gone', async () => {
    const [before, also] = await Promise.all(webs.map(places));
    expect(also).toEqual(before);
    expect([...new Set(before)].sort()).toEqual(NAMES);

    // Nobody has told Consul, so that each sidecar finds out by itself.
    const { port } = carts.get('y')!;
    await carts.get('y')!.stop();
    const [without, alike] = await Promise.all(webs.map(places));
    expect(alike).toEqual(without);
    for (const [i, place] of before!.entries()) {
      if (place === 'y') expect(['x', 'z']).toContain(without![i]);
      else expect(without![i]).toBe(place);
    }
    expect(new Set(without!.filter((_, i) => before![i] === 'y'))).toEqual(new Set(['x', 'z']));

    await agent.http.setCheck('y', 'critical');
    await eventually(async () =>
      (await webs[0].cluster('carts')).endpoints.some(({ health }) => health === 'critical'),
    );
    expect(await places(webs[0])).toEqual(without);

    carts.set('y', await App.start('y', port));
    await agent.http.setCheck('y', 'passing');
    for (const web of webs) {
      await eventually(async () => JSON.stringify(await places(web)) === JSON.stringify(before), 20_000);
    }
  });
});
