import { execFile } from 'node:child_process';
import { connect as connectHttp2 } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load } from './load.ts';
import { ask, TcpApp, TcpClient } from './mesh.ts';
import { OriginApp } from './origin-app.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const IN_A_MINUTE = new Date(Date.now() + 60_000).toISOString();

let origins: OriginApp[];
let tcp: TcpApp;
let sidecar: Sidecar;

/** One of each, for the requests that ask for it. */
const by = (kind: string, effect: object, until = IN_A_MINUTE) => ({
  ...effect,
  match: { headers: { 'x-fault': kind } },
  until,
});
const FAULTS = [
  by('delay', { delay: '300ms' }),
  by('wait', { delayHeader: 'x-wait', maxDelay: '400ms' }),
  by('abort', { abort: { status: 418 } }),
  by('reset', { reset: true }),
  by('bandwidth', { bandwidth: '256KiB' }),
  by('over', { reset: true }, '2020-01-01T00:00:00Z'),
];

function config(more: object = {}) {
  const opaque = (fault: object) => ({
    port: 0,
    protocol: 'tcp',
    service: 'echo',
    faults: [{ ...fault, until: IN_A_MINUTE }],
  });
  return {
    service: { name: 'web', port: origins[0]!.port },
    admin: { port: 0 },
    inbound: { port: 0, faults: [by('abort', { abort: {} })] },
    upstreams: {
      orders: { port: 0, faults: FAULTS },
      slow: opaque({ delay: '300ms' }),
      torn: opaque({ reset: true }),
      brief: { port: 0, service: 'orders' },
      ...more,
    },
    static: { orders: [origins[0]!.address], echo: [`127.0.0.1:${tcp.port}`] },
    telemetry: { accessLog: 'failures' },
  };
}

beforeAll(async () => {
  origins = await OriginApp.many('a');
  tcp = await TcpApp.start('echo');
  sidecar = await Sidecar.start(config());
});

afterAll(async () => {
  await sidecar.kill();
  await tcp.stop();
  await Promise.all(origins.map((origin) => origin.kill()));
  expect(sidecar.log.filter(({ event }) => event === 'bug')).toEqual([]);
});

const asked = (kind: string, headers = {}, path = '/', listener = 'orders') =>
  ask(sidecar.port(listener), path, { headers: { 'x-fault': kind, ...headers } });

async function took(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

it('delays, aborts and resets the requests that match, says so, and holds nothing against the endpoint', async () => {
  const begun = origins[0]!.begun.length;
  expect((await asked('none')).headers['x-remora-fault']).toBe(undefined);
  expect((await asked('over')).status).toBe(200);
  expect(
    await took(async () => expect((await asked('delay')).headers['x-remora-fault']).toBe('delay')),
  ).toBeGreaterThan(295);
  expect(await took(() => asked('wait', { 'x-wait': '9000' }))).toBeGreaterThan(395);
  const aborted = await asked('abort');
  expect([aborted.status, aborted.headers['x-remora-fault'], aborted.headers['x-remora-failure']]).toEqual([
    418,
    'abort',
    'fault_injected',
  ]);
  await expect(asked('reset')).rejects.toThrow(/socket hang up|ECONNRESET/);
  expect((await asked('abort', {}, '/', 'inbound')).status).toBe(503);
  expect(origins[0]!.begun.length).toBe(begun + 4);

  const counted = (kind: string, direction = 'outbound') =>
    sidecar.metric('remora_faults_injected_total', { kind, direction });
  expect([await counted('delay'), await counted('abort'), await counted('reset')]).toEqual([2, 1, 1]);
  expect(await counted('abort', 'inbound')).toBe(1);
  expect(await sidecar.metric('remora_attempts_total', { outcome: 'failure' })).toBe(0);
  await eventually(() =>
    sidecar.access.some(({ fault, failure }) => fault === 'reset' && failure === 'fault_injected'),
  );
  expect(sidecar.hasEvent('fault_in_force', { upstream: 'orders' })).toBe(true);
});

it('resets one stream of HTTP/2 and no other', async () => {
  const session = connectHttp2(sidecar.url('orders'));
  const stream = (fault: string): Promise<number | string> =>
    new Promise((resolve) => {
      const request = session.request({ ':path': '/', 'x-fault': fault });
      request.on('response', (head) => resolve(head[':status']!));
      request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
      request.resume();
    });
  expect(await Promise.all([stream('none'), stream('reset'), stream('delay'), stream('abort')])).toEqual([
    200,
    'ERR_HTTP2_STREAM_ERROR',
    200,
    418,
  ]);
  session.close();
});

it('lets answers through at their bandwidth, whole', async () => {
  const size = 1_048_576;
  let length = 0;
  const ms = await took(async () => {
    length = (await asked('bandwidth', {}, `/?bytes=${size}`)).body.length;
  });
  expect(length).toBe(size);
  // Four seconds, less the first and the last read.
  expect(ms).toBeGreaterThan(1_500);
}, 20_000);

it('delays and resets opaque connections', async () => {
  const slow = new TcpClient(sidecar.port('slow'));
  expect(await took(() => slow.hears('echo '))).toBeGreaterThan(295);
  slow.close();
  const torn = new TcpClient(sidecar.port('torn'));
  await eventually(() => torn.end === 'reset');
  expect(torn.heard).toBe('');
});

it('is the first thing that status says', async () => {
  const admin = `127.0.0.1:${sidecar.port('admin-grpc')}`;
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'status', '--admin', admin]);
  expect(stdout).toMatch(/^!!! FAULTS ARE INJECTED ON PURPOSE !!!\n {2}upstream orders: delay 300ms until /);
  expect(stdout).toMatch(/\n {2}inbound: abort with 503 until /);
  expect(stdout).not.toContain('2020-01-01');
  expect((await sidecar.cluster('orders')).faults).toHaveLength(5);
});

it('ends at its instant under load, with the file as it is, and is counted to the last request', async () => {
  const load = new Load(sidecar.port('brief'), { perSecond: 200 });
  await load.progress(50);
  expect(load.failed).toEqual([]);
  const until = new Date(Date.now() + 2_500).toISOString();
  sidecar.write(
    config({ brief: { port: 0, service: 'orders', faults: [{ abort: { status: 500 }, percent: 50, until }] } }),
  );
  await eventually(() => load.failed.length > 50);
  const inForce = () => sidecar.metric('remora_faults_in_force', { upstream: 'brief' });
  await eventually(async () => (await inForce()) === 0);
  const injected = () => sidecar.metric('remora_faults_injected_total', { upstream: 'brief' });
  const last = await injected();
  await load.progress(200);
  expect(await injected()).toBe(last);
  await load.stop();
  expect(load.results.slice(-100).filter(({ status }) => status !== 200)).toEqual([]);
  expect(load.failed.every(({ status, failure }) => status === 500 && failure === 'fault_injected')).toBe(true);
  expect(load.failed.length).toBe(last);
  expect(await sidecar.metric('remora_breaker_trips_total', { upstream: 'brief' })).toBe(0);
}, 20_000);

it('is refused without an end, and with one too far ahead, while what runs stays as it is', async () => {
  const faults = [{ abort: {}, until: new Date(Date.now() + 90_000_000).toISOString() }];
  sidecar.write(config({ brief: { port: 0, service: 'orders', faults } }));
  const refused = () =>
    sidecar.metric('remora_config_last_reload_successful', { layer: sidecar.file }).then((value) => value === 0);
  await eventually(refused);
  const { layers } = (await (await sidecar.get('/config')).json()) as {
    layers: { problems: { path: string; expected: string }[] }[];
  };
  expect(layers.flatMap(({ problems }) => problems)).toMatchObject([
    { path: 'upstreams.brief.faults[0].until', expected: 'an instant at most 24h from now' },
  ]);
  expect((await asked('none', {}, '/', 'brief')).status).toBe(200);
});
