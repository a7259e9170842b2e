import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { Sidecar } from '../support/sidecar.ts';
import { GrpcApp } from './grpc-app.ts';
import { type Ended, GrpcClient, KINDS } from './grpc-client.ts';

let app: GrpcApp;
let sidecar: Sidecar;

beforeAll(async () => {
  app = await GrpcApp.start('a');
  const [closed] = await freePorts(1);
  const gone = [`127.0.0.1:${closed}`];
  const grpc = { port: 0, protocol: 'grpc' };
  const once = { maxAttempts: 1 };
  sidecar = await Sidecar.start(
    {
      service: { name: 'web', port: app.port, protocol: 'grpc' },
      inbound: { port: 0 },
      outbound: { port: 0, protocol: 'auto' },
      upstreams: {
        nobody: grpc,
        gone: { ...grpc, retry: once, breaker: { consecutiveFailures: 1_000 } },
        open: { ...grpc, service: 'gone', retry: once, breaker: { consecutiveFailures: 1, coolDown: '20s' } },
        narrow: { ...grpc, service: 'there', limits: { maxRequests: 1 } },
        late: { ...grpc, service: 'there', timeouts: { request: '200ms' } },
        seldom: { ...grpc, service: 'there', rateLimits: [{ name: 'seldom', requests: 1, window: '1h' }] },
        there: grpc,
      },
      static: { nobody: [], gone, there: [app.address] },
    },
    { untilReady: false },
  );
});

afterAll(async () => {
  await sidecar?.kill();
  await app?.kill();
});

async function ask(listener: string, id: string, wish: object = {}): Promise<readonly Ended[]> {
  const client = new GrpcClient(sidecar.port(listener));
  const ended: Ended[] = [];
  for (const kind of KINDS) ended.push(await client.ask(kind, { id: `${id}-${kind}`, ...wish }));
  client.close();
  return ended;
}

function expectFailure(ended: Ended, code: number, failure: string): void {
  expect([ended.kind, ended.code, ended.details]).toEqual([
    ended.kind,
    code,
    expect.stringContaining(`remora: ${failure}: `),
  ]);
  expect(ended.trailers.get('x-remora-failure')).toEqual([failure]);
}

it.each([
  ['nobody', 'no_endpoint', status.UNAVAILABLE],
  ['gone', 'connect_refused', status.UNAVAILABLE],
  ['outbound', 'no_route', status.UNIMPLEMENTED],
  ['late', 'deadline_exceeded', status.DEADLINE_EXCEEDED],
] as const)('%s: a call of any kind fails by %s, as a status with a message', async (listener, failure, code) => {
  for (const ended of await ask(listener, listener, { never: true, count: 0 })) expectFailure(ended, code, failure);
});

it('calls beyond a rate limit are RESOURCE_EXHAUSTED, and told when to come again', async () => {
  const [first, ...others] = await ask('seldom', 'seldom', { count: 1 });
  expect(first!.code).toBe(status.OK);
  for (const ended of others) {
    expectFailure(ended, status.RESOURCE_EXHAUSTED, 'rate_limited');
    const [pushbackMs] = ended.trailers.get('grpc-retry-pushback-ms');
    expect(Number(pushbackMs)).toBeGreaterThan(3_500_000);
    expect(ended.trailers.get('ratelimit-policy')).toEqual(['"seldom";q=1;w=3600']);
  }
});

it('an open circuit is UNAVAILABLE', async () => {
  const [first, ...others] = await ask('open', 'open');
  expectFailure(first!, status.UNAVAILABLE, 'connect_refused');
  for (const ended of others) expectFailure(ended, status.UNAVAILABLE, 'circuit_open');
});

it('a call too many is RESOURCE_EXHAUSTED', async () => {
  const client = new GrpcClient(sidecar.port('narrow'));
  const held = client.ask('Unary', { id: 'narrow', hold: true });
  await eventually(() => app.begun.includes('narrow'));
  for (const ended of await ask('narrow', 'too-many')) expectFailure(ended, status.RESOURCE_EXHAUSTED, 'overloaded');
  await app.release();
  expect((await held).code).toBe(status.OK);
  client.close();
});

it('a server that hangs up before its answer is UNAVAILABLE; one in the middle of it is a reset', async () => {
  const victim = await GrpcApp.start('victim');
  const mesh = await Sidecar.start({
    service: { name: 'web', port: 9 },
    upstreams: { victim: { port: 0, protocol: 'grpc' } },
    static: { victim: [victim.address] },
  });
  const client = new GrpcClient(mesh.port('victim'));
  const before = client.ask('Unary', { id: 'before', never: true });
  const { call, ended } = client.begin('Expand', { id: 'middle', count: 1, never: true });
  await new Promise((resolve) => call.once('data', resolve));
  await eventually(() => victim.begun.length === 2);
  await victim.die();
  expectFailure(await before, status.UNAVAILABLE, 'upstream_reset');
  expect((await ended).code).toBe(status.INTERNAL);
  client.close();
  await mesh.kill();
});

it('a deadline is kept here when a server is frozen', async () => {
  const client = new GrpcClient(sidecar.port('there'));
  const fields = new Metadata();
  // Set by hand: of a deadline in its options, grpc-js would end the call itself.
  app.freeze();
  fields.set('grpc-timeout', '200m');
  const ended = await client.ask('Unary', { id: 'kept-here', never: true }, { fields });
  app.thaw();
  expectFailure(ended, status.DEADLINE_EXCEEDED, 'deadline_exceeded');
  expect(ended.tookMs).toBeGreaterThan(150);
  expect(ended.tookMs).toBeLessThan(1_000);
  client.close();
});

it('inbound gives back what its application cannot have seen', async () => {
  const client = new GrpcClient(sidecar.port('inbound'));
  expect((await client.ask('Unary', { id: 'inbound' })).code).toBe(status.OK);
  await app.die();
  for (const kind of KINDS) {
    const ended = await client.ask(kind, { id: `back-${kind}` });
    expect([ended.code, ended.details]).toEqual([status.UNAVAILABLE, expect.stringMatching(/refused/i)]);
  }
  await app.restart();
  client.close();
});
