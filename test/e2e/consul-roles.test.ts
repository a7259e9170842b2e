import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load, sendOne } from './load.ts';
import { TcpApp, TcpClient } from './mesh.ts';
import { OriginApp } from './origin-app.ts';

const consul = await findConsul();
const LOCK = 'service/locked/leader';

describe.skipIf(consul.path === null)(consulTitle('roles', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  let a: OriginApp;
  let b: OriginApp;
  const tcp: TcpApp[] = [];

  const say = (origin: OriginApp, ...tags: readonly string[]): Promise<string> =>
    agent.http.register('db', origin.name, origin.port, { Tags: tags });
  const held = (upstream = 'db'): Promise<number> => web.metric('remora_held_active', { upstream });
  const writer = async (listener = 'db'): Promise<string> => {
    const { status, origin, failure } = await sendOne(web.port(listener), 'probe', 'POST', { body: 'x' });
    return status === 200 ? origin : failure;
  };
  /** Ids of writes in the order in which origins began them. */
  const written = (origin: OriginApp): readonly string[] => origin.begun.filter((id) => id.startsWith('POST-'));
  const twice = (ids: readonly string[]): readonly string[] => ids.filter((id, at) => ids.indexOf(id) !== at);
  const session = async (): Promise<string> =>
    (JSON.parse(await agent.http.put('/session/create', { TTL: '60s', LockDelay: '0s' })) as { ID: string }).ID;

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    [a, b] = (await OriginApp.many('a', 'b')) as [OriginApp, OriginApp];
    await say(a, 'primary');
    await say(b, 'replica');
    for (const name of ['x', 'y']) {
      const app = await TcpApp.start(name);
      tcp.push(app);
      await agent.http.register('cache', name, app.port, { Meta: { role: name === 'x' ? 'primary' : 'replica' } });
    }
    for (const { name, port } of [a, b]) await agent.http.register('locked', `locked-${name}`, port);
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      upstreams: {
        db: { port: 0, roles: {} },
        locked: { port: 0, roles: { from: { lock: LOCK }, hold: { time: '4s' } } },
        checked: { port: 0, roles: { from: { check: 'Who leads' } } },
        cache: { protocol: 'tcp', roles: { from: { meta: 'role' }, ports: { primary: 0, replica: 0 } } },
      },
      consul: { address: agent.http.address },
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const app of tcp) await app.stop();
    for (const origin of [a, b]) await origin?.kill();
    await agent?.stop();
  });

  it('lose no write when the primary moves between two live instances, with a second of nobody between', async () => {
    const writes = new Load(web.port('db'), { method: 'POST', body: 'once', perSecond: 150 });
    const reads = new Load(web.port('db'), { perSecond: 100 });
    await writes.progress(150);
    expect(written(b)).toEqual([]);
    expect(a.begun.filter((id) => id.startsWith('GET-'))).toEqual([]);

    await say(a, 'replica');
    // At this rate that many have been waiting for more than a second.
    await eventually(async () => (await held()) >= 200);
    const atOld = written(a).length;
    expect(written(b)).toEqual([]);
    await say(b, 'primary');
    await writes.progress(400);
    const results = await writes.stop();
    await reads.stop();

    expect([...writes.failed, ...reads.failed]).toEqual([]);
    expect(written(a).length).toBe(atOld);
    expect([...written(a), ...written(b)].sort()).toEqual(results.map(({ id }) => id).sort());
    expect(await held()).toBe(0);
    expect(await web.metric('remora_held_total', { upstream: 'db' })).toBeGreaterThanOrEqual(200);
  });

  it('lose of a killed primary only the writes it had, and none lands twice', async () => {
    const before = { a: written(a).length, b: written(b).length };
    const load = new Load(web.port('db'), { method: 'POST', body: 'once', perSecond: 150, path: '/?delay=20' });
    await load.progress(150);
    // Beside the writes that flow, some of which the place is known when it dies.
    const doomed = Array.from({ length: 5 }, (_, i) =>
      sendOne(web.port('db'), `doomed-${i}`, 'POST', { path: '/?hold', body: 'once' }),
    );
    await eventually(() => b.begun.filter((id) => id.startsWith('doomed')).length === 5);
    await b.die();
    // Consul still says that it is there: what comes now is refused by the dead, and must wait.
    await eventually(async () => (await held()) >= 150);
    await say(a, 'primary');
    await say(b, 'replica');
    await load.progress(300);
    const results = await load.stop();
    const lost = [...load.failed, ...(await Promise.all(doomed))];
    await b.restart();

    const unanswered = written(b)
      .slice(before.b)
      .filter((id) => !b.answered.has(id));
    const failed = load.failed.map(({ id }) => id);
    expect(failed).toEqual(expect.arrayContaining(unanswered as string[]));
    for (const { failure } of lost) expect(['upstream_reset', 'connection_stale']).toContain(failure);
    // Those the dead one had begun, and at most as many that lay in its sockets.
    expect(failed.length).toBeLessThanOrEqual(unanswered.length + 10);
    const begun = [...written(a).slice(before.a), ...written(b).slice(before.b)];
    expect(twice(begun)).toEqual([]);
    const atNew = new Set(written(a).slice(before.a));
    expect(failed.filter((id) => atNew.has(id))).toEqual([]);
    expect(a.begun.filter((id) => id.startsWith('doomed'))).toEqual([]);
    expect(results.length - failed.length).toBeGreaterThan(400);
  });

  it('wait for a primary that comes back as the same, without a word from Consul', async () => {
    await a.die();
    const waiting = sendOne(web.port('db'), 'POST-back', 'POST', { body: 'once' });
    await eventually(async () => (await held()) === 1);
    await a.restart();
    expect(await waiting).toMatchObject({ status: 200, origin: 'a' });
  });

  it('follow the holder of a lock', async () => {
    const [first, second] = [await session(), await session()];
    const early = writer('locked');
    await eventually(async () => (await held('locked')) === 1);
    await agent.http.put(`/kv/${LOCK}?acquire=${first}`, 'locked-a');
    expect(await early).toBe('a');
    expect((await sendOne(web.port('locked'), 'probe', 'GET')).origin).toBe('b');

    await agent.http.put(`/session/destroy/${first}`);
    const between = eventually(async () => (await held('locked')) === 1);
    const late = writer('locked');
    await between;
    await agent.http.put(`/kv/${LOCK}?acquire=${second}`, b.address);
    expect(await late).toBe('b');

    await agent.http.put(`/kv/${LOCK}?release=${second}`, b.address);
    await eventually(async () => (await writer('locked')) === 'no_primary');
  });

  it('are what a check says', async () => {
    const report = (id: string, output: string, status = 'passing'): Promise<string> =>
      agent.http.put(`/agent/check/update/checked-${id}`, { Status: status, Output: output });
    for (const { name, port } of [a, b]) {
      const check = { CheckID: `checked-${name}`, Name: 'Who leads', TTL: '10m', Status: 'critical' };
      await agent.http.register('checked', name, port, { Check: check });
    }
    await report('a', 'state=replica lag=3');
    await report('b', 'state=primary lag=0');
    expect(await writer('checked')).toBe('b');
    expect((await sendOne(web.port('checked'), 'probe', 'GET')).origin).toBe('a');
  });

  it('have ports of their own for what cannot be told apart', async () => {
    const [toPrimary, toReplica] = ['cache.primary', 'cache.replica'].map((name) => new TcpClient(web.port(name)));
    await toPrimary!.hears('x ');
    await toReplica!.hears('y ');
    toPrimary!.say('hello');
    await toPrimary!.hears('x hello');
    for (const client of [toPrimary, toReplica]) client!.close();

    const [x, y] = tcp as [TcpApp, TcpApp];
    await agent.http.register('cache', 'x', x.port, { Meta: { role: 'replica' } });
    await agent.http.register('cache', 'y', y.port, { Meta: { role: 'primary' } });
    await eventually(async () => {
      const again = new TcpClient(web.port('cache.primary'));
      await eventually(() => again.heard !== '');
      again.close();
      return again.heard === 'y ';
    });
  });
});
