// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import { configKey, type LayerName } from '../../src/config/kv-keys.ts';
import { LiveConfig } from '../../src/config/live-config.ts';
import type { KvText, Material, Settlement } from '../../src/config/material.ts';
import { formatProblem, type Problem } from '../../src/config/problems.ts';
import { settle } from '../../src/config/settle.ts';
import type { KvDocuments } from '../../src/discovery/kv-tree.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';
import { web } from './parse.ts';

const KEY = 'remora/config/caller/web';
const ORDERS = web('consul: {}\nupstreams: { orders: { port: 9001, timeouts: { connect: 1s } } }\n');

type Judge = (material: Material) => Settlement | Promise<Settlement>;
const plainly: Judge = (material) => settle(material, { wallMs: 0 });

/** A configuration whose file and documents change when the test says so, and a log of what became of them. */
async function scene(file = ORDERS, set: readonly string[] = [], judge: Judge = plainly) {
  const clock = new ManualClock();
  const documents = new Cell<KvDocuments>(clock);
  const log: string[] = [];
  const seen: Material[] = [];
  const settler = {
    settle: async (material: Material) => {
      seen.push(material);
      return judge(material);
    },
  };
  const live = new LiveConfig(clock, settler, {
    onConfigApplied: (source, revision) => log.push(`${source} applied ${revision}`),
    onConfigRefused: (_source, problems: readonly Problem[]) => log.push(...problems.map(formatProblem)),
    onConfigUnreachable: (source, problem) => log.push(`${source} unreachable: ${problem}`),
  });
  let revision = 0;
  const texts = new Map<LayerName, { readonly text: string; readonly revision: string }>();
  const write = (text: string): Promise<boolean> => live.takeFile({ source: 'remora.yaml', text, env: {}, set });
  /** Writes documents, and takes away those that are null, all at once. */
  const putAll = async (changes: Partial<Record<LayerName, string | null>>): Promise<void> => {
    for (const [layer, text] of Object.entries(changes) as [LayerName, string | null][]) {
      if (text === null) texts.delete(layer);
      else texts.set(layer, { text, revision: String(++revision) });
    }
    const list = [...texts].map(([layer, one]) => ({ key: configKey(layer), isHeld: false, ...one }));
    documents.set({ documents: list, omitted: 0 });
    await settled();
  };
  const put = (text: string | null): Promise<void> => putAll({ 'caller/web': text });
  const abort = new AbortController();
  const follow = (): void => live.follow(documents, 'web', abort.signal);
  await write(file);
  const connectMs = (): number | undefined => live.config.value?.upstreams.get('orders')?.timeouts.connectMs;
  const state = (layer: LayerName = 'caller/web') => live.kvStates().find(({ name }) => name === configKey(layer));
  return { live, put, putAll, write, follow, connectMs, log, abort, clock, documents, state, seen };
}

it('serves from the file alone until Consul has answered, and for ever when there is none', async () => {
  const { follow, connectMs, state } = await scene();
  expect(connectMs()).toBe(1_000);
  expect(state()).toBeUndefined();
  follow();
  expect(connectMs()).toBe(1_000);
  expect(state()).toEqual({ name: KEY, revision: null, ageMs: null, problems: [], unreachable: null });
});

it('lays the document over the file field by field, and flags over both', async () => {
  const { live, put, follow, connectMs, log, state } = await scene(ORDERS, ['upstreams.orders.retry.maxAttempts=7']);
  follow();
  await put('upstreams: { orders: { timeouts: { connect: 2s }, retry: { maxAttempts: 9, replay: 1KiB } }, extra: {} }');
  expect(connectMs()).toBe(2_000);
  const orders = live.config.value?.upstreams.get('orders');
  expect(orders?.listen?.port).toBe(9001);
  expect(orders?.retry).toMatchObject({ maxAttempts: 7, replayBytes: 1_024 });
  expect(live.config.value?.upstreams.get('extra')?.listen).toBeNull();
  expect(log).toEqual([`kv:${KEY} applied 1`]);
  expect(state()?.revision).toBe('1');
});

it('takes JSON, and null as the wish for a default', async () => {
  const { put, follow, connectMs } = await scene();
  follow();
  await put('{"upstreams": {"orders": {"timeouts": {"connect": null}}}}');
  expect(connectMs()).toBe(5_000);
});

it('keeps the last good document when the next is invalid, and says why', async () => {
  const { live, put, follow, connectMs, log, state } = await scene();
  follow();
  await put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  await put('upstreams:\n  orders: { timeouts: { connect: 3 } }\n');
  expect(connectMs()).toBe(2_000);
  const complaint = `kv:${KEY}:2:34 upstreams.orders.timeouts.connect: found 3, expected a duration such as 500ms or 15s, or 0 for none`;
  expect(log.at(-1)).toBe(complaint);
  expect(live.config.problem).toBe(complaint);
  expect(state()).toMatchObject({
    revision: '1',
    problems: [{ path: 'upstreams.orders.timeouts.connect', line: 2 }],
  });

  await put('upstreams: { orders: { timeouts: { connect: 4s } } }');
  expect(connectMs()).toBe(4_000);
  expect(live.config.problem).toBeNull();
  expect(state()).toMatchObject({ revision: '3', problems: [] });
});

it.each([
  ['', 'found nothing, expected a map'],
  ['a: [', 'found broken YAML'],
  ['- a', 'found a list, expected a map; {} says nothing'],
  ['service: { name: other }', 'service: found a local setting, expected settings of scope mesh only'],
  ['consul: null', 'consul: found a local setting'],
  ['admin: { tokenFile: /t }', 'admin: found a local setting'],
  ['static: { orders: ["evil:80"] }', 'static: found a local setting'],
  ['telemetry: { sampleRatio: 1, otlp: { endpoint: "http://evil" } }', 'telemetry.otlp: found a local setting'],
  ['upstreams: { orders: { port: 1 } }', 'upstreams.orders.port: found a local setting'],
  ['upstreams: { orders: null }', 'upstreams.orders: found a local setting'],
  ['upstreams: null', 'upstreams: found a local setting'],
  ['inbound: { address: 0.0.0.0 }', 'inbound: found a local setting'],
  ['inbound: { limits: { maxRequests: 1 } }', 'inbound: found a local setting'],
  ['outbound: { discover: true }', 'outbound: found a local setting'],
  ['http: { maxHead: 1KiB }', 'http: found a local setting'],
  ['shutdown: { propagation: 0 }', 'shutdown: found a local setting'],
  ['stateDir: /', 'stateDir: found a local setting'],
  [
    'upstreams: { orders: { tag: "${env:SECRET}" } }',
    "upstreams.orders.tag: found ${env:SECRET}, expected a variable that secrets.allowEnv of this machine's file names",
  ],
  ['upstreams: { orders: { tga: v2 } }', 'upstreams.orders.tga: found an unknown key'],
  ['upstreams: { orders: { tag: a, tag: b } }', 'upstreams.orders.tag: found the key a second time'],
  ['upstreams: { extra: { protocol: tcp } }', 'upstreams.extra.protocol: found tcp without a port'],
])('refuses the document %j and keeps the file', async (text, complaint) => {
  const { put, follow, connectMs, log, state } = await scene();
  follow();
  await put(text);
  expect(log.join('\n')).toContain(complaint);
  expect(log[0]).toMatch(new RegExp(`^kv:${KEY}:1:`));
  expect(connectMs()).toBe(1_000);
  expect(state()?.revision).toBeNull();
});

it('keeps a document that has vanished, and clears it for {}', async () => {
  const { put, follow, connectMs } = await scene();
  follow();
  await put(null);
  await put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  await put(null);
  expect(connectMs()).toBe(2_000);
  await put('{}');
  expect(connectMs()).toBe(1_000);
});

it('lays the document over every new file', async () => {
  const { put, write, follow, connectMs, live } = await scene();
  follow();
  await put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  await write(ORDERS.replace('9001', '9002').replace('1s', '9s'));
  expect(connectMs()).toBe(2_000);
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9002);
});

it('tries the newest document again when the file changes, since the file may have been what was wrong', async () => {
  const { put, write, follow, live, log } = await scene();
  follow();
  await put('upstreams: { cache: { protocol: tcp } }');
  expect(live.config.value?.upstreams.has('cache')).toBe(false);
  await write(ORDERS.replace('upstreams: {', 'upstreams: { cache: { port: 9003 },'));
  expect(live.config.value?.upstreams.get('cache')?.protocol).toBe('tcp');
  expect(log.at(-1)).toBe(`kv:${KEY} applied 1`);
  expect(live.config.problem).toBeNull();
});

it('goes on with the last good document under a new file while the newest is at odds with it', async () => {
  const { put, write, follow, connectMs, live, state } = await scene();
  follow();
  await put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  await put('upstreams: { cache: { protocol: tcp } }');
  await write(ORDERS.replace('9001', '9002'));
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9002);
  expect(connectMs()).toBe(2_000);
  expect(live.config.problem).toMatch(/found tcp without a port/);
  expect(state()).toMatchObject({ revision: '1', problems: [{ path: 'upstreams.cache.protocol' }] });
});

it('keeps what is in force when a new file is at odds with the document', async () => {
  const { put, write, follow, live, log } = await scene(
    ORDERS.replace('upstreams: {', 'upstreams: { cache: { port: 9003 },'),
  );
  follow();
  await put('upstreams: { cache: { protocol: tcp } }');
  await write(ORDERS.replace('9001', '9002'));
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9001);
  expect(log.at(-1)).toMatch(/upstreams.cache.protocol: found tcp without a port/);
  await put('{}');
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9002);
});

it('stops listening to Consul when it is told to', async () => {
  const { put, follow, connectMs, abort } = await scene();
  follow();
  abort.abort();
  await put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  expect(connectMs()).toBe(1_000);
});

it('shows and logs once, as no fault of a document, that Consul cannot be asked, and how old the document is', async () => {
  const { put, follow, connectMs, log, clock, documents, state } = await scene();
  follow();
  await put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  log.length = 0;
  documents.fail('Consul answered 403: Permission denied');
  const line = 'kv:remora/config/ unreachable: Consul answered 403: Permission denied';
  expect(state()).toMatchObject({ problems: [], unreachable: 'Consul answered 403: Permission denied' });
  clock.advance(5_000);
  expect(state()).toMatchObject({ revision: '1', ageMs: 5_000 });
  expect(log).toEqual([line]);
  expect(connectMs()).toBe(2_000);

  documents.fail('no answer within 10 s');
  clock.advance(5_000);
  expect(log).toHaveLength(2);
  documents.confirm();
  clock.advance(2_000);
  expect(state()).toMatchObject({ ageMs: 2_000, problems: [], unreachable: null });
  documents.fail('no answer within 10 s');
  clock.advance(2_000);
  expect(log).toHaveLength(3);
});

it('looks at nothing any more once it is told to stop', async () => {
  const { follow, abort, clock } = await scene();
  follow();
  expect(clock.armed).toBe(1);
  abort.abort();
  expect(clock.armed).toBe(0);
});

it('lays mesh below the documents of services, and those below its own', async () => {
  const { live, putAll, follow, log } = await scene();
  follow();
  const orders = () => live.config.value!.upstreams.get('orders')!;
  await putAll({
    mesh: 'defaults: { timeouts: { request: 2s, connect: 2s, streamIdle: 7s } }',
    'service/orders': 'timeouts: { request: 3s, connect: 3s }',
    'service/stock': 'timeouts: { request: 9s }',
    'caller/web': 'upstreams: { orders: { timeouts: { request: 4s } } }',
  });
  expect(orders().timeouts).toMatchObject({ requestMs: 4_000, connectMs: 3_000, streamIdleMs: 7_000 });
  expect(live.kvStates().map(({ name, revision }) => [name, revision])).toEqual([
    ['remora/config/mesh', '1'],
    ['remora/config/service/orders', '2'],
    [KEY, '4'],
  ]);
  expect(log).toHaveLength(3);
  expect(live.explained().origins.get('upstreams.orders.timeouts.request')).toMatchObject({ source: `kv:${KEY}` });
});

it('settles once for changes that come while it settles, and never for a service that is not called', async () => {
  let open = (): void => undefined;
  let gate: Promise<void> | null = null;
  const { putAll, put, follow, seen, connectMs } = await scene(ORDERS, [], async (material) => {
    await gate;
    return plainly(material);
  });
  follow();
  await putAll({ mesh: '{}' });
  const before = seen.length;
  gate = new Promise((resolve) => (open = resolve));
  for (let second = 2; second <= 200; second++)
    await put(`upstreams: { orders: { timeouts: { connect: ${second}s } } }`);
  expect(seen.length - before).toBe(1);
  gate = null;
  open();
  await settled();
  expect(seen.length - before).toBe(2);
  expect(connectMs()).toBe(200_000);
  await putAll({ 'service/stock': 'timeouts: { request: 9s }' });
  expect(seen.length - before).toBe(2);
});

it('settles again with the document of a service that another document leads to, before anything is in force', async () => {
  const { live, putAll, follow } = await scene();
  follow();
  const configs: (number | undefined)[] = [];
  live.config.subscribe((config) => configs.push(config.upstreams.get('stock')?.timeouts.requestMs));
  await putAll({ mesh: 'upstreams: { stock: {} }', 'service/stock': 'timeouts: { request: 9s }' });
  expect(configs).toEqual([undefined, 9_000]);
});

it('keeps each document by itself: what is wrong with one does not keep out another', async () => {
  const { putAll, follow, connectMs, state, live } = await scene();
  follow();
  await putAll({ mesh: 'defaults: { timeouts: { request: 2s } }', 'caller/web': '{}' });
  await putAll({ mesh: 'defaults: [', 'caller/web': 'upstreams: { orders: { timeouts: { connect: 7s } } }' });
  expect(connectMs()).toBe(7_000);
  expect(live.config.value!.upstreams.get('orders')!.timeouts.requestMs).toBe(2_000);
  expect(state('mesh')).toMatchObject({ revision: '1' });
  expect(state('mesh')!.problems).not.toEqual([]);
  expect(state()).toMatchObject({ revision: '4', problems: [] });
  await putAll({ mesh: null });
  expect(state('mesh')).toMatchObject({ revision: '1' });
  expect(state('mesh')!.problems[0]!.found).toBe('no such key any more');
});

it('says what is wrong with a document once, however often it settles', async () => {
  const { putAll, follow, log } = await scene();
  follow();
  await putAll({ mesh: 'tga: 1' });
  for (let at = 1; at < 5; at++) await putAll({ 'caller/web': `telemetry: { sampleRatio: 0.${at} }` });
  expect(log.filter((line) => line.includes('tga'))).toHaveLength(1);
});

it('runs a staged document in the place of its layer, and goes back to that when it is told', async () => {
  const { live, putAll, follow, connectMs, state } = await scene();
  follow();
  await putAll({ 'caller/web': 'upstreams: { orders: { timeouts: { connect: 2s } } }' });
  const staged = (text: string, revision: string): KvText => ({
    layer: 'caller/web',
    text,
    revision,
    isCandidate: true,
  });
  live.override('caller/web', staged('upstreams: { orders: { timeouts: { connect: 3s } } }', '70'));
  await settled();
  expect([connectMs(), state()!.revision]).toEqual([3_000, '70']);
  live.override('caller/web', staged('upstreams: [', '71'));
  await settled();
  expect([connectMs(), state()!.revision]).toEqual([2_000, '1']);
  expect(live.layerStatus('caller/web')).toMatchObject({ applied: '1', seen: '71', problems: [{ line: 1 }] });
  live.override('caller/web', null);
  await settled();
  expect(live.layerStatus('caller/web')).toMatchObject({ applied: '1', seen: '1', problems: [] });
});

it('finds which of several new documents cannot be judged, refuses it, and uses the others', async () => {
  const { putAll, follow, connectMs, state, log, live, seen } = await scene(ORDERS, [], (material) => {
    if (material.newest.some(({ text }) => text.includes('poison'))) throw new Error('takes more than 10 s to judge');
    return plainly(material);
  });
  follow();
  await putAll({ mesh: '# poison', 'caller/web': 'upstreams: { orders: { timeouts: { connect: 2s } } }' });
  expect(connectMs()).toBe(2_000);
  expect(state('mesh')!.problems[0]!.found).toBe('a document that takes more than 10 s to judge');
  expect(state()).toMatchObject({ revision: '2', problems: [] });
  expect(log.filter((line) => line.includes('takes more'))).toHaveLength(1);
  expect(live.counted().failed).toBe(2);
  const before = seen.length;
  await putAll({ 'caller/web': '{}' });
  expect(seen.length - before).toBe(1);
  await putAll({ mesh: '{}' });
  expect(state('mesh')).toMatchObject({ revision: '4', problems: [] });
});

it('keeps the file that is in force when a new one cannot be judged', async () => {
  const { write, live, log } = await scene(ORDERS, [], (material) => {
    if (material.local.text.includes('poison')) throw new Error('ends the process that judges it (SIGSEGV)');
    return plainly(material);
  });
  await write(`${ORDERS}# poison`);
  expect(live.fileState().problems[0]!.found).toBe('a document that ends the process that judges it (SIGSEGV)');
  expect(live.config.value!.upstreams.has('orders')).toBe(true);
  expect(log).toHaveLength(1);
  await write(ORDERS.replace('9001', '9005'));
  expect(live.fileState().problems).toEqual([]);
  expect(live.config.value!.upstreams.get('orders')!.listen!.port).toBe(9005);
});

it('says what came of changes in numbers', async () => {
  const { put, follow, live } = await scene();
  follow();
  await put('{}');
  await put('upstreams: [');
  await put('telemetry: { sampleRatio: 1 }');
  const { applied, refused, settled: times, failed } = live.counted();
  expect([...applied]).toEqual([[`kv:${KEY}`, 2]]);
  expect([...refused]).toEqual([[`kv:${KEY}`, 1]]);
  expect([times, failed]).toEqual([4, 0]);
});
