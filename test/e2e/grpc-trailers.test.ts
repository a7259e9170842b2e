import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Wish } from './grpc-app.ts';
import { type Ended, GrpcClient, type Kind } from './grpc-client.ts';
import { GrpcMesh } from './grpc-mesh.ts';
import { NO_BREAKER } from './scene.ts';

let mesh: GrpcMesh;
let client: GrpcClient;

beforeAll(async () => {
  const retry = { grpcIdempotent: true, budget: { minPerSecond: 1_000 } };
  mesh = await GrpcMesh.start(['a', 'b', 'c'], { echo: { retry, breaker: NO_BREAKER } });
  client = new GrpcClient(mesh.port);
});

afterAll(async () => {
  client?.client.close();
  await mesh?.close();
});

function ask(kind: Kind, wish: Wish): Promise<Ended> {
  return client.ask(kind, wish);
}

function begunOf(id: string): number {
  return mesh.begun.filter((begun) => begun === id).length;
}

/** A head of its own before it fails: then the status comes in trailers. */
const HEAD = { 'x-of-the-app': '1' };

it.each(['Unary', 'Collect', 'Expand'] as const)('%s that fails in its trailers is tried elsewhere', async (kind) => {
  const id = `unavailable-${kind}`;
  const ended = await ask(kind, { id, head: HEAD, count: 0, fail: [status.UNAVAILABLE, 'not now'] });
  expect([ended.code, ended.details]).toEqual([status.UNAVAILABLE, 'not now']);
  expect(begunOf(id)).toBe(3);
  expect(ended.head?.get('x-remora-retry')).toEqual(['no']);
});

it('one that fails for good is not', async () => {
  const ended = await ask('Unary', { id: 'for-good', head: HEAD, fail: [status.NOT_FOUND, 'nobody'] });
  expect([ended.code, begunOf('for-good')]).toEqual([status.NOT_FOUND, 1]);
  expect(ended.head?.get('x-of-the-app')).toEqual(['1']);
});

it('nor one that has said something before', async () => {
  const wish = { id: 'too-late', head: HEAD, count: 1, fail: [status.UNAVAILABLE, 'not now'] } as const;
  const ended = await ask('Expand', wish);
  expect([ended.code, ended.replies.length, begunOf('too-late')]).toEqual([status.UNAVAILABLE, 1, 1]);
});

it('and the head of a stream that says nothing yet comes all the same', async () => {
  const begun = client.begin('Expand', { id: 'silent', head: HEAD, hold: true, count: 0 });
  await new Promise((resolve) => begun.call.once('metadata', resolve));
  expect(begunOf('silent')).toBe(1);
  await Promise.all(mesh.apps.map((app) => app.release()));
  expect((await begun.ended).code).toBe(status.OK);
});
