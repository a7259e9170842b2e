import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ShardMoveView, ShardsView } from '../../src/admin/agent-view.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { sendOne } from './load.ts';
import { OriginApp } from './origin-app.ts';

let origins: OriginApp[];
let sidecar: Sidecar;
let version = 0;

beforeAll(async () => {
  origins = await OriginApp.many('a', 'b');
  sidecar = await Sidecar.start(config({}));
});

afterAll(async () => {
  await sidecar.kill();
  await Promise.all(origins.map((origin) => origin.kill()));
});

function config({ absent = 'reject', move }: { absent?: string; move?: string }) {
  const early = { to: 'm', shard: 'a', ...(move === undefined ? {} : { move: { to: 'b', state: move } }) };
  const shards = {
    version,
    key: [{ query: 'k' }],
    absent,
    map: { kind: 'ranges', ranges: [early, { from: 'm', shard: 'b' }] },
  };
  return {
    service: { name: 'web', port: 1 },
    admin: { port: 0 },
    upstreams: { orders: { port: 0, retry: { maxAttempts: 1 }, shards } },
    static: { orders: origins.map(({ name, port }) => ({ address: '127.0.0.1', port, meta: { shard: name } })) },
  };
}

async function take(wanted: { absent?: string; move?: string }): Promise<void> {
  version += 1;
  sidecar.write(config(wanted));
  await eventually(async () => (await sidecar.metric('remora_shard_map_version')) === version);
}

async function second(): Promise<NonNullable<ShardMoveView['second']>> {
  const { upstreams } = (await (await sidecar.get('/shards')).json()) as { upstreams: readonly ShardsView[] };
  return upstreams[0]!.ranges[0]!.move!.second!;
}

let count = 0;

async function ask(path: string, method = 'GET') {
  const id = `ask-${++count}`;
  const result = await sendOne(sidecar.port('orders'), id, method, { path, body: method === 'GET' ? '' : 'x' });
  const reached = () => origins.filter(({ begun }) => begun.includes(id)).map(({ name }) => name);
  return { ...result, reached };
}

it('asks every shard for a read without a key, and answers with the first or when all are good', async () => {
  await take({ absent: 'first' });
  const first = await ask('/list');
  expect(first.status).toBe(200);

  await take({ absent: 'all' });
  const all = await ask('/list');
  expect([all.status, all.origin]).toEqual([200, 'a']);
  await eventually(() => all.reached().join() === 'a,b');
  expect((await ask('/list', 'PUT')).failure).toBe('shard_key_missing');
  expect((await ask('/item?k=zest')).reached()).toEqual(['b']);

  await origins[1]!.mode('status=500');
  expect((await ask('/list')).failure).toBe('broadcast_incomplete');
  await origins[1]!.mode('');
});

it('writes to the new owner too what the old one has taken, and says so when one is lost', async () => {
  await take({ move: 'dual_write' });
  const written = await ask('/item?k=apple', 'PUT');
  expect([written.status, written.origin]).toEqual([200, 'a']);
  await eventually(() => written.reached().join() === 'a,b');
  expect((await ask('/item?k=apple')).reached()).toEqual(['a']);
  await eventually(async () => (await second()).written === 1);
  expect((await second()).isDiverged).toBe(false);

  await origins[1]!.mode('status=500');
  expect((await ask('/item?k=apple', 'PUT')).status).toBe(200);
  await eventually(async () => (await second()).isDiverged);
  const { lost, losses } = await second();
  expect([lost, losses[0]!['method'], losses[0]!['status']]).toEqual([1, 'PUT', 500]);
  await origins[1]!.mode('');
});

it('compares what both owners answer to a read, and lets the old one answer', async () => {
  await take({ move: 'dual_read' });
  const read = await ask('/item?k=apple&status=204');
  expect([read.status, read.origin]).toEqual([204, 'a']);
  await eventually(async () => (await second()).reads['same'] === 1);
  // An origin says its name in its body.
  await ask('/item?k=apple');
  await eventually(async () => (await second()).reads['different'] === 1);
  expect((await ask('/item?k=apple', 'PUT')).reached()).toEqual(['a']);
  expect(await sidecar.metric('remora_bugs_total')).toBe(0);
});
