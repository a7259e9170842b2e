// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import { callerKey } from '../../src/config/kv-layer.ts';
import { LiveConfig } from '../../src/config/live-config.ts';
import { decodeLocal, type LocalConfig } from '../../src/config/local-config.ts';
import { formatProblem, type Problem } from '../../src/config/problems.ts';
import type { KvDocument, KvSource } from '../../src/discovery/kv.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { web } from './parse.ts';

const KEY = 'remora/config/caller/web';
const ORDERS = web('consul: {}\nupstreams: { orders: { port: 9001, timeouts: { connect: 1s } } }\n');

/** A configuration whose file and document change when the test says so, and a log of what became of them. */
function scene(file = ORDERS, set: readonly string[] = []) {
  const clock = new ManualClock();
  const local = new Cell<LocalConfig>(clock);
  const documents = new Cell<KvDocument>(clock);
  const log: string[] = [];
  const live = new LiveConfig(clock, local, {
    onConfigApplied: (source, revision) => log.push(`${source} applied ${revision}`),
    onConfigRefused: (_source, problems: readonly Problem[]) => log.push(...problems.map(formatProblem)),
    onConfigUnreachable: (source, problem) => log.push(`${source} unreachable: ${problem}`),
  });
  let revision = 0;
  const asked: string[] = [];
  const source: KvSource = {
    follow(key) {
      asked.push(key);
      return documents;
    },
  };
  const write = (text: string): void => {
    const decoded = decodeLocal({ source: 'remora.yaml', text, env: {}, set });
    if (Array.isArray(decoded)) throw new Error(decoded.map(formatProblem).join());
    local.set(decoded);
  };
  const put = (text: string | null): void =>
    documents.set({ key: KEY, text, isHeld: false, revision: String(++revision) });
  const abort = new AbortController();
  const follow = (): void => live.follow(source, callerKey('web'), abort.signal);
  write(file);
  const connectMs = (): number | undefined => live.config.value?.upstreams.get('orders')?.timeouts.connectMs;
  return { live, put, write, follow, connectMs, log, asked, abort, clock, documents };
}

it('serves from the file alone until Consul has answered, and for ever when there is none', () => {
  const { live, follow, connectMs, asked } = scene();
  expect(connectMs()).toBe(1_000);
  expect(live.kvState()).toBeNull();
  follow();
  expect(asked).toEqual([KEY]);
  expect(connectMs()).toBe(1_000);
  expect(live.kvState()).toEqual({ name: KEY, revision: null, ageMs: null, problems: [], unreachable: null });
});

it('lays the document over the file field by field, and flags over both', () => {
  const { live, put, follow, connectMs, log } = scene(ORDERS, ['upstreams.orders.retry.maxAttempts=7']);
  follow();
  put('upstreams: { orders: { timeouts: { connect: 2s }, retry: { maxAttempts: 9, replay: 1KiB } }, extra: {} }');
  expect(connectMs()).toBe(2_000);
  const orders = live.config.value?.upstreams.get('orders');
  expect(orders?.listen?.port).toBe(9001);
  expect(orders?.retry).toMatchObject({ maxAttempts: 7, replayBytes: 1_024 });
  expect(live.config.value?.upstreams.get('extra')?.listen).toBeNull();
  expect(log).toEqual([`kv:${KEY} applied 1`]);
  expect(live.kvState()?.revision).toBe('1');
});

it('takes JSON, and null as the wish for a default', () => {
  const { put, follow, connectMs } = scene();
  follow();
  put('{"upstreams": {"orders": {"timeouts": {"connect": null}}}}');
  expect(connectMs()).toBe(5_000);
});

it('keeps the last good document when the next is invalid, and says why', () => {
  const { live, put, follow, connectMs, log } = scene();
  follow();
  put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  put('upstreams:\n  orders: { timeouts: { connect: 3 } }\n');
  expect(connectMs()).toBe(2_000);
  const complaint = `kv:${KEY}:2:34 upstreams.orders.timeouts.connect: found 3, expected a duration such as 500ms or 15s, or 0 for none`;
  expect(log.at(-1)).toBe(complaint);
  expect(live.config.problem).toBe(complaint);
  expect(live.kvState()).toMatchObject({
    revision: '1',
    problems: [{ path: 'upstreams.orders.timeouts.connect', line: 2 }],
  });

  put('upstreams: { orders: { timeouts: { connect: 4s } } }');
  expect(connectMs()).toBe(4_000);
  expect(live.config.problem).toBeNull();
  expect(live.kvState()).toMatchObject({ revision: '3', problems: [] });
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
])('refuses the document %j and keeps the file', (text, complaint) => {
  const { live, put, follow, connectMs, log } = scene();
  follow();
  put(text);
  expect(log.join('\n')).toContain(complaint);
  expect(log[0]).toMatch(new RegExp(`^kv:${KEY}:1:`));
  expect(connectMs()).toBe(1_000);
  expect(live.kvState()?.revision).toBeNull();
});

it('keeps a document that has vanished, and clears it for {}', () => {
  const { put, follow, connectMs } = scene();
  follow();
  put(null);
  put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  put(null);
  expect(connectMs()).toBe(2_000);
  put('{}');
  expect(connectMs()).toBe(1_000);
});

it('lays the document over every new file', () => {
  const { put, write, follow, connectMs, live } = scene();
  follow();
  put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  write(ORDERS.replace('9001', '9002').replace('1s', '9s'));
  expect(connectMs()).toBe(2_000);
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9002);
});

it('tries the newest document again when the file changes, since the file may have been what was wrong', () => {
  const { put, write, follow, live, log } = scene();
  follow();
  put('upstreams: { cache: { protocol: tcp } }');
  expect(live.config.value?.upstreams.has('cache')).toBe(false);
  write(ORDERS.replace('upstreams: {', 'upstreams: { cache: { port: 9003 },'));
  expect(live.config.value?.upstreams.get('cache')?.protocol).toBe('tcp');
  expect(log.at(-1)).toBe(`kv:${KEY} applied 1`);
  expect(live.config.problem).toBeNull();
});

it('goes on with the last good document under a new file while the newest is at odds with it', () => {
  const { put, write, follow, connectMs, live } = scene();
  follow();
  put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  put('upstreams: { cache: { protocol: tcp } }');
  write(ORDERS.replace('9001', '9002'));
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9002);
  expect(connectMs()).toBe(2_000);
  expect(live.config.problem).toMatch(/found tcp without a port/);
  expect(live.kvState()).toMatchObject({ revision: '1', problems: [{ path: 'upstreams.cache.protocol' }] });
});

it('keeps what is in force when a new file is at odds with the document', () => {
  const { put, write, follow, live, log } = scene(
    ORDERS.replace('upstreams: {', 'upstreams: { cache: { port: 9003 },'),
  );
  follow();
  put('upstreams: { cache: { protocol: tcp } }');
  write(ORDERS.replace('9001', '9002'));
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9001);
  expect(log.at(-1)).toMatch(/upstreams.cache.protocol: found tcp without a port/);
  put('{}');
  expect(live.config.value?.upstreams.get('orders')?.listen?.port).toBe(9002);
});

it('stops listening to Consul when it is told to', () => {
  const { put, follow, connectMs, abort } = scene();
  follow();
  abort.abort();
  put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  expect(connectMs()).toBe(1_000);
});

it('shows and logs once, as no fault of a document, that Consul cannot be asked, and how old the document is', () => {
  const { live, put, follow, connectMs, log, clock, documents } = scene();
  follow();
  put('upstreams: { orders: { timeouts: { connect: 2s } } }');
  log.length = 0;
  documents.fail('Consul answered 403: Permission denied');
  const line = `kv:${KEY} unreachable: Consul answered 403: Permission denied`;
  expect(live.kvState()).toMatchObject({ problems: [], unreachable: 'Consul answered 403: Permission denied' });
  clock.advance(5_000);
  expect(live.kvState()).toMatchObject({ revision: '1', ageMs: 5_000 });
  expect(log).toEqual([line]);
  expect(connectMs()).toBe(2_000);

  documents.fail('no answer within 10 s');
  clock.advance(5_000);
  expect(log).toHaveLength(2);
  documents.confirm();
  clock.advance(2_000);
  expect(live.kvState()).toMatchObject({ ageMs: 2_000, problems: [], unreachable: null });
  documents.fail('no answer within 10 s');
  clock.advance(2_000);
  expect(log).toHaveLength(3);
});

it('looks at nothing any more once it is told to stop', () => {
  const { follow, abort, clock } = scene();
  follow();
  expect(clock.armed).toBe(1);
  abort.abort();
  expect(clock.armed).toBe(0);
});
