import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sidecar } from '../support/sidecar.ts';
import { GrpcApp } from './grpc-app.ts';
import { type Ended, GrpcClient, KINDS } from './grpc-client.ts';

let app: GrpcApp;
let sidecar: Sidecar;

beforeAll(async () => {
  app = await GrpcApp.start('a');
  const grpc = { port: 0, protocol: 'grpc' };
  const until = new Date(Date.now() + 60_000).toISOString();
  sidecar = await Sidecar.start(
    {
      service: { name: 'web', port: 9 },
      upstreams: {
        aborted: { ...grpc, service: 'there', faults: [{ abort: { grpcStatus: 'aborted' }, until }] },
        delayed: { ...grpc, service: 'there', faults: [{ delay: '100ms', until }] },
        reset: { ...grpc, service: 'there', faults: [{ reset: true, until }] },
        moved: { ...grpc, service: 'nobody', fallback: { upstream: 'there', static: { grpcStatus: 'internal' } } },
        written: { ...grpc, service: 'nobody', fallback: { static: { body: 'A BODY', grpcStatus: 'data_loss' } } },
        plain: { ...grpc, service: 'nobody', fallback: { static: { body: 'A BODY', anyMethod: true }, stale: {} } },
        there: grpc,
      },
      static: { nobody: [], there: [app.address] },
    },
    { untilReady: false },
  );
});

afterAll(async () => {
  const bugs = sidecar.log.filter(({ event }) => event === 'bug');
  await sidecar.kill();
  await app.kill();
  expect(bugs).toEqual([]);
});

async function ask(listener: string): Promise<readonly Ended[]> {
  const client = new GrpcClient(sidecar.port(listener));
  const ended: Ended[] = [];
  for (const kind of KINDS) ended.push(await client.ask(kind, { id: `${listener}-${kind}` }));
  client.close();
  return ended;
}

it.each([
  ['aborted', status.ABORTED, 'x-remora-fault', 'abort'],
  ['written', status.DATA_LOSS, 'x-remora-fallback', 'static'],
  ['plain', status.UNAVAILABLE, 'x-remora-failure', 'no_endpoint'],
] as const)('%s: a call of any kind ends with its status, and says why', async (listener, code, field, word) => {
  for (const ended of await ask(listener)) {
    expect([ended.kind, ended.code, ended.trailers.get(field)]).toEqual([ended.kind, code, [word]]);
    expect(ended.details).not.toContain('A BODY');
  }
});

it('a call of any kind goes to the other upstream when the first has nobody, and says so', async () => {
  for (const ended of await ask('moved')) {
    expect([ended.kind, ended.code, ended.head!.get('x-remora-fallback')]).toEqual([
      ended.kind,
      status.OK,
      ['cluster'],
    ]);
    expect(ended.replies.length).toBeGreaterThan(0);
  }
  expect(await sidecar.metric('remora_fallbacks_total', { upstream: 'moved', kind: 'cluster' })).toBe(KINDS.length);
  expect(await sidecar.metric('remora_requests_active')).toBe(0);
});

it('a call waits for its delay, and a reset is one of its stream', async () => {
  for (const { kind, code, tookMs } of await ask('delayed')) {
    expect([kind, code]).toEqual([kind, status.OK]);
    expect(tookMs).toBeGreaterThan(95);
  }
  for (const { kind, code } of await ask('reset')) expect([kind, code]).toEqual([kind, status.INTERNAL]);
});
