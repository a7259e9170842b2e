import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Admin, startAdmin } from '../../src/admin/admin.ts';
import { SystemClock } from '../../src/base/clock-system.ts';
import { runStatus } from '../../src/cli/status.ts';
import { FakeAgentView } from '../admin/fake-agent-view.ts';

const clock = new SystemClock();
let view: FakeAgentView;
let admin: Admin | null = null;

beforeEach(() => {
  view = new FakeAgentView();
});

afterEach(async () => {
  await admin?.close();
  admin = null;
});

describe('remora status', () => {
  it('prints the sidecar on a page', async () => {
    expect(await status()).toEqual({
      code: 0,
      text: `\
service web (web-1): ready
  registration in Consul: done
remora 0.1.0, up 3m 12s
config remora/config/caller/web is refused, nothing of it in force
  kv:remora/config/caller/web:2:17 upstreams.orders.port: found "x", expected a port

LISTENER  PROTOCOL  ADDRESS          CONNECTIONS
inbound   http      127.0.0.1:15006  3
outbound  http      [::1]:15001      12
cache     tcp       not bound        0

upstream orders: grpc, ring_hash 0123456789abcdef, consul 1.2s ago
  full: 20 of 20 in flight, 4 wait, 18 of 1024 connections
  learned limit 34: 20 in flight, gradient 0.875, only observed, would have refused 3 times
  throttled: 37 % of requests would be held back
  level 0 orders, zone a: 1 of 2 healthy, 70 % of traffic
  level 1 orders-eu@dc2: 1 of 1 healthy, 30 % of traffic, in panic
  ENDPOINT                HEALTH                       WEIGHT  BREAKER         ACTIVE  LATENCY  CONNECTIONS
  10.0.0.1:7001/orders-1  passing                      1       closed          3       4.3ms    5, 2 idle (1.6s, learned)
  10.0.0.2:7001/orders-2  warning                      10      open, 3 trips   0       -        0, 0 idle
  10.0.0.3:7001/orders-3  removed, replica, 1.5s late  1       closed, 1 trip  3       1.8s     5, 2 idle (1.6s, learned)
  ejected 10.0.0.3:7001/orders-3: latency (medianMs 412.5, peersMs 11), 2 times in a row, back in 23.1s

upstream cache: auto, random, nothing discovered yet
  problem: no leader
  no endpoints
`,
    });
  });

  it('says before all else that faults are injected, and of what', async () => {
    const [orders, cache] = view.clusterViews;
    view.clusterViews = [{ ...orders!, faults: ['reset of 5 % of requests until 2026-01-31T18:00:00.000Z'] }, cache!];
    const { text } = await status();
    expect(text).toMatch(
      /^!!! FAULTS ARE INJECTED ON PURPOSE !!!\n {2}upstream orders: reset of 5 % of requests until \S+\n/,
    );
    expect(text).toMatch(/\nupstream orders: .*\n {2}FAULT INJECTED: reset of 5 %/);
  });

  it('says what a sidecar that is not ready waits for, and exits 1', async () => {
    view.readinessView = { isReady: false, isDraining: false, waitingFor: ['first snapshot of orders'] };
    const { code, text } = await status();
    expect(code).toBe(1);
    expect(text).toMatch(/^service web \(web-1\): not ready\n {2}waiting for first snapshot of orders\n/);
  });

  it('exits 1 while draining', async () => {
    view.readinessView = { isReady: false, isDraining: true, waitingFor: [] };
    const { code, text } = await status();
    expect([code, text.split('\n')[0]]).toEqual([1, 'service web (web-1): draining']);
  });

  it.each([
    [{ registration: { problem: 'Consul answered 403' }, application: { problem: null } }, 2],
    [{ registration: { problem: null }, application: { problem: 'down at 127.0.0.1:8080' } }, 2],
    [{ registration: { problem: null }, application: { problem: null } }, 0],
    [{ registration: null, application: null }, 0],
  ])('shows %j of a sidecar that is ready, and exits %i', async (standing, expected) => {
    view.standingView = { ...standing, overload: [] };
    const { code, text } = await status();
    expect(code).toBe(expected);
    expect(text.split('\n')[0]).toBe(`service web (web-1): ready${code === 0 ? '' : ', but callers are kept away'}`);
    const { registration, application } = standing;
    if (registration !== null)
      expect(text).toContain(`\n  registration in Consul: ${registration.problem ?? 'done'}\n`);
    if (application !== null) expect(text).toContain(`\n  application: ${application.problem ?? 'up'}\n`);
    expect(JSON.parse((await status({ json: true })).text)).toMatchObject(standing);
    expect((await status({ readyOnly: true })).code).toBe(0);
  });

  it('calls a source that cannot be asked no bad config, and names what waits for a restart or a port', async () => {
    const problem = { source: 'remora.yaml', line: null, column: null, hint: null };
    const late = { ...problem, path: 'service.port', found: '9090, while 8080 is in force', expected: 'a restart' };
    view.configView = {
      effective: {},
      origins: new Map(),
      layers: [
        { name: 'remora/config/caller/web', revision: null, problems: [], unreachable: 'connect ECONNREFUSED' },
        { name: 'restart', revision: null, problems: [late], unreachable: null },
        { name: 'listeners', revision: null, problems: [{ ...late, path: 'upstreams.a' }], unreachable: null },
      ],
    };
    expect((await status()).text.split('\n').slice(3, 8)).toEqual([
      'config remora/config/caller/web cannot be asked for, nothing of it in force: connect ECONNREFUSED',
      'the new config is not wholly in force: restart remora to take it',
      '  remora.yaml service.port: found 9090, while 8080 is in force, expected a restart',
      'ports could not be opened',
      expect.stringContaining('upstreams.a'),
    ]);
  });

  it('tells the service, its own application and an upstream of the same name apart', async () => {
    const [orders] = view.clusterViews;
    view.clusterViews = [
      { ...orders!, name: 'web' },
      { ...orders!, name: 'web', isInbound: true },
    ];
    const heads = (await status()).text.split('\n').filter((line) => / web\b.*:/.test(line) && /^[a-z]/.test(line));
    expect(heads.map((line) => line.split(':')[0])).toEqual(['service web (web-1)', 'upstream web', 'application web']);
  });

  it('says what the process is short of, and what is held back', async () => {
    const overload = [{ resource: 'heap', percent: 40, isEnforced: true }];
    view.standingView = { ...view.standingView, overload };
    const { code, text } = await status();
    expect(code).toBe(0);
    expect(text).toContain('\n  overload: heap at 40 % of its bound, enforced\n');
    expect(text).toContain('\n  throttled: 37 % of requests would be held back\n');
  });

  it('exits 1 for a sidecar that is not ready, whatever else is wrong', async () => {
    view.readinessView = { isReady: false, isDraining: false, waitingFor: [] };
    view.standingView = { registration: { problem: 'not registered yet' }, application: null, overload: [] };
    expect((await status()).code).toBe(1);
    expect((await status({ readyOnly: true })).code).toBe(1);
  });

  it('gives all of it as JSON', async () => {
    const { code, text } = await status({ json: true });
    expect(code).toBe(0);
    expect(JSON.parse(text)).toEqual({
      reachable: true,
      ...view.identityView,
      ...view.readinessView,
      ...view.standingView,
      listeners: view.listenerViews,
      layers: view.configView.layers.map((layer) => ({ ...layer, problemsOmitted: 0 })),
      clusters: view.clusterViews.map((cluster) => ({ ...cluster, placesOmitted: 0, endpointsOmitted: 0 })),
    });
  });

  it('says so when nothing listens, and exits 1', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const { code, text } = await status({ address });
    expect(code).toBe(1);
    expect(text).toBe(
      `remora: no sidecar answers at ${address} (nothing listens there)\n` +
        'Is one running, and is this the port of its admin.grpcPort? Another one: remora status --admin host:port\n',
    );
  });

  it('says so in JSON as well', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const { code, text } = await status({ address, json: true });
    expect([code, JSON.parse(text)]).toMatchObject([1, { reachable: false, address }]);
  });

  it('gives up on a port that takes the connection and says nothing', async () => {
    const silent = await listen(createServer());
    const { code, text } = await status({ address: `127.0.0.1:${portOf(silent)}`, timeoutMs: 200 });
    expect(code).toBe(1);
    expect(text).toContain(`nothing answered at 127.0.0.1:${portOf(silent)} within 200 ms`);
    silent.close();
  });

  it('tells a port that speaks something else', async () => {
    const other = await listen(createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const { code, text } = await status({ address: `127.0.0.1:${portOf(other)}`, timeoutMs: 2_000 });
    expect(code).toBe(1);
    expect(text.split('\n')[0]).toBe(
      `remora: what listens at 127.0.0.1:${portOf(other)} does not speak gRPC; it may be an HTTP port, of a sidecar or of something else`,
    );
    other.close();
  });

  it.each(['127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:99999', 'localhost:123456'])(
    'refuses "%s", which has no such port',
    async (address) => {
      const { code, text } = await status({ address });
      expect([code, text.split('\n')[0]]).toEqual([1, `remora: "${address}" has no port from 1 to 65535`]);
    },
  );

  it.each(['', 'localhost', ':15010', '127.0.0.1:port', '::1:15010', 'http://127.0.0.1:15010'])(
    'refuses "%s" as an address',
    async (address) => {
      const { code, text } = await status({ address });
      expect([code, text.split('\n')[0]]).toEqual([1, `remora: "${address}" is not host:port, like 127.0.0.1:15010`]);
    },
  );
});

async function status(
  changes: Partial<Parameters<typeof runStatus>[0]> = {},
): Promise<{ readonly code: number; readonly text: string }> {
  const config = { address: '127.0.0.1', port: 0, grpcPort: 0, tokenFile: null };
  admin = await startAdmin(view, config, clock, (error) => {
    throw error;
  });
  let text = '';
  const out = { write: (more: string) => (text += more) };
  const options = {
    address: `127.0.0.1:${admin.grpc!.port}`,
    json: false,
    readyOnly: false,
    timeoutMs: 5_000,
    ...changes,
  };
  return { code: await runStatus(options, clock, out), text };
}

/** A port where nothing listens: one the kernel just gave and took back. */
async function freePort(): Promise<number> {
  const server = await listen(createServer());
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}
