import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load, sendOne } from './load.ts';
import { TcpApp, TcpClient } from './mesh.ts';
import { OriginApp } from './origin-app.ts';
import { NO_BREAKER } from './scene.ts';

const PLACES = 20;
const WORK_MS = 50;
const CAPACITY_PER_SECOND = (PLACES * 1_000) / WORK_MS;
const PENDING_MS = 500;
/** For this machine, which has others to serve. */
const SLACK_MS = 250;

let origins: readonly OriginApp[];
let tcp: TcpApp;
let sidecar: Sidecar;

beforeAll(async () => {
  origins = await OriginApp.many('a', 'b');
  tcp = await TcpApp.start('tcp');
  const policy = { port: 0, breaker: NO_BREAKER, balance: 'round_robin' };
  const line = { maxPending: 100, pendingTimeout: `${PENDING_MS}ms` };
  const patient = { maxPending: 10, pendingTimeout: '10s' };
  sidecar = await Sidecar.start({
    service: { name: 'web', port: origins[0]!.port },
    inbound: { port: 0 },
    outbound: { port: 0 },
    upstreams: {
      limited: { ...policy, service: 'one', limits: { ...line, maxRequests: PLACES } },
      learned: { ...policy, service: 'one', limits: line, adaptive: { mode: 'enforce' } },
      few: { ...policy, service: 'two', limits: { ...patient, maxConnections: 2 } },
      none: { ...policy, service: 'two', limits: { maxConnections: 1 } },
      opaque: { ...policy, protocol: 'tcp', limits: { ...patient, maxRequests: 1 } },
    },
    static: {
      one: [origins[0]!.address],
      two: origins.map(({ address }) => address),
      opaque: [`127.0.0.1:${tcp.port}`],
    },
  });
});

afterAll(async () => {
  await sidecar.kill();
  await Promise.all([...origins.map((origin) => origin.kill()), tcp.stop()]);
  expect(sidecar.log.filter(({ event }) => event === 'bug')).toEqual([]);
});

beforeEach(() => Promise.all(origins.map((origin) => origin.mode(''))));

const pending = (upstream: string): Promise<number> => sidecar.metric('remora_pending_active', { upstream });

interface Window {
  /** Of what the endpoint can do, as far as the timers of this machine let it. */
  readonly share: number;
  /** One request at the endpoint. */
  readonly tookMs: number;
}

async function measure(origin: OriginApp, load: Load): Promise<Window> {
  const [startedAt, before] = [performance.now(), origin.worked.length];
  await load.progress(3_000);
  const served = origin.worked.slice(before);
  const perSecond = (served.length * 1_000) / (performance.now() - startedAt);
  const tookMs = Math.max(WORK_MS, served.reduce((sum, ms) => sum + ms, 0) / served.length);
  return { share: perSecond / ((PLACES * 1_000) / tookMs), tookMs };
}

describe('an endpoint that serves 20 at a time for 50 ms each, offered three times that', () => {
  // Behind a limit that is said: overload.test.ts.
  it.each(['learned'])(
    'does what it can behind a limit that is %s, and nobody who is let in waits for long',
    async (name) => {
      const [origin] = origins as [OriginApp];
      await origin.mode(`places=${PLACES}&delay=${WORK_MS}`);
      const load = new Load(sidecar.port(name), { perSecond: 3 * CAPACITY_PER_SECOND });
      await load.progress(1_000);
      const windows: Window[] = [];
      // A window in which this machine had no time for the test says nothing of the sidecar.
      do windows.push(await measure(origin, load));
      while (windows.length < 4 && windows.at(-1)!.share < 0.9);
      await load.stop();
      const refused = load.failed.map(({ failure }) => failure);
      const known = ['overloaded', 'concurrency_limited', 'pending_timeout'];
      expect(refused.filter((failure) => !known.includes(failure))).toEqual([]);
      expect(refused.length).toBeGreaterThan(1_000);
      expect(windows.at(-1)!.share).toBeGreaterThanOrEqual(0.9);
      const accepted = load.results.filter(({ status }) => status === 200);
      const slowest = Math.max(...accepted.map(({ tookMs }) => tookMs));
      expect(slowest).toBeLessThan(PENDING_MS + 3 * Math.max(...windows.map(({ tookMs }) => tookMs)) + SLACK_MS);
      expect(await sidecar.metric('remora_pending_total', { upstream: name })).toBeGreaterThan(0);
    },
  );
});

describe('connections to all endpoints together', () => {
  it('are no more than may be: who finds none waits for one', async () => {
    const begun = (): number => origins.reduce((sum, origin) => sum + origin.begun.length, 0);
    const before = begun();
    const asked = [1, 2, 3].map((i) => sendOne(sidecar.port('few'), `few-${i}`, 'GET', { path: '/?hold' }));
    await eventually(async () => (await pending('few')) === 1 && begun() === before + 2);
    expect(await sidecar.metric('remora_limit_in_flight', { upstream: 'few', limit: 'connections' })).toBe(2);
    await Promise.all(origins.map((origin) => origin.release()));
    await eventually(() => begun() === before + 3);
    await Promise.all(origins.map((origin) => origin.release()));
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await sidecar.metric('remora_connections_refused_total', { upstream: 'few' })).toBeGreaterThan(0);
  });

  it('that are idle make room for others, and nobody is refused for them', async () => {
    for (let i = 0; i < 4; i++) {
      expect(await sendOne(sidecar.port('none'), `none-${i}`, 'GET')).toMatchObject({ status: 200 });
    }
    expect(await sidecar.metric('remora_connections_displaced_total', { upstream: 'none' })).toBe(3);
    expect(await sidecar.metric('remora_limit_in_flight', { upstream: 'none', limit: 'connections' })).toBe(1);
  });

  it('are all in use: the next is refused where nobody may wait, and that has a name', async () => {
    const held = sendOne(sidecar.port('none'), 'held', 'GET', { path: '/?hold' });
    await eventually(() => origins.some(({ begun }) => begun.includes('held')));
    const { status, failure } = await sendOne(sidecar.port('none'), 'more', 'GET');
    expect([status, failure]).toEqual([503, 'connections_exhausted']);
    await Promise.all(origins.map((origin) => origin.release()));
    expect((await held).status).toBe(200);
  });
});

describe('how much a request matters', () => {
  /** What the endpoint is told, of a request that says so. */
  const told = async (listener: string, said: string | null): Promise<string | null> => {
    const headers: Record<string, string> = said === null ? {} : { 'x-remora-criticality': said };
    const answer = await fetch(`http://127.0.0.1:${sidecar.port(listener)}/`, { headers });
    const { rawHeaders } = (await answer.json()) as { rawHeaders: readonly string[] };
    const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'x-remora-criticality');
    return at < 0 ? null : rawHeaders[at + 1]!;
  };

  it('is passed on as the own application says it', async () => {
    expect(await told('few', 'critical_plus')).toBe('critical_plus');
    expect(await told('few', 'sheddable')).toBe('sheddable');
    expect(await told('few', null)).toBe(null);
  });

  it('is believed of callers when it is less than usual, and not when it is more', async () => {
    expect(await told('inbound', 'critical_plus')).toBe('critical');
    expect(await told('inbound', 'sheddable')).toBe('sheddable');
    expect(await told('inbound', null)).toBe(null);
  });
});

it('an opaque connection waits for a place, and is relayed when it has one', async () => {
  const first = new TcpClient(sidecar.port('opaque'));
  await eventually(() => first.heard === 'tcp ');
  const second = new TcpClient(sidecar.port('opaque'));
  await eventually(async () => (await pending('opaque')) === 1);
  expect(second.heard).toBe('');
  first.close();
  await eventually(() => second.heard === 'tcp ');
  second.close();
});
