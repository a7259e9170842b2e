import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { GrpcClient } from './grpc-client.ts';
import { GrpcMesh } from './grpc-mesh.ts';

let mesh: GrpcMesh;
let client: GrpcClient;

beforeAll(async () => {
  const quick = { interval: '100ms', unhealthyInterval: '100ms', noTrafficInterval: '100ms', initialJitter: 0 };
  const healthCheck = { grpcService: 'shop.Echo', unhealthyThreshold: 2, timeout: '1s', ...quick };
  mesh = await GrpcMesh.start(['a', 'b'], { echo: { healthCheck, retry: { maxAttempts: 1 } } });
  client = new GrpcClient(mesh.port);
});

afterAll(async () => {
  client.client.close();
  await mesh.close();
});

/** What checks say of the n-th server: `down: says NOT_SERVING`. */
async function checkOf(n: number): Promise<string> {
  const { endpoints } = await mesh.web.cluster('echo');
  const { check } = endpoints.find(({ port }) => port === mesh.sites[n]!.port)!;
  return check!.state === 'down' ? `down: ${check!.last}` : check!.state;
}

async function settles(n: number, words: string): Promise<void> {
  await eventually(async () => expect(await checkOf(n)).toBe(words));
}

async function calls(count: number, name: string): Promise<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const { code, replies } = await client.ask('Unary', { id: `${name}${i}` });
    const who = code === 0 ? replies[0]!.server : `code ${code}`;
    shares[who] = (shares[who] ?? 0) + 1;
  }
  return shares;
}

it('calls go where servers say that they serve', async () => {
  const [a] = mesh.apps;
  await settles(0, 'up');
  await settles(1, 'up');
  expect(a!.checked[0]).toBe('shop.Echo');
  expect(await calls(20, 'first')).toEqual({ a: 10, b: 10 });
  await a!.serving('NOT_SERVING');
  await settles(0, 'down: says NOT_SERVING');
  expect(await calls(20, 'second')).toEqual({ b: 20 });
  await a!.serving('SERVING');
  await settles(0, 'up');
  expect(await calls(20, 'third')).toEqual({ a: 10, b: 10 });
  expect(await mesh.web.metric('remora_grpc_calls_total', { direction: 'outbound' })).toBe(60);
});

it('a server that is frozen is found without a call', async () => {
  const [a] = mesh.apps;
  a!.freeze();
  await settles(0, 'down: no answer in time');
  expect(await calls(20, 'fourth')).toEqual({ b: 20 });
  a!.thaw();
  await settles(0, 'up');
});
