import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load } from './load.ts';
import { OriginApp } from './origin-app.ts';

const folder = mkdtempSync(join(tmpdir(), 'remora-reload-'));
/** Refers to by the configuration; a change of it alone is seen at SIGHUP only. */
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
    upstreams: { orders: { port: 0, balancer: 'round_robin', ...orders } },
    static: { orders: endpoints.map((i) => (i === 2 ? `\${file:${referred}}` : origins[i]!.address)) },
  };
}

interface ConfigView {
  readonly effective: { readonly upstreams: { readonly orders: { readonly balancer: string } } };
  readonly layers: readonly { readonly problems: readonly { readonly path: string }[] }[];
}

async function shown(): Promise<ConfigView> {
  return (await (await sidecar.get('/config')).json()) as ConfigView;
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
  writeFileSync(next, JSON.stringify(config({ endpoints: [0, 2], balancer: 'random' })));
  renameSync(next, sidecar.file);
  await served('c');
  expect((await shown()).effective.upstreams.orders.balancer).toBe('random');

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
  await eventually(async () => (await shown()).effective.upstreams.orders.balancer === 'round_robin');
  const load = new Load(sidecar.port('orders'), { perSecond: 100 });

  sidecar.write(config({ balancer: 'dice', timeouts: { attempt: 'soon' } }));
  await eventually(() => sidecar.hasEvent('config_refused', { problems: 2 }));
  const { effective, layers } = await shown();
  expect(effective.upstreams.orders.balancer).toBe('round_robin');
  expect(layers[0]!.problems.map(({ path }) => path)).toEqual([
    'upstreams.orders.balancer',
    'upstreams.orders.timeouts.attempt',
  ]);
  expect(await sidecar.metric('remora_config_last_reload_successful')).toBe(0);
  const line = sidecar.log.find(({ event }) => event === 'config_refused')!;
  expect(line['first']).toMatch(/remora\.yaml:1:\d+ upstreams\.orders\.balancer: found .*dice.*, expected /);

  sidecar.write('upstreams: [}');
  await eventually(() => sidecar.log.filter(({ event }) => event === 'config_refused').length === 2);
  await load.progress(50);

  sidecar.write(config());
  await eventually(async () => (await sidecar.metric('remora_config_last_reload_successful')) === 1);
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
