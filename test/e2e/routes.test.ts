import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoutesView } from '../../src/admin/agent-view.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { GrpcApp } from './grpc-app.ts';
import { GrpcClient, KINDS } from './grpc-client.ts';
import { OriginApp } from './origin-app.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER } from './scene.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const REQUESTS = 400;
const KEY = 'what the sidecars of this test share';

let folder: string;
let apps: readonly OriginApp[];
let calls: readonly GrpcApp[];
let config: ReturnType<typeof configOf>;
let sidecar: Sidecar;

function configOf() {
  const [one, two, stock] = apps.map(({ port }) => ({ address: '127.0.0.1', port }));
  const [callOne, callTwo] = calls.map(({ address }) => {
    const [host, port] = address.split(':');
    return { address: host!, port: Number(port) };
  });
  const subsets = { v1: { tag: 'v1' }, v2: { tag: 'v2' } };
  const beta = { match: { headers: { 'x-beta': { present: true } } }, to: { subset: 'v2' } };
  return {
    service: { name: 'web', port: 9 },
    inbound: { port: 0 },
    outbound: { port: 0 },
    overrides: { key: `\${file:${join(folder, 'key')}}` },
    upstreams: {
      orders: { port: 0, subsets, subset: 'v1', routes: { beta }, breaker: NO_BREAKER },
      stock: { breaker: NO_BREAKER },
      echo: { port: 0, protocol: 'grpc', subsets, subset: 'v1', routes: { beta } },
    },
    routes: {
      shares: {
        hosts: ['shop'],
        split: [
          { upstream: 'orders', subset: 'v1', weight: 80 },
          { upstream: 'orders', subset: 'v2', weight: 20 },
        ],
      },
      sticky: {
        hosts: ['sticky'],
        split: [
          { upstream: 'orders', subset: 'v1' },
          { upstream: 'orders', subset: 'v2' },
        ],
        sticky: { cookie: { name: 'version', ttl: '1h' } },
      },
      impatient: {
        hosts: ['shop'],
        match: { path: { segments: '/slow' } },
        to: 'stock',
        timeouts: { request: '300ms' },
      },
      stubborn: { hosts: ['shop'], match: { path: { segments: '/flaky' } }, to: 'stock', retry: { maxAttempts: 5 } },
      once: { hosts: ['shop'], match: { path: { segments: '/once' } }, to: 'stock', retry: { maxAttempts: 1 } },
    },
    static: {
      orders: [
        { ...one, tags: ['v1'] },
        { ...two, tags: ['v2'] },
      ],
      stock: [stock],
      echo: [
        { ...callOne, tags: ['v1'] },
        { ...callTwo, tags: ['v2'] },
      ],
    },
  };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'remora-routes-'));
  writeFileSync(join(folder, 'key'), `${KEY}\n`);
  apps = await OriginApp.many('one', 'two', 'stock');
  calls = await Promise.all([GrpcApp.start('one'), GrpcApp.start('two')]);
  config = configOf();
  sidecar = await Sidecar.start(config);
});

afterAll(async () => {
  const bugs = sidecar.log.filter(({ event }) => event === 'bug');
  await sidecar.kill();
  await Promise.all([...apps, ...calls].map((app) => app.kill()));
  rmSync(folder, { recursive: true });
  expect(bugs).toEqual([]);
});

interface Reply {
  readonly status: number;
  readonly origin: string | null;
  readonly failure: string | null;
  readonly cookie: string | null;
}

async function ask(host: string, target = '/', fields: Record<string, string> = {}, listener = 'outbound') {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const { statuses, text } = await RawClient.ask(
    sidecar.port(listener),
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}Connection: close\r\n\r\n`,
  );
  const field = (name: string): string | null => new RegExp(`^${name}: (.*)\r$`, 'im').exec(text)?.[1] ?? null;
  const cookie = field('set-cookie');
  return { status: statuses.at(-1)!, origin: field('x-origin'), failure: field('x-remora-failure'), cookie } as Reply;
}

describe('on HTTP/1.1', () => {
  it('a route of the shared port splits by its weights', async () => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < REQUESTS; i++) {
      const { origin } = await ask('shop');
      counts[origin!] = (counts[origin!] ?? 0) + 1;
    }
    // Five standard deviations.
    expect(Math.abs(counts['two']! - 0.2 * REQUESTS)).toBeLessThan(40);
    expect(counts['one']! + counts['two']!).toBe(REQUESTS);
  });

  it('a client stays where its cookie is', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const first = await ask('sticky');
      const [, value] = /^version=([0-9a-f]{32}); Max-Age=3600; Path=\/; HttpOnly$/.exec(first.cookie!)!;
      const next = await ask('sticky', '/', { cookie: `version=${value}` });
      expect([next.origin, next.cookie]).toEqual([first.origin, null]);
      seen.add(first.origin!);
    }
    expect([...seen].sort()).toEqual(['one', 'two']);
  });

  it('a route of an upstream is asked by its name and on its own port, and says which of its endpoints', async () => {
    for (const listener of ['outbound', 'orders']) {
      expect((await ask('orders', '/', {}, listener)).origin).toBe('one');
      expect((await ask('orders', '/', { 'x-beta': '1' }, listener)).origin).toBe('two');
    }
  });

  it('a route has times and attempts of its own', async () => {
    expect(await ask('shop', '/slow?never')).toMatchObject({ status: 504, failure: 'deadline_exceeded' });
    const attempts = async (path: string): Promise<number> => {
      const id = `attempts-${path.slice(1)}`;
      await ask('shop', `${path}?status=503`, { 'x-id': id });
      return apps[2]!.lines.filter((line) => line.startsWith(`begun ${id} `)).length;
    };
    expect([await attempts('/flaky'), await attempts('/once')]).toEqual([5, 1]);
  });
});

it('on HTTP/2 routes lead as on HTTP/1.1', async () => {
  const session = connect(`http://127.0.0.1:${sidecar.port('outbound')}`);
  const get = (fields: Record<string, string>): Promise<string> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': '/', ':authority': 'orders', ...fields });
      stream.on('response', (head) => resolve(String(head['x-origin'])));
      stream.on('error', reject);
      stream.resume();
    });
  expect(await get({})).toBe('one');
  expect(await get({ 'x-beta': '1' })).toBe('two');
  session.destroy();
});

it('calls of gRPC of every kind are led by their metadata', async () => {
  const client = new GrpcClient(sidecar.port('echo'));
  const fields = new Metadata();
  fields.set('x-beta', '1');
  for (const kind of KINDS) {
    const plain = await client.ask(kind, { id: `plain-${kind}` });
    const beta = await client.ask(kind, { id: `beta-${kind}` }, { fields });
    expect([plain.replies[0]!.server, beta.replies[0]!.server]).toEqual(['one', 'two']);
  }
  client.close();
});

describe('a signed header', () => {
  async function header(...more: string[]): Promise<string> {
    const args = [MAIN, 'override', '--key-file', join(folder, 'key'), ...more];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return stdout.replace('x-remora-route: ', '').trim();
  }

  it('from the command sends a request to a build that is tried, and is refused once it is touched', async () => {
    const text = await header('--to', 'orders/v2', '--for', '1h');
    for (const listener of ['outbound', 'orders']) {
      expect((await ask('orders', '/', { 'x-remora-route': text }, listener)).origin).toBe('two');
    }
    expect(await ask('orders', '/', { 'x-remora-route': text.replace('v2', 'v1') })).toMatchObject({
      status: 403,
      failure: 'override_refused',
    });
    const elsewhere = await header('--to', 'stock', '--of', 'orders');
    expect((await ask('orders', '/', { 'x-remora-route': elsewhere })).origin).toBe('stock');
    expect((await ask('stock', '/', { 'x-remora-route': elsewhere })).origin).toBe('stock');
    expect(await sidecar.metric('remora_overrides_total', { result: 'refused' })).toBe(1);
  });

  it('is passed on to the endpoint, for the requests that follow', async () => {
    const text = await header('--to', 'orders/v2');
    const { text: answer } = await RawClient.ask(
      sidecar.port('outbound'),
      `GET / HTTP/1.1\r\nHost: stock\r\nx-remora-route: ${text}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toContain(text);
  });
});

it('shows its routes with their requests', async () => {
  const { total, routes } = (await (await sidecar.get('/routes')).json()) as RoutesView;
  expect(total).toBe(7);
  expect(routes.find(({ name }) => name === 'shares')!.requests).toBe(REQUESTS);
  expect(await (await sidecar.get('/routes?format=text')).text()).toContain('orders/v1 80%, orders/v2 20%');
  expect(await sidecar.metric('remora_route_requests_total', { route: '/shares' })).toBe(REQUESTS);
});

it('a change of routes and upstreams under load loses and misleads nothing', async () => {
  const answers: string[] = [];
  let isOver = false;
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const { status, origin, failure } = await ask('moving');
        answers.push(`${status} ${origin} ${failure}`);
      }
    }),
  );
  const applied = (): number => sidecar.log.filter(({ event }) => event === 'config_applied').length;
  const before = applied();
  // Where it leads is made with the change, and what it led to is gone.
  const lead = (to: string): void => {
    const { routes, static: services } = config;
    const admin = { port: 0 };
    sidecar.write({
      ...config,
      admin,
      routes: { ...routes, moving: { hosts: ['moving'], to } },
      static: { ...services, [to]: services.stock },
    });
  };
  lead('u0');
  await eventually(async () => (await ask('moving')).status === 200);
  answers.length = 0;
  for (let i = 1; i <= 12; i++) {
    const done = applied();
    lead(`u${i % 3}`);
    await eventually(() => applied() > done);
  }
  isOver = true;
  await load;
  expect(applied()).toBeGreaterThanOrEqual(before + 12);
  expect(answers.length).toBeGreaterThan(50);
  expect(new Set(answers)).toEqual(new Set(['200 stock null']));
});
