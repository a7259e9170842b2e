import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { type Answer, App, ask, TcpApp, TcpClient } from './mesh.ts';

describe('an orderly stop', () => {
  let app: App;
  let tcp: TcpApp;
  let folder: string;
  let sidecar: Sidecar | null = null;
  const tcpClients: TcpClient[] = [];

  beforeAll(async () => {
    app = await App.start('app');
    tcp = await TcpApp.start('tcp');
    folder = await mkdtemp(join(tmpdir(), 'remora-drain-'));
  });

  afterEach(async () => {
    for (const client of tcpClients.splice(0)) client.close();
    app.release();
    await sidecar?.kill();
    sidecar = null;
  });

  afterAll(async () => {
    await app?.stop();
    await tcp?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (shutdown: object, more: object = {}): Promise<Sidecar> => {
    sidecar = await Sidecar.start({
      service: { name: 'web', port: app.port },
      inbound: { port: 0 },
      upstreams: { cache: { port: 0, protocol: 'tcp' }, orders: { port: 0, protocol: 'http' } },
      static: { cache: [`127.0.0.1:${tcp.port}`], orders: [`127.0.0.1:${app.port}`] },
      shutdown,
      ...more,
    });
    return sidecar;
  };
  /** A request whose answer has begun and does not end yet. */
  const hold = async (port: number): Promise<{ readonly answer: Promise<Answer> }> => {
    const before = app.heldCount;
    const answer = ask(port, '/held');
    // A rejection that comes while the test looks elsewhere is not yet an error.
    answer.catch(() => undefined);
    await eventually(() => app.heldCount > before);
    return { answer };
  };
  const tunnel = async (running: Sidecar): Promise<TcpClient> => {
    const client = new TcpClient(running.port('cache'));
    tcpClients.push(client);
    client.say('first');
    await client.hears('tcp first');
    return client;
  };
  const refuses = (port: number): Promise<unknown> =>
    eventually(async () => {
      await expect(ask(port)).rejects.toThrow('ECONNREFUSED');
      return true;
    });

  it('lets an answer that has begun end, and says `Connection: close` on connections that stay', async () => {
    const running = await start({ propagation: '0s', timeout: '10s' });
    const port = running.port('inbound');
    const held = await hold(port);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(port, '/', { agent })).headers['connection']).not.toBe('close');
    // Begun before the drain, so its connection is busy and gets its answer: the last one.
    const last = ask(port, '/', { agent });
    await eventually(async () => (await running.metric('remora_requests_active', { direction: 'inbound' })) === 2);
    running.signal('SIGTERM');
    await refuses(port);
    expect((await last).headers['connection']).toBe('close');
    expect((await running.get('/ready')).status).toBe(503);
    app.release();
    expect((await held.answer).body).toBe('app begins, and ends');
    expect(await running.exit).toBe(0);
    agent.destroy();
  });

  it('lets outbound calls go on until the last inbound answer has been given', async () => {
    const running = await start({ propagation: '0s', timeout: '10s' });
    const port = running.port('inbound');
    const held = await hold(port);
    running.signal('SIGTERM');
    await refuses(port);
    expect((await ask(running.port('orders'))).status).toBe(200);
    app.release();
    expect((await held.answer).status).toBe(200);
    expect(await running.exit).toBe(0);
  });

  it('lets tunnels finish', async () => {
    const running = await start({ propagation: '0s', timeout: '10s' });
    const client = await tunnel(running);
    running.signal('SIGTERM');
    await refuses(running.port('inbound'));
    client.say('second');
    await client.hears('firstsecond');
    // What the application has open towards others it may still need, and more of it.
    const another = await tunnel(running);
    for (const one of [client, another]) one.close();
    expect(await running.exit).toBe(0);
    expect(running.hasEvent('shutdown_cuts_connections')).toBe(false);
  });

  it('does not wait for tunnels that nobody uses any more', async () => {
    const running = await start({ propagation: '0s', timeout: '25s' });
    await tunnel(running);
    const startedAt = performance.now();
    expect(await running.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('cuts what hangs when its time is up, and counts it', async () => {
    const running = await start({ propagation: '0s', timeout: '2s' });
    const held = await hold(running.port('inbound'));
    const client = await tunnel(running);
    const startedAt = performance.now();
    expect(await running.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await expect(held.answer).rejects.toThrow();
    await eventually(() => client.end !== 'open');
    expect(running.hasEvent('shutdown_cuts_connections', { connections: 2 })).toBe(true);
    expect(running.access.map((line) => line['failure'])).toContain('draining');
    const tunnels = running.access.filter((line) => line['kind'] === 'tunnel');
    expect(tunnels).toMatchObject([{ upstream: 'cache', failure: 'draining' }]);
  });

  it('counts and ends what runs on ports that a reload has taken away, too', async () => {
    const shutdown = { propagation: '0s', timeout: '2s' };
    const running = await start(shutdown);
    const held = await hold(running.port('orders'));
    const client = await tunnel(running);
    running.write({ service: { name: 'web', port: app.port }, inbound: { port: 0 }, admin: { port: 0 }, shutdown });
    running.signal('SIGHUP');
    await refuses(running.port('orders'));
    await refuses(running.port('cache'));
    client.say('second');
    await client.hears('firstsecond');
    expect(await running.stop()).toBe(0);
    await expect(held.answer).rejects.toThrow();
    await eventually(() => client.end !== 'open');
    expect(running.hasEvent('shutdown_cuts_connections', { connections: 2 })).toBe(true);
    const records = running.access.map(({ kind, upstream, failure }) => `${kind} ${upstream} ${failure}`);
    expect(records.sort()).toEqual(['exchange orders draining', 'tunnel cache draining']);
  });

  it('waits for what runs on a port that a reload has taken away', async () => {
    const shutdown = { propagation: '0s', timeout: '10s' };
    const running = await start(shutdown);
    const held = await hold(running.port('orders'));
    running.write({ service: { name: 'web', port: app.port }, inbound: { port: 0 }, admin: { port: 0 }, shutdown });
    running.signal('SIGHUP');
    await refuses(running.port('orders'));
    running.signal('SIGTERM');
    await eventually(() => running.hasEvent('shutdown_closes_outbound'));
    app.release();
    expect((await held.answer).body).toBe('app begins, and ends');
    expect(await running.exit).toBe(0);
    expect(running.hasEvent('shutdown_cuts_connections')).toBe(false);
  });

  it('is over at once at a second signal', async () => {
    const running = await start({ propagation: '10s', timeout: '20s' });
    running.signal('SIGTERM');
    await eventually(() => running.hasEvent('shutdown_began'));
    const startedAt = performance.now();
    running.signal('SIGTERM');
    expect(await running.exit).toBe(130);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('can be asked for over the admin port, with the token and not without', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'drain-me\n');
    const running = await start({ propagation: '0s', timeout: '5s' }, { admin: { port: 0, tokenFile } });
    const drain = async (authorization?: string): Promise<number> => {
      const headers = authorization === undefined ? {} : { authorization };
      return (await running.get('/drain', { method: 'POST', headers })).status;
    };
    expect([await drain(), await drain('Bearer wrong'), (await running.get('/drain')).status]).toEqual([401, 401, 405]);
    expect((await running.get('/ready')).status).toBe(200);
    expect(await drain('Bearer drain-me')).toBe(202);
    expect(await running.exit).toBe(0);
  });

  it('cannot be asked for where no token is configured', async () => {
    const running = await start({});
    const answer = await running.get('/drain', { method: 'POST', headers: { authorization: 'Bearer x' } });
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('tokenFile')]);
    expect((await running.get('/ready')).status).toBe(200);
  });

  it('goes on in order when a signal follows the request over the admin port', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'drain-me\n');
    const running = await start({ propagation: '500ms', timeout: '5s' }, { admin: { port: 0, tokenFile } });
    const headers = { authorization: 'Bearer drain-me' };
    expect((await running.get('/drain', { method: 'POST', headers })).status).toBe(202);
    running.signal('SIGTERM');
    expect((await ask(running.port('inbound'))).status).toBe(200);
    expect(await running.exit).toBe(0);
    expect(running.hasEvent('shutdown_ended')).toBe(true);
  });

  it('is done in order by a signal in the middle of the start', async () => {
    const starting = Sidecar.refuse({
      service: { name: 'web', port: app.port },
      inbound: { port: 0 },
      admin: { port: 0 },
      shutdown: { propagation: '0s' },
    });
    await eventually(() => starting.hasEvent('started'));
    starting.signal('SIGTERM');
    expect(await starting.exit).toBe(0);
    expect(starting.hasEvent('shutdown_ended')).toBe(true);
  });
});
