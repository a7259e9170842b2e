import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADMIN_HTTP_LIMITS, AdminHttp, type AdminHttpLimits, type AdminHttpOptions } from '../../src/admin/http.ts';
import { Pacer } from '../../src/admin/pacer.ts';
import { SystemClock } from '../../src/base/clock-system.ts';
import { endpoint, FakeAgentView } from './fake-agent-view.ts';

interface Reply {
  readonly status: number;
  readonly fields: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

let view: FakeAgentView;
let problems: unknown[];
let folder: string;
let open: AdminHttp[];

beforeEach(async () => {
  view = new FakeAgentView();
  problems = [];
  open = [];
  folder = await mkdtemp(join(tmpdir(), 'remora-admin-'));
});

afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  await rm(folder, { recursive: true });
});

describe('what the paths answer', () => {
  it('lists the paths at /', async () => {
    const reply = await ask(await start(), 'GET', '/');
    expect(reply.status).toBe(200);
    for (const line of [
      'GET /live',
      'GET /ready',
      'GET /metrics',
      'GET /clusters',
      'GET /shards',
      'GET /routes',
      'GET /config',
      'GET /listeners',
    ]) {
      expect(reply.body).toContain(line);
    }
    expect(reply.body).toContain('POST /drain');
  });

  it('is live whatever else is wrong', async () => {
    view.readinessView = { isReady: false, isDraining: true, waitingFor: [] };
    const reply = await ask(await start(), 'GET', '/live');
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.body)).toEqual({ live: true, ...view.identityView });
  });

  it('is ready with 200 and an empty list', async () => {
    const reply = await ask(await start(), 'GET', '/ready');
    expect([reply.status, JSON.parse(reply.body)]).toEqual([200, { ready: true, draining: false, waitingFor: [] }]);
  });

  it('says with 503 what it waits for', async () => {
    view.readinessView = {
      isReady: false,
      isDraining: false,
      waitingFor: ['listener outbound', 'first snapshot of orders'],
    };
    const reply = await ask(await start(), 'GET', '/ready');
    expect(reply.status).toBe(503);
    expect(JSON.parse(reply.body)).toEqual({
      ready: false,
      draining: false,
      waitingFor: ['listener outbound', 'first snapshot of orders'],
    });
  });

  it('is not ready while draining', async () => {
    view.readinessView = { isReady: false, isDraining: true, waitingFor: [] };
    const reply = await ask(await start(), 'GET', '/ready');
    expect([reply.status, JSON.parse(reply.body).draining]).toEqual([503, true]);
  });

  it('gives metrics in the text format of Prometheus', async () => {
    const reply = await ask(await start(), 'GET', '/metrics');
    expect(reply.fields['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(reply.body).toBe('# TYPE remora_up gauge\nremora_up 1\n');
  });

  it('gives clusters as JSON', async () => {
    const { clusters } = JSON.parse((await ask(await start(), 'GET', '/clusters')).body);
    expect(clusters).toEqual(
      view.clusterViews.map((cluster) => ({ ...cluster, placesOmitted: 0, endpointsOmitted: 0 })),
    );
  });

  it('gives clusters as a table on request', async () => {
    const reply = await ask(await start(), 'GET', '/clusters?format=text');
    expect(reply.fields['content-type']).toBe('text/plain; charset=utf-8');
    expect(reply.body).toContain('10.0.0.2:7001/orders-2  warning                      10      open, 3 trips');
  });

  it('refuses a format that it does not have', async () => {
    const reply = await ask(await start(), 'GET', '/clusters?format=xml');
    expect([reply.status, JSON.parse(reply.body).error]).toEqual([400, 'bad_format']);
  });

  it('cuts a very large cluster and says by how much', async () => {
    const many = Array.from({ length: 6_000 }, (_, i) => endpoint({ id: `e${i}` }));
    view.clusterViews = [{ ...view.clusterViews[0]!, endpoints: many }];
    const { clusters } = JSON.parse((await ask(await start(), 'GET', '/clusters')).body);
    expect([clusters[0].endpoints.length, clusters[0].endpointsOmitted]).toEqual([5_000, 1_000]);
  });

  it('gives the configuration with its problems', async () => {
    expect(JSON.parse((await ask(await start(), 'GET', '/config')).body)).toEqual({
      effective: view.configView.effective,
      layers: view.configView.layers.map((layer) => ({ ...layer, problemsOmitted: 0 })),
    });
  });

  it('says where values came from to whoever asks for it', async () => {
    const { origins } = JSON.parse((await ask(await start(), 'GET', '/config?origins')).body);
    expect(origins).toEqual({ 'service.name': { source: 'remora.yaml', line: 1, column: 18 } });
  });

  it('cuts a very long list of problems and says by how much', async () => {
    const layer = view.configView.layers[1]!;
    const problems = Array.from({ length: 130 }, () => layer.problems[0]!);
    view.configView = { effective: {}, origins: new Map(), layers: [{ ...layer, problems }] };
    const { layers } = JSON.parse((await ask(await start(), 'GET', '/config')).body);
    expect([layers[0].problems.length, layers[0].problemsOmitted]).toEqual([100, 30]);
  });

  it('gives the shard maps, those ranges first that move when there are too many', async () => {
    const range = (number: number) => ({ range: `${number}`, shard: 'a', move: null });
    const shards = { upstream: 'orders', version: 7, kind: 'slots', missingKeys: 0, held: 0, shards: [] };
    const moving = { ...range(1_500), move: { to: 'b', state: 'hold', second: null } };
    view.shardViews = [
      { ...shards, ranges: [range(0)] },
      { ...shards, ranges: [...Array.from({ length: 1_500 }, (_, i) => range(i)), moving] },
    ];
    const { upstreams } = JSON.parse((await ask(await start(), 'GET', '/shards')).body);
    expect(upstreams[0]).toEqual({ ...shards, ranges: [range(0)], rangesOmitted: 0 });
    expect(upstreams[1].rangesOmitted).toBe(501);
    expect(upstreams[1].ranges).toHaveLength(1_000);
    expect(upstreams[1].ranges[0]).toEqual(moving);
  });

  it('gives the listeners', async () => {
    expect(JSON.parse((await ask(await start(), 'GET', '/listeners')).body)).toEqual({ listeners: view.listenerViews });
  });

  it('answers an unknown path with the paths there are', async () => {
    const reply = await ask(await start(), 'GET', '/quit');
    expect(reply.status).toBe(404);
    expect(JSON.parse(reply.body).paths).toContain('/clusters');
  });

  it('answers HEAD without a body', async () => {
    const reply = await ask(await start(), 'HEAD', '/ready');
    expect([reply.status, reply.body]).toEqual([200, '']);
  });

  it('forbids caches and guessing of types', async () => {
    const { fields } = await ask(await start(), 'GET', '/config');
    expect([fields['cache-control'], fields['x-content-type-options']]).toEqual(['no-store', 'nosniff']);
  });

  it('answers 500 and reports it when the program has a bug', async () => {
    view.metrics = () => {
      throw new Error('broken gauge');
    };
    const reply = await ask(await start(), 'GET', '/metrics');
    expect([reply.status, JSON.parse(reply.body).error]).toEqual([500, 'internal_error']);
    expect(reply.body).not.toContain('broken gauge');
    expect(problems).toEqual([new Error('broken gauge')]);
  });

  it('names the port when it is taken', async () => {
    const port = await start();
    await expect(start({ port })).rejects.toThrow(
      `listener admin: cannot listen on 127.0.0.1:${port}: the port is in use`,
    );
  });
});

describe('methods', () => {
  it.each([
    ['POST', '/ready', 'GET, HEAD'],
    ['DELETE', '/clusters', 'GET, HEAD'],
    ['OPTIONS', '/config', 'GET, HEAD'],
    ['GET', '/drain', 'POST'],
  ])('refuses %s %s', async (method, path, allow) => {
    const reply = await ask(await start(), method, path);
    expect([reply.status, reply.fields['allow']]).toEqual([405, allow]);
    expect(view.drains).toBe(0);
  });
});

describe('Host', () => {
  it.each(['localhost', 'LOCALHOST:15000', '127.0.0.1', '127.8.9.1:80', '[::1]:15000'])('accepts %s', async (host) => {
    expect((await ask(await start(), 'GET', '/live', { host })).status).toBe(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'evil.example:15000',
    'a@127.0.0.1',
    '[::1',
    '127.0.0.1/x',
  ])('refuses "%s" on every path', async (host) => {
    const port = await start();
    for (const path of ['/', '/config', '/nothing']) {
      expect((await ask(port, 'GET', path, { host })).status).toBe(421);
    }
  });

  it('refuses a rebound name before it looks at the token', async () => {
    await writeFile(join(folder, 'token'), 'secret');
    const port = await start({ tokenFile: join(folder, 'token') });
    const reply = await ask(port, 'POST', '/drain', { host: 'evil.example', authorization: 'Bearer secret' });
    expect([reply.status, view.drains]).toEqual([421, 0]);
  });

  it('accepts the address the connection came in on, and no other, when bound to all of them', async () => {
    const port = await start({ address: '::' });
    expect((await ask(port, 'GET', '/live', { host: `127.0.0.1:${port}` })).status).toBe(200);
    expect((await ask(port, 'GET', '/live', { host: '10.9.9.9' })).status).toBe(421);
  });

  it('accepts the address in the configuration', async () => {
    expect(
      (await ask(await start({ address: '127.0.0.3' }), 'GET', '/live', { host: '127.0.0.3' }, '127.0.0.3')).status,
    ).toBe(200);
  });

  it('refuses two of them', async () => {
    const answer = await raw(
      await start(),
      'GET /live HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 4(00|21) /);
  });

  it('refuses an empty one', async () => {
    const answer = await raw(await start(), 'GET /live HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 4(00|21) /);
  });

  it('serves HTTP/1.0 probes that send none', async () => {
    expect(await raw(await start(), 'GET /live HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('does not take an absolute target for a path', async () => {
    const answer = await raw(
      await start(),
      'GET http://evil.example/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe('POST /drain', () => {
  it('says how to set a token when there is none', async () => {
    const reply = await ask(await start(), 'POST', '/drain', { authorization: 'Bearer x' });
    expect(reply.status).toBe(403);
    expect(JSON.parse(reply.body).message).toContain('admin: { tokenFile:');
    expect(view.drains).toBe(0);
  });

  it('drains with the token', async () => {
    const port = await startWithToken('secret\n');
    const reply = await ask(port, 'POST', '/drain', { authorization: 'Bearer secret' });
    expect([reply.status, JSON.parse(reply.body), view.drains]).toEqual([202, { draining: true }, 1]);
  });

  it.each([
    [undefined, 'token_missing'],
    ['Basic c2VjcmV0', 'token_missing'],
    ['Bearer', 'token_missing'],
    ['Bearer wrong', 'token_wrong'],
    ['Bearer secre', 'token_wrong'],
    ['Bearer secret secret', 'token_missing'],
  ])('refuses "%s"', async (authorization, error) => {
    const port = await startWithToken('secret');
    const reply = await ask(port, 'POST', '/drain', authorization === undefined ? {} : { authorization });
    expect([reply.status, JSON.parse(reply.body).error]).toEqual([401, error]);
    expect(reply.fields['www-authenticate']).toBe('Bearer realm="remora"');
    expect(view.drains).toBe(0);
  });

  it('reads the file anew, so a rotated token works at once and the old one no more', async () => {
    const port = await startWithToken('first');
    await writeFile(join(folder, 'token'), 'second');
    expect((await ask(port, 'POST', '/drain', { authorization: 'Bearer first' })).status).toBe(401);
    expect((await ask(port, 'POST', '/drain', { authorization: 'Bearer second' })).status).toBe(202);
  });

  it.each([
    ['empty', ' \n'],
    ['too large', 'x'.repeat(5_000)],
  ])('drains for nobody when the file is %s', async (_what, content) => {
    const port = await startWithToken(content);
    const reply = await ask(port, 'POST', '/drain', { authorization: `Bearer ${content.trim()}` });
    expect([reply.status, view.drains, problems.length]).toEqual([403, 0, 1]);
    expect(reply.body).not.toContain(folder);
  });

  it('drains for nobody when the file is not there', async () => {
    const port = await start({ tokenFile: join(folder, 'missing') });
    const reply = await ask(port, 'POST', '/drain', { authorization: 'Bearer x' });
    expect([reply.status, view.drains, problems.length]).toEqual([403, 0, 1]);
    expect(JSON.parse(reply.body)).toEqual({
      error: 'no_token_readable',
      message: 'the token file has no token that can be read; the log says why',
    });
  });
});

describe('bounds', () => {
  it('refuses a head that is too large', async () => {
    const answer = await raw(await start(), `GET /live HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('refuses a body that is too large without reading it, and closes', async () => {
    const answer = await raw(
      await start(),
      'POST /drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  it('refuses a body of unknown length', async () => {
    const answer = await raw(
      await start(),
      'POST /drain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('ends a request that comes too slowly', async () => {
    const port = await start({}, { requestMs: 100 });
    expect(await raw(port, 'GET /live HTTP/1.1\r\nHost: loc')).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('ends a connection that says nothing', async () => {
    const port = await start({}, { idleMs: 50 });
    expect(await raw(port, '')).toBe('');
  });

  it('answers garbage with 400 and goes on', async () => {
    const port = await start();
    expect(await raw(port, '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect((await ask(port, 'GET', '/live')).status).toBe(200);
  });

  it('drops connections beyond the limit and takes new ones when old ones have gone', async () => {
    const port = await start({}, { maxConnections: 2 });
    const held = [await dial(port), await dial(port)];
    expect(await raw(port, 'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('');
    const gone = Promise.all(held.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    for (const socket of held) socket.end();
    await gone;
    expect((await ask(port, 'GET', '/live')).status).toBe(200);
  });

  it('refuses heavy questions, and no light ones, once too many wait for their turn', async () => {
    let release = (_text: string): void => undefined;
    const metrics = new Promise<string>((resolve) => {
      release = resolve;
    });
    view.metrics = () => metrics;
    const pacer = new Pacer(new SystemClock(), 2);
    const port = await start({}, {}, pacer);
    const first = [ask(port, 'GET', '/metrics'), ask(port, 'GET', '/metrics')];
    await vi.waitUntil(() => pacer.isFull);
    const refused = await ask(port, 'GET', '/metrics');
    expect([refused.status, JSON.parse(refused.body).error]).toEqual([503, 'busy']);
    expect((await ask(port, 'GET', '/ready')).status).toBe(200);
    release('x');
    expect((await Promise.all(first)).map((reply) => reply.status)).toEqual([200, 200]);
    pacer.close();
    expect((await ask(port, 'GET', '/metrics')).status).toBe(200);
  });
});

async function start(
  options: Partial<AdminHttpOptions> = {},
  limits: Partial<AdminHttpLimits> = {},
  pacer = new Pacer(new SystemClock(), 64),
): Promise<number> {
  const http = new AdminHttp(
    view,
    { address: '127.0.0.1', port: 0, tokenFile: null, ...options },
    pacer,
    (error) => problems.push(error),
    { ...ADMIN_HTTP_LIMITS, ...limits },
  );
  const { port } = await http.listen();
  open.push(http);
  return port;
}

async function startWithToken(content: string): Promise<number> {
  await writeFile(join(folder, 'token'), content);
  return start({ tokenFile: join(folder, 'token') });
}

async function ask(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  address = '127.0.0.1',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: address, port, method, path, headers, agent: false }, (incoming) => {
      text(incoming).then((body) => resolve({ status: incoming.statusCode!, fields: incoming.headers, body }), reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Writes bytes and gives what came back until the other end closed. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = await dial(port);
  socket.write(bytes, 'latin1');
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}
