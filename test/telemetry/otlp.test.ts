import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { type LogFields, NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { openExporter, spanOrigin, tracesUrl } from '../../src/telemetry/otlp.ts';
import { DEFAULT_SPAN_QUEUE, SpanExport } from '../../src/telemetry/span-export.ts';
import { Spans } from '../../src/telemetry/spans.ts';
import { type Collector, deadCollector, grpcCollector, httpCollector, rawCollector } from './collector.ts';
import { exchangeRecord } from './records.ts';

const ORIGIN = spanOrigin({ serviceName: 'web', instanceId: 'web-1', version: '0.1.0' });
const clock = new SystemClock();
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp(collector: Collector, protocol: 'grpc' | 'http/protobuf', timeoutMs = 10_000) {
  const warnings: LogFields[] = [];
  const log = { ...NO_LOG, warn: (_event: string, fields?: LogFields) => void warnings.push(fields ?? {}) };
  const otlp = { endpoint: collector.endpoint, protocol, headers: { 'x-tenant': 'fish' } };
  const queue = new SpanExport(await openExporter(otlp, timeoutMs), clock, log, DEFAULT_SPAN_QUEUE);
  // The collector first: what hangs in it fails then, and the queue is empty at once.
  closing.push(async () => {
    await collector.close();
    await queue.close();
  });
  return { queue, warnings, spans: new Spans(queue, ORIGIN, 0, clock, new SeededRandom(1)) };
}

/** Instants near now, since the collector is shown wall time. */
function exchangeNow(over: Parameters<typeof exchangeRecord>[0] = {}) {
  const endedAt = clock.now();
  return exchangeRecord({ startedAt: endedAt - 20, endedAt, ...over });
}

describe.each(['grpc', 'http/protobuf'] as const)('over %s', (protocol) => {
  const open = (): Promise<Collector> => (protocol === 'grpc' ? grpcCollector() : httpCollector());

  it('a collector gets the spans of an exchange as they are', async () => {
    const collector = await open();
    const { queue, spans } = await setUp(collector, protocol);
    const before = BigInt(clock.wallMs()) * 1_000_000n;
    spans.onExchangeClose(exchangeNow());
    expect(queue.queued).toBe(2);
    await queue.flush(10_000);
    expect([queue.queued, queue.exported.value, queue.failed.value, queue.dropped.value]).toEqual([0, 2, 0, 0]);

    const [server, client] = collector.spans;
    expect(server).toMatchObject({
      scope: { name: 'remora', version: '0.1.0' },
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      parentSpanId: 'bbbbbbbbbbbbbbb1',
      name: 'GET',
      kind: 2,
      status: { code: 0 },
      // Sampled; has a remote parent, and says that it knows.
      flags: 0x301,
    });
    expect(server!.resource).toMatchObject({
      'service.name': 'web',
      'service.instance.id': 'web-1',
      'service.version': '0.1.0',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': 'nodejs',
    });
    expect(server!.resource).toHaveProperty('telemetry.sdk.version');
    expect(server!.attributes).toMatchObject({ 'http.response.status_code': 200, 'url.path': '/items' });
    expect(server!.endNs - server!.startNs).toBe(20_000_000n);
    expect(Math.abs(Number(server!.endNs - before)) / 1e6).toBeLessThan(1_000);
    expect(client).toMatchObject({ parentSpanId: server!.spanId, kind: 3, flags: 0x101 });
    expect(collector.headers).toMatchObject({ 'x-tenant': 'fish' });
    if (protocol === 'http/protobuf') expect(collector.headers).toMatchObject({ url: '/v1/traces' });
  });

  it('a failed exchange of an unsampled trace arrives with flags that say so', async () => {
    const collector = await open();
    const { queue, spans } = await setUp(collector, protocol);
    spans.onExchangeClose(exchangeNow({ isSampled: false, status: 502, code: 'bad_response' }));
    await queue.flush(10_000);
    expect(collector.spans.map(({ flags }) => flags & 1)).toEqual([0, 0]);
    expect(collector.spans[0]!.attributes).toMatchObject({ 'remora.unsampled': true, 'error.type': 'bad_response' });
    expect(collector.spans[0]!.status).toMatchObject({ code: 2 });
  });

  it('several batches leave in one flush', async () => {
    const collector = await open();
    const { queue, spans } = await setUp(collector, protocol);
    for (let i = 0; i < 700; i++) spans.onExchangeClose(exchangeNow());
    await queue.flush(10_000);
    expect(collector.spans).toHaveLength(1400);
    expect(queue.exported.value).toBe(1400);
  });

  it('a flush waits for the batch that is already on its way', async () => {
    const { queue, spans } = await setUp(await open(), protocol);
    for (let i = 0; i < DEFAULT_SPAN_QUEUE.maxBatch / 2; i++) spans.onExchangeClose(exchangeNow());
    expect(queue.queued).toBe(0);
    await queue.flush(10_000);
    expect(queue.exported.value).toBe(DEFAULT_SPAN_QUEUE.maxBatch);
  });

  it('a collector that is not there costs spans, which are counted and complained about', async () => {
    const { queue, spans, warnings } = await setUp(await deadCollector(), protocol, 300);
    spans.onExchangeClose(exchangeNow());
    await queue.flush(10_000);
    expect([queue.exported.value, queue.failed.value, queue.queued]).toEqual([0, 2, 0]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ spans: 2 });
  });

  it('a collector that hangs fills the queue and no more, and a flush ends in its time', async () => {
    const { queue, spans } = await setUp(await rawCollector(null), protocol, 1_000);
    const startedAt = clock.now();
    for (let i = 0; i < 10_000; i++) spans.onExchangeClose(exchangeNow());
    const tookMs = clock.now() - startedAt;
    expect(queue.queued).toBe(DEFAULT_SPAN_QUEUE.maxQueued);
    // One batch is on its way, the queue is full, and the rest is gone.
    expect(queue.dropped.value).toBe(20_000 - DEFAULT_SPAN_QUEUE.maxQueued - DEFAULT_SPAN_QUEUE.maxBatch);
    expect(tookMs / 10_000).toBeLessThan(1);

    const flushedAt = clock.now();
    await queue.flush(100);
    expect(clock.now() - flushedAt).toBeLessThan(900);
    expect(queue.exported.value).toBe(0);
  });

  it.each([
    'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\ngarbage',
    'HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n',
    'PRI * HTTP/2.0\r\n\r\n\u0000\u0000\u0000',
    '\u0000\u0001\u0002',
  ])('a collector that answers %j is survived', async (answer) => {
    const { queue, spans } = await setUp(await rawCollector(answer), protocol, 300);
    spans.onExchangeClose(exchangeNow());
    await queue.flush(10_000);
    expect(queue.exported.value + queue.failed.value).toBe(2);
    expect(queue.queued).toBe(0);
  });
});

it('goes on with a collector that refused and then takes spans', async () => {
  const collector = await httpCollector();
  const { queue, spans } = await setUp(collector, 'http/protobuf');
  collector.status = 400;
  spans.onExchangeClose(exchangeNow());
  await queue.flush(10_000);
  collector.status = 200;
  spans.onExchangeClose(exchangeNow());
  await queue.flush(10_000);
  expect([queue.failed.value, queue.exported.value]).toEqual([2, 2]);
});

it.each([
  ['http://c:4318', 'http://c:4318/v1/traces'],
  ['http://c:4318/', 'http://c:4318/v1/traces'],
  ['https://c/otlp/', 'https://c/otlp/v1/traces'],
  ['http://c:4318/v1/traces', 'http://c:4318/v1/traces'],
])('makes of endpoint %s the address %s', (endpoint, url) => {
  expect(tracesUrl(endpoint)).toBe(url);
});
