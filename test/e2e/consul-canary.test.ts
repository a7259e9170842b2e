import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SidecarStatus } from '../../src/config/sidecar-status.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Command } from './command.ts';
import { Load } from './load.ts';
import { OriginApp } from './origin-app.ts';

const consul = await findConsul();
const SIDECARS = 3;
/** The file of this one has a bound that documents can be at odds with. */
const STRICT = 3;

describe.skipIf(consul.path === null)(consulTitle('a canary', consul), () => {
  let agent: ConsulAgent;
  let origin: OriginApp;
  const folder = mkdtempSync(join(tmpdir(), 'remora-canary-'));
  const sidecars: Sidecar[] = [];
  const loads: Load[] = [];

  const start = async (i: number): Promise<Sidecar> => {
    const sidecar = await Sidecar.start({
      service: { name: 'web', id: `web-${i}`, port: 8080 },
      upstreams: { orders: { port: 0, timeouts: i === STRICT ? { request: '3s' } : {} } },
      consul: { address: agent.http.address },
    });
    sidecars.push(sidecar);
    loads.push(new Load(sidecar.port('orders'), { perSecond: 100 }));
    return sidecar;
  };
  const remora = (...args: readonly string[]): Command => new Command(agent.http.address, args);
  const apply = (document: object, ...args: readonly string[]): Command => {
    const file = join(folder, 'document.json');
    writeFileSync(file, JSON.stringify(document));
    return remora('config', 'apply', file, '--mesh', ...args);
  };
  const statuses = async (): Promise<number> =>
    (await agent.http.get<readonly string[]>('/kv/remora/status/?keys')).length;
  const running = async (): Promise<number> => {
    const counts = await Promise.all(sidecars.map((sidecar) => sidecar.metric('remora_rollout_candidate')));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  /** By what it has said itself. */
  const candidates = async (id: string): Promise<number> => {
    const [kept] = await agent.http.get<readonly { Value: string }[]>(`/kv/remora/status/web/${id}`);
    const { layers } = JSON.parse(Buffer.from(kept!.Value, 'base64').toString()) as SidecarStatus;
    return layers.filter(({ candidate }) => candidate !== null).length;
  };
  /** The session that holds its status; null: nobody's does. */
  const holder = async (id: string): Promise<string | null> => {
    const found = await agent.http
      .get<readonly { Session?: string }[] | null>(`/kv/remora/status/web/${id}`)
      .catch(() => null);
    return found?.[0]?.Session ?? null;
  };
  const keys = async (prefix: string): Promise<readonly string[]> =>
    (await agent.http.get<readonly string[]>(`/kv/${prefix}?keys`)).filter((key) => !key.endsWith('/'));
  const history = async (): Promise<string> => (await remora('config', 'history', '--mesh').ended).text;
  const faulty = (): object => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    return { upstreams: { orders: { faults: [{ abort: {}, until }] } } };
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    origin = await OriginApp.start('a');
    await agent.http.register('orders', 'a', origin.port);
    expect(await remora('init').ended).toMatchObject({ code: 0 });
    for (let i = 1; i <= SIDECARS; i++) await start(i);
    await eventually(async () => (await statuses()) === SIDECARS);
  });

  afterAll(async () => {
    for (const load of loads) await load.stop();
    for (const sidecar of sidecars) await sidecar.kill();
    await origin?.kill();
    await agent?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('that passes is promoted to all', async () => {
    const applied = apply(
      { upstreams: { orders: { timeouts: { request: '7s' } } } },
      '--canary',
      '34%',
      '--for',
      '4s',
      '--wait',
    );
    await applied.says('1 of 3 sidecars go first');
    await eventually(async () => (await running()) === 1);
    const { code, text } = await applied.ended;
    expect(text).toContain('promoted: mesh is at revision');
    expect(text).toContain('3 of 3 sidecars applied it');
    expect(code).toBe(0);
    await eventually(async () => (await running()) === 0);
    expect(await keys('remora/rollout/')).toEqual([]);
    expect(await history()).toMatch(/promoted, in force[\s\S]*web\/web-\d passed: error_ratio 0 % of \d+ requests/);
  }, 60_000);

  it('whose guard breaks goes back by itself, and history tells why', async () => {
    const applied = apply(faulty(), '--canary', '34%', '--for', '60s');
    await applied.says('1 of 3 sidecars go first');
    const { code, text } = await applied.ended;
    expect(code).toBe(3);
    expect(text).toMatch(/not promoted: web\/web-\d: error_ratio \S+ % of \d+ requests, not below 1 %/);
    expect(await running()).toBe(0);
    expect(await keys('remora/rollout/')).toEqual([]);
    expect(await history()).toMatch(/canary that was not taken[\s\S]*broken: error_ratio/);
  }, 60_000);

  it('goes back with no command alive, and the next command tells what became of it', async () => {
    const applied = apply(faulty(), '--canary', '34%', '--for', '60s');
    await applied.says('1 of 3 sidecars go first');
    applied.signal('SIGKILL');
    await applied.ended;
    await eventually(async () => (await keys('remora/rollout/objection/')).length === 1);
    expect(await running()).toBe(0);
    const good = apply({ upstreams: { orders: { timeouts: { request: '8s' } } } }, '--canary', '34%', '--for', '2s');
    const { code, text } = await good.ended;
    expect(text).toMatch(/the document that was staged before went back: web\/web-\d objected: error_ratio/);
    expect(code).toBe(0);
    expect(await history()).toMatch(/objected: error_ratio/);
  }, 60_000);

  it('that one sidecar refuses is nobody’s', async () => {
    // What is wrong with it shows only beside the file of one sidecar.
    const applied = apply({ upstreams: { orders: { timeouts: { attempt: '5s' } } } }, '--canary', '100%');
    const { code, text } = await applied.ended;
    expect(text).toMatch(
      /not promoted: web\/web-3: .*timeouts.attempt: found 5s, expected at most request, which is 3s/,
    );
    expect(code).toBe(3);
    await eventually(async () => (await running()) === 0);
    expect(await history()).toMatch(/canary that was not taken[\s\S]*web\/web-3 refused/);
  }, 60_000);

  it('is taken up by a sidecar that starts in the middle, and left with all others at an interruption', async () => {
    const applied = apply(
      { upstreams: { orders: { timeouts: { request: '9s' } } } },
      '--canary',
      '100%',
      '--for',
      '60s',
    );
    await applied.says('3 of 3 sidecars go first');
    await start(4);
    await eventually(async () => (await running()) === 4);
    applied.signal('SIGINT');
    const { text } = await applied.ended;
    expect(text).toContain('interrupted: the rollout is taken back');
    await eventually(async () => (await running()) === 0);
    expect(await history()).toContain('interrupted by');
  }, 60_000);

  it('is objected to by a sidecar that crashed while it ran it, when that starts again', async () => {
    const count = sidecars.length;
    await eventually(async () => (await statuses()) === count);
    const applied = apply(
      { upstreams: { orders: { timeouts: { request: '6s' } } } },
      ...['--canary', '100%', '--for', '60s'],
    );
    await applied.says(`${count} of ${count} sidecars go first`);
    await applied.says('web/web-1 running');
    await eventually(async () => (await candidates('web-1')) === 1);
    const held = await holder('web-1');
    await loads.shift()!.stop();
    await sidecars.shift()!.kill();
    await start(1);
    const { code, text } = await applied.ended;
    expect(text).toContain('not promoted: web/web-1: the sidecar ended without a farewell while it ran the candidate');
    expect(code).toBe(3);
    await eventually(async () => (await running()) === 0);
    // Its status is that of the process that crashed until the session of that one ends, which Consul takes a minute for.
    await agent.http.put(`/session/destroy/${held}`);
    await eventually(async () => {
      const now = await holder('web-1');
      return now !== null && now !== held;
    });
  }, 60_000);

  it('leaves a status that shows who runs what, and vanishes with the sidecar', async () => {
    await eventually(async () => (await statuses()) === 4);
    const { code, text } = await remora('config', 'status', '--wait').ended;
    expect(text).toMatch(/mesh +revision \d+ +4 of 4 sidecars run it/);
    expect(code).toBe(0);
    await loads.pop()!.stop();
    await sidecars.pop()!.stop();
    expect(await statuses()).toBe(3);
  }, 60_000);
});
