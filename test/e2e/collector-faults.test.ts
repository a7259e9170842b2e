import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { Sidecar } from '../support/sidecar.ts';
import { Load } from './load.ts';
import { OriginApp } from './origin-app.ts';
import { RawClient } from './raw-client.ts';

let origins: OriginApp[];

beforeAll(async () => {
  origins = await OriginApp.many('a', 'b');
});

afterAll(() => Promise.all(origins.map((origin) => origin.kill())));

function config(endpoint: string) {
  return {
    service: { name: 'web', port: 1 },
    upstreams: { orders: { port: 0, balance: 'round_robin' } },
    static: { orders: origins.map(({ address }) => address) },
    telemetry: { otlp: { endpoint, protocol: 'http/protobuf' }, sampleRatio: 1 },
    shutdown: { propagation: '0s' },
  };
}

/** Something at the collector's address that does this with a connection. */
async function impostor(onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const GARBAGE = Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * 7_919) % 256));

describe('a collector', () => {
  it.each([
    // Another address than the one that has the port: nobody answers there.
    ['that is down', 'dropped', '127.7.7.7', () => undefined],
    ['that accepts and never answers', 'dropped', '127.0.0.1', (socket: Socket) => socket.resume()],
    ['that answers garbage', 'failed', '127.0.0.1', (socket: Socket) => socket.on('data', () => socket.write(GARBAGE))],
    [
      'that answers 503 for ever',
      'failed',
      '127.0.0.1',
      (socket: Socket) =>
        socket.on('data', () => socket.write('HTTP/1.1 503 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n')),
    ],
  ])('%s costs spans (%s) and no request', async (_, fate, host, behave) => {
    const server = await impostor(behave);
    const sidecar = await Sidecar.start(config(`http://${host}:${(server.address() as AddressInfo).port}`));
    onTestFinished(async () => {
      await sidecar.kill();
      server.close();
    });
    const load = new Load(sidecar.port('orders'), { perSecond: 600 });
    await eventually(async () => (await sidecar.metric('remora_spans_total', { fate })) > 0);
    await load.stop();
    expect(load.failed).toEqual([]);
    expect(await sidecar.metric('remora_spans_total', { fate: 'exported' })).toBe(0);
    expect(await sidecar.metric('remora_spans_queued')).toBeLessThanOrEqual(2_048);
    expect(await sidecar.metric('remora_bugs_total')).toBe(0);
    expect(sidecar.stray).toBe('');
  });

  it('gets the spans of a request that was tried twice, through two sidecars, in one tree', async () => {
    const collector = await OtlpReceiver.start();
    const callees = await Promise.all(
      origins.map((origin) =>
        Sidecar.start({
          service: { name: `orders-${origin.name}`, port: origin.port },
          inbound: { port: 0 },
          telemetry: { otlp: { endpoint: collector.endpoint, protocol: 'http/protobuf' }, sampleRatio: 0 },
          shutdown: { propagation: '0s' },
        }),
      ),
    );
    const caller = await Sidecar.start({
      ...config(collector.endpoint),
      static: { orders: callees.map((callee) => `127.0.0.1:${callee.port('inbound')}`) },
    });
    const [ill, well] = origins as [OriginApp, OriginApp];
    await ill.mode('status=503');
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const parent = 'b7ad6b7169203331';
    // Round robin: of two, one goes to the ill one first, or both do.
    for (const _ of [1, 2]) {
      const text = `GET / HTTP/1.1\r\nHost: orders\r\nConnection: close\r\ntraceparent: 00-${traceId}-${parent}-01\r\n\r\n`;
      const { statuses } = await RawClient.ask(caller.port('orders'), text);
      expect(statuses).toEqual([200]);
    }
    await ill.mode('');
    await Promise.all([caller, ...callees].map((sidecar) => sidecar.stop()));
    await collector.close();

    const spans = collector.spans.filter((span) => span.traceId === traceId);
    const childrenOf = (id: string): ReceivedSpan[] => spans.filter(({ parentSpanId }) => parentSpanId === id);
    const roots = childrenOf(parent);
    expect(roots.map(({ service, kind }) => [service, kind])).toEqual([
      ['web', 'server'],
      ['web', 'server'],
    ]);
    let attempts = 0;
    for (const { spanId } of roots) {
      const tries = childrenOf(spanId);
      attempts += tries.length;
      expect(tries.every(({ service, kind }) => service === 'web' && kind === 'client')).toBe(true);
      const served = tries.flatMap((attempt) => childrenOf(attempt.spanId)).map(({ service }) => service);
      const both = [`orders-${ill.name}`, `orders-${well.name}`];
      expect(served).toEqual(tries.length === 1 ? both.slice(1) : both);
    }
    expect(attempts).toBeGreaterThan(roots.length);
    // Each inbound server span has the one attempt at the application below it, and there is nothing else.
    expect(spans.length).toBe(roots.length + 3 * attempts);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  });
});
