import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load, sendOne } from './load.ts';
import { OriginApp } from './origin-app.ts';

const folder = mkdtempSync(join(tmpdir(), 'remora-reload-'));
/** The configuration refers to it; a change of it alone is seen at SIGHUP only. */
const referred = join(folder, 'address');
let origins: OriginApp[];
let sidecar: Sidecar;

beforeAll(async () => {
  origins = await OriginApp.many('a', 'b', 'c');
  writeFileSync(referred, origins[2]!.address);
  sidecar = await Sidecar.start(config());
});

afterAll(async () => {
  await sidecar.kill();
  await Promise.all(origins.map((origin) => origin.kill()));
  rmSync(folder, { recursive: true });
});

function config({ endpoints = [0], ...orders }: { endpoints?: number[]; [setting: string]: unknown } = {}) {
  return {
    service: { name: 'web', port: 1 },
    admin: { port: 0 },
    upstreams: { orders: { port: 0, balance: 'round_robin', ...orders } },
    static: { orders: endpoints.map((i) => (i === 2 ? `\${file:${referred}}` : origins[i]!.address)) },
  };
}

interface ConfigView {
  readonly effective: {
    readonly shutdown: { readonly timeout: string };
    readonly upstreams: { readonly orders: { readonly balance: string; readonly port: number } };
  };
  readonly layers: readonly { readonly name: string; readonly problems: readonly { readonly path: string }[] }[];
}

async function shown(of = sidecar): Promise<ConfigView> {
  return (await (await of.get('/config')).json()) as ConfigView;
}

/** Of one layer, by the name it ends with. */
async function problems(layer: string, of = sidecar): Promise<readonly string[]> {
  const { layers } = await shown(of);
  return layers.find(({ name }) => name.endsWith(layer))!.problems.map(({ path }) => path);
}

function lastReload(layer: string, of = sidecar): Promise<number> {
  return of.metric('remora_config_last_reload_successful', { layer });
}

/** The port that a listener has now. */
function newestPort(listener: string): number | undefined {
  return sidecar.log.findLast((line) => line.event === 'listening' && line['listener'] === listener)?.[
    'port'
  ] as number;
}

function applied(): number {
  return sidecar.log.filter(({ event }) => event === 'config_applied').length;
}

it('takes a new file however it comes, and loses no request to it', async () => {
  const load = new Load(sidecar.port('orders'), { perSecond: 200 });
  const served = async (name: string): Promise<void> => {
    const from = load.results.length;
    await eventually(() => load.results.slice(from).some(({ origin }) => origin === name));
  };
  await served('a');

  // Written in place: other endpoints, the same cluster.
  sidecar.write(config({ endpoints: [1] }));
  await served('b');

  // Renamed over: another balancer is another cluster.
  const next = join(dirname(sidecar.file), 'next');
  writeFileSync(next, JSON.stringify(config({ endpoints: [0, 2], balance: 'random' })));
  renameSync(next, sidecar.file);
  await served('c');
  expect((await shown()).effective.upstreams.orders.balance).toBe('random');

  // Told by signal: the file is the same and what it refers to is not.
  const before = applied();
  writeFileSync(referred, origins[1]!.address);
  sidecar.signal('SIGHUP');
  await served('b');
  expect(applied()).toBe(before + 1);

  await load.progress(100);
  await load.stop();
  expect(load.failed).toEqual([]);
});

it('keeps the old one when the new one is invalid, and says what is wrong with it', async () => {
  sidecar.write(config());
  await eventually(async () => (await shown()).effective.upstreams.orders.balance === 'round_robin');
  const load = new Load(sidecar.port('orders'), { perSecond: 100 });

  sidecar.write(config({ balance: 'dice', timeouts: { attempt: 'soon' } }));
  await eventually(() => sidecar.hasEvent('config_refused', { problems: 2 }));
  const { effective, layers } = await shown();
  expect(effective.upstreams.orders.balance).toBe('round_robin');
  expect(layers[0]!.problems.map(({ path }) => path)).toEqual([
    'upstreams.orders.balance',
    'upstreams.orders.timeouts.attempt',
  ]);
  expect(await lastReload(sidecar.file)).toBe(0);
  const line = sidecar.log.find(({ event }) => event === 'config_refused')!;
  expect(line['first']).toMatch(/remora\.yaml:1:\d+ upstreams\.orders\.balance: found .*dice.*, expected /);

  sidecar.write('upstreams: [}');
  await eventually(() => sidecar.log.filter(({ event }) => event === 'config_refused').length === 2);
  await load.progress(50);

  sidecar.write(config());
  await eventually(async () => (await lastReload(sidecar.file)) === 1);
  expect((await shown()).layers[0]!.problems).toEqual([]);
  await load.stop();
  expect(load.failed).toEqual([]);
});

it('opens the port of a new upstream and closes that of one that is gone', async () => {
  const file = config();
  sidecar.write({
    ...file,
    upstreams: { ...file.upstreams, more: { port: 0 } },
    static: { ...file.static, more: file.static.orders },
  });
  await eventually(() => sidecar.hasEvent('listening', { listener: 'more' }));
  expect((await fetch(sidecar.url('more'))).status).toBe(200);
  sidecar.write(file);
  await eventually(async () => {
    const answer = await fetch(sidecar.url('more')).catch(() => null);
    return answer === null;
  });
  expect((await fetch(sidecar.url('orders'))).status).toBe(200);
});

it('shows what runs when settings wait for a restart, and says which do', async () => {
  const file = config();
  const before = (await shown()).effective.shutdown.timeout;
  sidecar.write({ ...config({ balance: 'random' }), shutdown: { timeout: '9s', propagation: '1s' } });
  await eventually(async () => (await shown()).effective.upstreams.orders.balance === 'random');
  expect((await shown()).effective.shutdown.timeout).toBe(before);
  expect(await problems('restart')).toEqual(['shutdown.propagation', 'shutdown.timeout']);
  expect(await lastReload('restart')).toBe(0);
  expect(await lastReload(sidecar.file)).toBe(1);

  sidecar.write(file);
  await eventually(async () => (await lastReload('restart')) === 1);
  expect(await problems('restart')).toEqual([]);
});

it('refuses as a whole what this process cannot serve, and takes what comes after', async () => {
  const file = config();
  sidecar.write({
    ...config({ endpoints: [1], balance: 'random' }),
    consul: { address: 'http://127.0.0.1:1' },
    upstreams: { ...config({ balance: 'random' }).upstreams, stock: { port: 0 } },
  });
  await eventually(async () => (await lastReload('restart')) === 0);
  expect(await problems('restart')).toEqual(['consul', 'upstreams.stock']);
  expect((await shown()).effective.upstreams.orders.balance).toBe('round_robin');
  expect((await sidecar.cluster('orders')).endpoints.map(({ port }) => port)).toEqual([origins[0]!.port]);
  expect((await fetch(sidecar.url('orders'))).status).toBe(200);

  sidecar.write({
    ...file,
    upstreams: { ...file.upstreams, late: { port: 0 } },
    static: { ...file.static, late: file.static.orders },
  });
  await eventually(() => sidecar.hasEvent('listening', { listener: 'late' }));
  expect(await problems('restart')).toEqual([]);
  expect(await sidecar.metric('remora_bugs_total')).toBe(0);
});

it('keeps the old port until the new one is free, and exchanges two', async () => {
  const [one, two, taken] = (await freePorts(3)) as [number, number, number];
  const both = (orders: number, more: number) => {
    const file = config({ port: orders });
    return {
      ...file,
      upstreams: { ...file.upstreams, more: { port: more } },
      static: { ...file.static, more: file.static.orders },
    };
  };
  sidecar.write(both(one, two));
  await eventually(() => newestPort('orders') === one && newestPort('more') === two);

  sidecar.write(both(two, one));
  await eventually(() => newestPort('orders') === two && newestPort('more') === one);
  expect(await problems('listeners')).toEqual([]);
  for (const port of [one, two]) expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);

  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(taken, '127.0.0.1', resolve));
  const load = new Load(two, { perSecond: 100 });
  sidecar.write(both(taken, one));
  await eventually(async () => (await lastReload('listeners')) === 0);
  expect(await problems('listeners')).toEqual(['upstreams.orders']);
  expect((await shown()).effective.upstreams.orders.port).toBe(two);
  await load.progress(20);
  await load.stop();
  expect(load.failed).toEqual([]);

  await new Promise((resolve) => stranger.close(resolve));
  await eventually(() => newestPort('orders') === taken, 10_000);
  expect(await lastReload('listeners')).toBe(1);
  expect((await fetch(`http://127.0.0.1:${taken}/`)).status).toBe(200);
});

it('stays ready, and serves from where it did, when Consul does not answer to a change', async () => {
  const file = { ...config(), consul: { address: 'http://127.0.0.1:1' } };
  const started = await Sidecar.start(file, { untilReady: false });
  try {
    // Nobody has asked whether it is ready; a new upstream must not make a serving sidecar wait.
    started.write({ ...file, upstreams: { ...file.upstreams, stock: { port: 0 } }, static: {} });
    await eventually(() => started.hasEvent('listening', { listener: 'stock' }));
    expect((await started.get('/ready')).status).toBe(200);
    expect((await fetch(started.url('orders'))).status).toBe(200);
    expect((await started.cluster('orders')).problem).toMatch(/until discovery answers/);
  } finally {
    await started.kill();
  }
});

it('cuts a range of slots over to another shard, all of it at once, and refuses a map with a hole', async () => {
  const slots = (version: number, ...ranges: object[]) => {
    const shards = {
      version,
      key: [{ query: 'k' }],
      by: { tag: 'shard-{shard}' },
      map: { kind: 'slots', slots: 4, ranges },
    };
    const endpoints = origins
      .slice(0, 2)
      .map(({ port, name }) => ({ address: '127.0.0.1', port, tags: [`shard-${name}`] }));
    return { ...config({ shards }), static: { orders: endpoints } };
  };
  const version = (): Promise<number> => sidecar.metric('remora_shard_map_version');
  const where = async (): Promise<string[]> => {
    const answers = Array.from({ length: 32 }, (_, k) =>
      sendOne(newestPort('orders')!, `${k}`, 'GET', { path: `/?k=${k}` }),
    );
    return (await Promise.all(answers)).map(({ origin }) => origin);
  };
  sidecar.write(slots(1, { slots: '0-1', shard: 'a' }, { slots: '2-3', shard: 'b' }));
  await eventually(async () => (await version()) === 1);
  const before = await where();
  expect(new Set(before)).toEqual(new Set(['a', 'b']));

  sidecar.write(slots(2, { slots: '0', shard: 'a' }, { slots: '2-3', shard: 'b' }));
  await eventually(async () => (await problems(sidecar.file))[0] === 'upstreams.orders.shards.map.ranges');
  expect(await where()).toEqual(before);

  sidecar.write(slots(3, { slots: '0', shard: 'a' }, { slots: '1-3', shard: 'b' }));
  await eventually(async () => (await version()) === 3);
  const after = await where();
  const moved = after.filter((origin, k) => origin !== before[k]);
  expect(moved.length).toBeGreaterThan(0);
  expect(new Set(moved)).toEqual(new Set(['b']));
  expect(new Set(after)).toEqual(new Set(['a', 'b']));
});
