import { readFileSync } from 'node:fs';
import { type ClientDuplexStream, type ClientReadableStream, status } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Sidecar } from '../support/sidecar.ts';
import type { Reply, Wish } from './grpc-app.ts';
import { GrpcClient, KINDS } from './grpc-client.ts';
import { GrpcLoad } from './grpc-load.ts';
import { GrpcMesh, type GrpcMeshOptions } from './grpc-mesh.ts';

const MIB = 2 ** 20;

let mesh: GrpcMesh;
let client: GrpcClient;

async function start(names: readonly string[], options: GrpcMeshOptions = {}): Promise<void> {
  mesh = await GrpcMesh.start(names, options);
  client = new GrpcClient(mesh.port);
}

afterEach(async () => {
  client?.close();
  await mesh?.close();
});

function residentBytes({ pid }: Sidecar): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}

it('a stream outlives the time that requests have, while it is silent too', async () => {
  const timeouts = { request: '300ms', attempt: '200ms' };
  await start(['a'], { echo: { timeouts }, beside: { inbound: { timeouts } } });
  const { call, ended } = client.begin('Talk', { id: 'long' }, { messages: 0 });
  const talk = call as unknown as ClientDuplexStream<Wish, Reply>;
  const expanded = client.ask('Expand', { id: 'many', count: 30, every: 50 });
  talk.write({ id: 'long' });
  // The silence is what is looked at.
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  talk.write({ id: 'long' });
  talk.end();
  expect(await ended).toMatchObject({ code: status.OK, replies: [{ at: 1 }, { at: 2 }] });
  const { code, replies, tookMs } = await expanded;
  expect([code, replies.length]).toEqual([status.OK, 30]);
  expect(tookMs).toBeGreaterThan(1_200);
});

it('a stream that its client does not read costs bounded memory, and nobody else their calls', async () => {
  await start(['a']);
  const sidecars = [mesh.web, mesh.sites[0]!.sidecar];
  for (let i = 0; i < 50; i++) await client.ask('Unary', { id: `warm-${i}`, bytes: MIB / 4 });
  const before = sidecars.map(residentBytes);

  const count = 100;
  const { call, ended } = client.begin('Expand', { id: 'slow', bytes: MIB, count });
  (call as unknown as ClientReadableStream<Reply>).pause();
  const [app] = mesh.apps;
  await eventually(() => app!.full.has('slow'));
  for (let i = 0; i < 50; i++) expect((await client.ask('Unary', { id: `beside-${i}` })).code).toBe(status.OK);
  // A server that could still write would have done so by then. grpc-js alone holds 16 messages at either end.
  expect(app!.full.get('slow')).toBeLessThan(40);
  sidecars.forEach((sidecar, i) => expect(residentBytes(sidecar) - before[i]!).toBeLessThan(32 * MIB));

  (call as unknown as ClientReadableStream<Reply>).resume();
  const { code, replies } = await ended;
  expect([code, replies.length]).toEqual([status.OK, count]);
  for (const { pad } of replies) expect(pad.length).toBe(MIB);
});

it('a server that does not read stops its client, and goes on where it was', async () => {
  await start(['a']);
  const sidecars = [mesh.web, mesh.sites[0]!.sidecar];
  const before = sidecars.map(residentBytes);
  // Talk answers each message, and the answers are not read: so it stops reading.
  const { call, ended } = client.begin('Talk', { id: 'stuck' }, { messages: 0 });
  const talk = call as unknown as ClientDuplexStream<Wish, Reply>;
  talk.pause();
  const pad = 'x'.repeat(MIB / 4);
  let written = 0;
  const isTaken = (): Promise<boolean> =>
    Promise.race([
      new Promise<boolean>((resolve) => talk.write({ id: 'stuck', pad }, () => resolve(true))),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1_000)),
    ]);
  while (written < 400 && (await isTaken())) written += 1;
  expect(written).toBeLessThan(400);
  sidecars.forEach((sidecar, i) => expect(residentBytes(sidecar) - before[i]!).toBeLessThan(48 * MIB));
  talk.end();
  talk.resume();
  const { code, replies } = await ended;
  expect([code, replies.length]).toEqual([status.OK, written + 1]);
});

it('a stop lets all that runs end: on the sidecar beside the server, and then beside the client', async () => {
  await start(['a', 'b'], {
    web: { shutdown: { propagation: '0s', timeout: '20s' } },
    beside: { shutdown: { propagation: '0s', timeout: '20s' } },
  });
  const [leaving, staying] = mesh.sites as readonly [(typeof mesh.sites)[0], (typeof mesh.sites)[0]];
  const running = KINDS.flatMap((kind) => [1, 2].map((i) => client.ask(kind, { id: `run-${kind}-${i}`, hold: true })));
  await eventually(() => mesh.begun.length === running.length);
  expect(leaving.app.begun.length).toBe(4);

  const stopped = leaving.sidecar.stop();
  await eventually(() => leaving.sidecar.hasEvent('shutdown_closes_inbound'));
  for (const kind of KINDS) {
    for (const i of [1, 2, 3]) expect((await client.ask(kind, { id: `after-${kind}-${i}` })).code).toBe(status.OK);
  }
  expect(staying.app.begun.filter((id) => id.startsWith('after-')).length).toBe(12);
  await leaving.app.release();
  expect(await stopped).toBe(0);
  expect(leaving.sidecar.hasEvent('shutdown_cuts_connections')).toBe(false);
  await mesh.restartSidecar(leaving);

  const webStopped = mesh.web.stop();
  await eventually(() => mesh.web.hasEvent('shutdown_began'));
  await staying.app.release();
  expect((await Promise.all(running)).map(({ code }) => code)).toEqual(running.map(() => status.OK));
  expect(await webStopped).toBe(0);
  expect(mesh.web.hasEvent('shutdown_cuts_connections')).toBe(false);
});

it('servers that say GOAWAY on every connection again and again cost no call of any kind, and no breaker', async () => {
  await start(['a', 'b', 'c'], { app: { 'grpc.max_connection_age_ms': 100 } });
  const wish = { delay: 5, count: 3, every: 20 };
  const loads = KINDS.map((kind) => new GrpcLoad(mesh.port, kind, `aged-${kind}`, { wish }));
  const connections = (): number => {
    const replies = loads.flatMap(({ results }) => results).flatMap((ended) => ended.replies);
    return new Set(replies.map(({ server, peer }) => `${server} ${peer}`)).size;
  };
  await eventually(() => connections() > 60);
  for (const load of loads) await load.stop();
  expect(loads.flatMap(({ complaints }) => complaints)).toEqual([]);
  // What a server had not looked at went to it again: its callers' sidecar heard nothing to hold against it, but for a
  // connection that was told to go before its first answer.
  expect(await mesh.web.metric('remora_attempts_total', { outcome: 'failure' })).toBeLessThan(5);
  expect(await mesh.web.metric('remora_breaker_trips_total')).toBe(0);
});
