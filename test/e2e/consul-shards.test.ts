import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShardsView } from '../../src/admin/agent-view.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { type Result, sendOne } from './load.ts';
import { OriginApp } from './origin-app.ts';

const consul = await findConsul();
const KEY = 'remora/config/caller/web';
const KEYS = ['apple', 'fig', 'grape', 'lemon', 'mango', 'zest'];

/** Keys below g move from a to b. */
const EARLY = { to: 'g' };
const LATE = { from: 'g', to: 'm', shard: 'a' };
const REST = { from: 'm', shard: 'b' };

interface Sent extends Result {
  readonly key: string;
  /** Version of the map that its sidecar was known to have when it was sent. */
  readonly version: number;
}

/** Reads and writes of all keys through one sidecar, at a steady rate. */
class KeyLoad {
  readonly results: Sent[] = [];
  private readonly agent = new Agent({ keepAlive: true });
  private readonly timer: NodeJS.Timeout;
  private count = 0;
  private outstanding = 0;
  version = 1;

  constructor(
    private readonly name: string,
    private readonly port: number,
  ) {
    this.timer = setInterval(() => this.outstanding < 200 && this.send(), 5);
  }

  get failed(): Sent[] {
    return this.results.filter(({ status }) => status !== 200);
  }

  /** Of these, answered requests. */
  of(method: string, keys: readonly string[]): Sent[] {
    return this.results.filter((sent) => sent.method === method && keys.includes(sent.key));
  }

  async progress(count: number): Promise<void> {
    const until = this.results.length + count;
    await eventually(() => this.results.length >= until);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await eventually(() => this.outstanding === 0);
    this.agent.destroy();
  }

  private send(): void {
    const number = ++this.count;
    const key = KEYS[number % KEYS.length]!;
    const method = number % 4 === 0 || number % 4 === 3 ? 'PUT' : 'GET';
    const { version } = this;
    this.outstanding++;
    const path = `/stock/${key}?tag=${key}`;
    void sendOne(
      this.port,
      `${this.name}-${number}`,
      method,
      { path, body: method === 'PUT' ? 'x' : '' },
      this.agent,
    ).then((result) => {
      this.outstanding--;
      this.results.push({ ...result, key, version });
    });
  }
}

describe.skipIf(consul.path === null)(consulTitle('shards in Consul', consul), () => {
  let agent: ConsulAgent;
  const origins: OriginApp[] = [];
  const webs: Sidecar[] = [];

  const write = (version: number, ranges: readonly object[], more: object = {}): Promise<string> =>
    agent.http.put(`/kv/${KEY}`, {
      upstreams: {
        orders: {
          shards: { version, key: [{ path: { segment: 2 } }], map: { kind: 'ranges', ranges }, ...more },
        },
      },
    });
  const shown = async (web: Sidecar): Promise<ShardsView> => {
    const { upstreams } = (await (await web.get('/shards')).json()) as { upstreams: readonly ShardsView[] };
    return upstreams[0]!;
  };
  const has = async (web: Sidecar, version: number): Promise<boolean> =>
    (await web.metric('remora_shard_map_version', { upstream: 'orders' })) === version;
  const everywhere = async (version: number): Promise<void> => {
    for (const web of webs) await eventually(() => has(web, version));
  };
  /** Ids of the requests that reached any endpoint of the shard. */
  const begunAt = (shard: string): string[] =>
    origins.filter(({ name }) => name.startsWith(shard)).flatMap(({ begun }) => begun);

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    origins.push(...(await OriginApp.many('a1', 'a2', 'b1', 'b2')));
    for (const { name, port } of origins) {
      await agent.http.register('orders', name, port, { Meta: { shard: name[0] } });
    }
    await write(1, [{ to: 'm', shard: 'a' }, REST]);
    for (const id of ['web-1', 'web-2']) {
      webs.push(
        await Sidecar.start({
          service: { name: 'web', id, port: 8080 },
          upstreams: { orders: { port: 0, protocol: 'http' } },
          consul: { address: agent.http.address },
        }),
      );
    }
    await everywhere(1);
  });

  afterAll(async () => {
    await Promise.all([...webs, ...origins].map((started) => started.kill()));
    await agent?.stop();
  });

  it('have their keys from every sidecar, on each of their endpoints', async () => {
    const loads = webs.map((web, i) => new KeyLoad(`keys${i}`, web.port('orders')));
    for (const load of loads) await load.progress(200);
    for (const load of loads) await load.stop();
    for (const load of loads) {
      expect(load.failed).toEqual([]);
      const wrong = load.results.filter(({ key, origin }) => origin[0] !== (key < 'm' ? 'a' : 'b'));
      expect(wrong).toEqual([]);
      expect(new Set(load.results.map(({ origin }) => origin)).size).toBe(4);
    }
    const { shards } = await shown(webs[0]!);
    expect(shards).toMatchObject([
      { name: 'a', endpoints: 2, healthy: 2 },
      { name: 'b', endpoints: 2, healthy: 2 },
    ]);
    expect(shards.reduce((sum, { requests }) => sum + requests, 0)).toBe(loads[0]!.results.length);
  });

  it('hand over a range under load: no request is lost, doubled, or sent to who does not own its key', async () => {
    const moved = ['apple', 'fig'];
    const loads = webs.map((web, i) => new KeyLoad(`cut${i}`, web.port('orders')));
    for (const load of loads) await load.progress(100);

    await write(2, [{ ...EARLY, shard: 'a', move: { to: 'b', state: 'hold' } }, LATE, REST]);
    await everywhere(2);
    for (const load of loads) load.version = 2;
    expect((await shown(webs[0]!)).ranges[0]).toEqual({
      range: '[.., g)',
      shard: 'a',
      move: { to: 'b', state: 'hold', second: null },
    });
    for (const load of loads) await load.progress(200);
    for (const web of webs) expect(await web.metric('remora_shard_writes_held_total')).toBeGreaterThan(0);
    // Where an operator copies the data: nothing of the range has been written at the new owner yet.
    for (const load of loads) {
      expect(load.of('PUT', moved).filter(({ version, origin }) => version === 2 || origin[0] === 'b')).toEqual([]);
    }

    await write(3, [{ ...EARLY, shard: 'b' }, LATE, REST]);
    await everywhere(3);
    for (const load of loads) load.version = 3;
    for (const load of loads) await load.progress(200);
    for (const load of loads) await load.stop();

    const atA = new Set(begunAt('a'));
    const all = [...begunAt('a'), ...begunAt('b')].filter((id) => id.startsWith('cut'));
    for (const load of loads) {
      expect(load.failed).toEqual([]);
      const late = load.results.filter(({ version, key }) => version === 3 && moved.includes(key));
      expect(late.length).toBeGreaterThan(20);
      expect(late.filter(({ id }) => atA.has(id))).toEqual([]);
      const held = load.of('PUT', moved).filter(({ version }) => version === 2);
      expect(held.length).toBeGreaterThan(5);
      expect(held.filter(({ origin }) => origin[0] !== 'b')).toEqual([]);
      const others = load.results.filter(({ key }) => !moved.includes(key));
      expect(others.filter(({ key, origin }) => origin[0] !== (key < 'm' ? 'a' : 'b'))).toEqual([]);
      // A write is no idempotent retry here: each has reached one endpoint, once.
      for (const { id } of load.results) expect(all.filter((other) => other === id)).toHaveLength(1);
    }
  });

  it('keep their map when the next one has a hole, and say which', async () => {
    await write(4, [
      { to: 'c', shard: 'a' },
      { from: 'd', shard: 'b' },
    ]);
    await eventually(async () =>
      JSON.stringify(await (await webs[0]!.get('/config')).json()).includes('no shard for keys [c, d)'),
    );
    expect(await has(webs[0]!, 3)).toBe(true);
    expect((await sendOne(webs[0]!.port('orders'), 'hole', 'GET', { path: '/stock/cherry' })).origin[0]).toBe('b');
  });

  it('use their own endpoints when all of those are critical, and send nothing to another shard', async () => {
    for (const name of ['a1', 'a2']) await agent.http.setCheck(name, 'critical');
    await eventually(async () => (await shown(webs[0]!)).shards.find(({ name }) => name === 'a')!.healthy === 0);
    const port = webs[0]!.port('orders');
    expect((await sendOne(port, 'sick', 'GET', { path: '/stock/grape' })).origin[0]).toBe('a');
    expect((await sendOne(port, 'there', 'GET', { path: '/stock/zest' })).origin[0]).toBe('b');
    expect((await sendOne(port, 'none', 'GET', { path: '/' })).failure).toBe('shard_key_missing');
  });
});
