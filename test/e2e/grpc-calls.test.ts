import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { GrpcClient, KINDS } from './grpc-client.ts';
import { GrpcMesh } from './grpc-mesh.ts';

/** What a client's connection may carry by default. */
const MAX_STREAMS = 100;

let mesh: GrpcMesh;
let client: GrpcClient;

beforeAll(async () => {
  // Servers take fewer calls on a connection than come to them, so that there must be more than one.
  mesh = await GrpcMesh.start(['a', 'b', 'c'], { app: { 'grpc.max_concurrent_streams': 20 } });
  client = new GrpcClient(mesh.port);
});

afterAll(async () => {
  client?.close();
  await mesh?.close();
});

it('the calls of one client connection are spread over all servers', async () => {
  const ended = [];
  for (let i = 0; i < 60; i++) ended.push(await client.ask('Unary', { id: `spread-${i}` }));
  expect(ended.map(({ code }) => code)).toEqual(ended.map(() => status.OK));
  for (const { begun } of mesh.apps) expect(begun.filter((id) => id.startsWith('spread-')).length).toBe(20);
  expect(await mesh.web.metric('remora_connections_total', { listener: 'echo' })).toBe(1);
});

it.each(KINDS)('%s: messages both ways, in order and in full', async (kind) => {
  const pad = 'x'.repeat(50_000);
  const { code, replies } = await client.ask(
    kind,
    { id: `all-${kind}`, pad, bytes: 50_000, count: 40 },
    { messages: 40 },
  );
  expect(code).toBe(status.OK);
  const isStream = kind === 'Expand' || kind === 'Talk';
  expect(replies.length).toBe(isStream ? 40 : 1);
  if (isStream) expect(replies.map(({ at }) => at)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  if (isStream) for (const reply of replies) expect(reply.pad.length).toBe(50_000);
  if (kind === 'Unary') expect([replies[0]!.got, replies[0]!.pad.length]).toEqual([50_000, 50_000]);
  if (kind === 'Collect') expect([replies[0]!.count, replies[0]!.got]).toEqual([40, 40 * 50_000]);
});

it.each(KINDS)('%s: metadata passes, binary too, before and after the messages', async (kind) => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const fields = new Metadata();
  fields.add('x-plain', 'one');
  fields.add('x-plain', 'two');
  fields.add('x-blob-bin', bytes);
  const blob = bytes.toString('base64');
  const ended = await client.ask(
    kind,
    {
      id: `fields-${kind}`,
      head: { 'x-head': 'h', 'x-head-bin': blob },
      trailers: { 'x-end': 'e', 'x-end-bin': blob },
    },
    { fields },
  );
  expect(ended.code).toBe(status.OK);
  expect(ended.head?.get('x-head')).toEqual(['h']);
  expect(ended.head?.get('x-head-bin')).toEqual([bytes]);
  if (kind === 'Unary' || kind === 'Expand') {
    expect(ended.trailers.get('x-end')).toEqual(['e']);
    expect(ended.trailers.get('x-end-bin')).toEqual([bytes]);
  }
  if (kind === 'Unary' || kind === 'Collect') {
    expect(ended.replies[0]!.fields['x-plain']!.join(', ')).toBe('one, two');
    expect(ended.replies[0]!.fields['x-blob-bin']).toEqual([blob]);
  }
});

it.each(KINDS)('%s: a failure of the server is its own status, message and trailers', async (kind) => {
  const details = 'not yet: ünd 100 %\nnever';
  const wish = {
    id: `fail-${kind}`,
    count: 2,
    fail: [status.FAILED_PRECONDITION, details],
    trailers: { 'x-why': 'w' },
  } as const;
  const ended = await client.ask(kind, wish);
  expect([ended.code, ended.details]).toEqual([status.FAILED_PRECONDITION, details]);
  expect(ended.trailers.get('x-why')).toEqual(['w']);
  expect(ended.replies.length).toBe(kind === 'Expand' ? 2 : kind === 'Talk' ? 1 : 0);
  // A Unary that fails is a head and nothing else.
  if (kind === 'Unary') expect(ended.trailers.get('x-remora-failure')).toEqual([]);
});

it.each([
  ['Unary', 1],
  ['Collect', 3],
  ['Talk', 3],
] as const)('%s: messages of 4 MiB pass both ways', async (kind, messages) => {
  const size = 4 * 2 ** 20;
  const ended = await client.ask(kind, { id: `big-${kind}`, pad: 'x'.repeat(size), bytes: size }, { messages });
  expect([ended.code, ended.details]).toEqual([status.OK, 'OK']);
  if (kind === 'Talk') expect(ended.replies.map(({ pad }) => pad.length)).toEqual([size, size, size]);
  else expect(ended.replies[0]!.got).toBe(size * messages);
});

it('a server is told what is left of the deadline, and a call over it ends in time', async () => {
  const inTime = await client.ask('Unary', { id: 'in-time' }, { deadline: Date.now() + 5_000 });
  const { leftMs } = inTime.replies[0]!;
  // Each hop says what is left in whole milliseconds, and an idle machine needs less than one of them for all hops.
  expect(leftMs).toBeLessThanOrEqual(5_000);
  expect(leftMs).toBeGreaterThan(3_000);

  for (const kind of KINDS) {
    const ended = await client.ask(kind, { id: `late-${kind}`, never: true }, { deadline: Date.now() + 300 });
    expect([kind, ended.code]).toEqual([kind, status.DEADLINE_EXCEEDED]);
    expect(ended.tookMs).toBeGreaterThan(250);
    expect(ended.tookMs).toBeLessThan(1_500);
  }
  const isTold = (id: string): boolean => mesh.apps.some(({ cancelled }) => cancelled.has(id));
  await eventually(() => KINDS.every((kind) => isTold(`late-${kind}`)));
});

it.each(KINDS)('%s: a call that its client cancels is cancelled at the server', async (kind) => {
  const id = `cancel-${kind}`;
  const { call, ended } = client.begin(kind, { id, never: true, count: 1 });
  await eventually(() => mesh.begun.includes(id));
  call.cancel();
  expect((await ended).code).toBe(status.CANCELLED);
  await eventually(() => mesh.apps.some(({ cancelled }) => cancelled.has(id)));
});

it('a crowd of calls shares one connection; more than it may carry wait for their turn', async () => {
  const ids = Array.from({ length: 400 }, (_, i) => `crowd-${i}`);
  const ended = ids.map((id) => client.ask('Unary', { id, hold: true }));
  let isOver = false;
  const all = Promise.all(ended).finally(() => {
    isOver = true;
  });
  const begun = (): number => mesh.begun.filter((id) => id.startsWith('crowd-')).length;
  await eventually(() => begun() === MAX_STREAMS);
  while (!isOver) {
    await Promise.all(mesh.apps.map((app) => app.release()));
  }
  expect((await all).filter(({ code }) => code !== status.OK)).toEqual([]);
  for (const { begun } of mesh.apps) expect(begun.filter((id) => id.startsWith('crowd-')).length).toBeGreaterThan(100);
});

it('calls are counted by method and by the status they ended with', async () => {
  const count = (method: string, code: number): Promise<number> =>
    mesh.web.metric('remora_grpc_calls_total', { service: 'remora.test.Echo', method, grpc_status: String(code) });
  const before = await count('Collect', status.ABORTED);
  await client.ask('Collect', { id: 'counted', fail: [status.ABORTED, 'no'] });
  expect((await count('Collect', status.ABORTED)) - before).toBe(1);
  expect(await count('Unary', status.FAILED_PRECONDITION)).toBe(1);
  expect(await count('Expand', status.FAILED_PRECONDITION)).toBe(1);
  expect(await count('Unary', status.OK)).toBeGreaterThan(460);
  let inbound = 0;
  for (const { sidecar } of mesh.sites) {
    inbound += await sidecar.metric('remora_grpc_calls_total', {
      direction: 'inbound',
      method: 'Expand',
      grpc_status: '9',
    });
  }
  expect(inbound).toBe(1);
});
