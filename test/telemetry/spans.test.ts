import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../../src/base/failure.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { ExchangeRecord } from '../../src/proxy/observer.ts';
import { type FinishedSpan, hrTime } from '../../src/telemetry/finished-span.ts';
import { spanOrigin } from '../../src/telemetry/otlp.ts';
import { Spans } from '../../src/telemetry/spans.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { attemptRecord, callRecord, exchangeRecord, requestHead, tunnelRecord } from './records.ts';

const ORIGIN = spanOrigin({ serviceName: 'web', instanceId: 'web-1', version: '0.1.0' });
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

function setUp(sampleRatio = 0) {
  const seen: FinishedSpan[] = [];
  const clock = new ManualClock();
  const sink = { offer: (span: FinishedSpan) => void seen.push(span) };
  return { seen, spans: new Spans(sink, ORIGIN, sampleRatio, clock, new SeededRandom(1)) };
}

function spansOf(over: Partial<ExchangeRecord>): FinishedSpan[] {
  const { seen, spans } = setUp();
  spans.onExchangeClose(exchangeRecord(over));
  return seen;
}

/** What leaves the process, without what is the same for all spans. */
function plain(span: FinishedSpan) {
  span.unmask();
  const { name, kind, parentSpanContext, startTime, endTime, duration, status, attributes } = span;
  return {
    name,
    kind,
    context: span.spanContext(),
    parent: parentSpanContext,
    startTime,
    endTime,
    duration,
    status,
    attributes,
  };
}

const UNSET = { code: SpanStatusCode.UNSET };
/** The manual clock's wall time at its instant 0. */
const EPOCH_SECONDS = 1_700_000_000;

const SERVER_ATTRIBUTES = {
  'http.request.method': 'GET',
  'url.scheme': 'http',
  'url.path': '/items',
  'url.query': 'id=7',
  'server.address': 'orders',
  'server.port': 9001,
  'client.address': '127.0.0.1',
  'network.peer.address': '127.0.0.1',
  'network.peer.port': 50_000,
  'network.protocol.version': '1.1',
  'http.response.status_code': 200,
  'remora.listener': 'orders',
  'remora.request_id': 'req-1',
  'remora.attempts': 1,
  'remora.direction': 'outbound',
  'remora.upstream': 'orders',
};

const CLIENT_ATTRIBUTES = {
  'http.request.method': 'GET',
  'url.full': 'http://orders:9001/items?id=7',
  'server.address': 'orders',
  'server.port': 9001,
  'network.peer.address': '10.0.0.1',
  'network.peer.port': 7001,
  'network.protocol.version': '1.1',
  'http.response.status_code': 200,
  'remora.endpoint': '10.0.0.1:7001/orders-1',
  'remora.attempt': 1,
  'remora.direction': 'outbound',
  'remora.upstream': 'orders',
};

describe('the spans of an exchange', () => {
  it('are a server span and a client span when it succeeded', () => {
    expect(spansOf({}).map(plain)).toEqual([
      {
        name: 'GET',
        kind: SpanKind.SERVER,
        context: { traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags: 1 },
        parent: { traceId: TRACE, spanId: 'bbbbbbbbbbbbbbb1', traceFlags: 1, isRemote: true },
        startTime: [EPOCH_SECONDS + 1, 0],
        endTime: [EPOCH_SECONDS + 1, 12_500_000],
        duration: [0, 12_500_000],
        status: UNSET,
        attributes: SERVER_ATTRIBUTES,
      },
      {
        name: 'GET',
        kind: SpanKind.CLIENT,
        context: { traceId: TRACE, spanId: 'aaaaaaaaaaaaaaa1', traceFlags: 1 },
        parent: { traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags: 1, isRemote: false },
        startTime: [EPOCH_SECONDS + 1, 1_000_000],
        endTime: [EPOCH_SECONDS + 1, 10_000_000],
        duration: [0, 9_000_000],
        status: UNSET,
        attributes: CLIENT_ATTRIBUTES,
      },
    ]);
  });

  it('say which version of HTTP each side was spoken to in', () => {
    const record = exchangeRecord({ attempts: [attemptRecord({ version: '2' })] });
    const [server, client] = spansOf(record).map(plain);
    expect(server!.attributes).toMatchObject({ 'network.protocol.version': '1.1' });
    expect(client!.attributes).toMatchObject({ 'network.protocol.version': '2' });
  });

  it('are named for the method of a gRPC call, and say how it ended', () => {
    const [server, client] = spansOf(callRecord('/shop.v1.Orders/Get', 5)).map(plain);
    expect(server).toMatchObject({ name: 'shop.v1.Orders/Get', status: UNSET });
    expect(server!.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'network.protocol.version': '2',
      'rpc.system': 'grpc',
      'rpc.service': 'shop.v1.Orders',
      'rpc.method': 'Get',
      'rpc.grpc.status_code': 5,
    });
    expect(server!.attributes).not.toHaveProperty('error.type');
    expect(client).toMatchObject({ name: 'shop.v1.Orders/Get', status: { code: SpanStatusCode.ERROR } });
    expect(client!.attributes).toMatchObject({
      'network.protocol.version': '2',
      'rpc.grpc.status_code': 5,
      'error.type': 'NOT_FOUND',
    });
  });

  it('are an error of the server when a gRPC call ends with one of its own', () => {
    const [server] = spansOf(callRecord('/shop.Orders/Get', 14)).map(plain);
    expect(server!.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(server!.attributes).toMatchObject({ 'error.type': 'UNAVAILABLE' });
  });

  it('say the failure of a gRPC call that remora answered itself', () => {
    const [server] = spansOf(callRecord('/shop.Orders/Get', 14, { code: 'circuit_open' })).map(plain);
    expect(server!.status).toMatchObject({ code: SpanStatusCode.ERROR });
    expect(server!.attributes).toMatchObject({
      'error.type': 'circuit_open',
      'remora.failure': 'circuit_open',
      'rpc.grpc.status_code': 14,
    });
  });

  it.each([
    ['/shop.Orders/Scan', 12],
    ['/not a method', 0],
  ])('do not take the name of %s with status %i', (path, status) => {
    const [server] = spansOf(callRecord(path, status)).map(plain);
    expect(server).toMatchObject({ name: 'grpc', attributes: { 'rpc.system': 'grpc' } });
  });

  it('have a client span for each attempt when it was retried', () => {
    const refused = attemptRecord({ outcome: 'failure', code: 'connect_refused', status: 0, host: '10.0.0.2' });
    const unavailable = attemptRecord({ outcome: 'failure', status: 503, ordinal: 2, spanId: 'aaaaaaaaaaaaaaa2' });
    const good = attemptRecord({ ordinal: 3, spanId: 'aaaaaaaaaaaaaaa3' });
    const [server, ...clients] = spansOf({ attempts: [refused, unavailable, good] }).map(plain);
    expect(server).toMatchObject({ status: UNSET, attributes: { ...SERVER_ATTRIBUTES, 'remora.attempts': 3 } });
    const { 'http.response.status_code': _, ...unanswered } = CLIENT_ATTRIBUTES;
    expect(clients.map(({ context, status, attributes }) => [context.spanId, status, attributes])).toEqual([
      [
        'aaaaaaaaaaaaaaa1',
        { code: SpanStatusCode.ERROR, message: FAILURES.connect_refused.meaning },
        {
          ...unanswered,
          'network.peer.address': '10.0.0.2',
          'remora.endpoint': '10.0.0.2:7001/orders-1',
          'error.type': 'connect_refused',
          'remora.failure': 'connect_refused',
        },
      ],
      [
        'aaaaaaaaaaaaaaa2',
        { code: SpanStatusCode.ERROR },
        {
          ...CLIENT_ATTRIBUTES,
          'http.response.status_code': 503,
          'http.request.resend_count': 1,
          'error.type': '503',
          'remora.attempt': 2,
        },
      ],
      ['aaaaaaaaaaaaaaa3', UNSET, { ...CLIENT_ATTRIBUTES, 'http.request.resend_count': 2, 'remora.attempt': 3 }],
    ]);
  });

  it('say what failed', () => {
    const [server, ...clients] = spansOf({ status: 503, code: 'circuit_open', attempts: [] }).map(plain);
    expect(clients).toEqual([]);
    expect(server).toMatchObject({ status: { code: SpanStatusCode.ERROR, message: FAILURES.circuit_open.meaning } });
    expect(server!.attributes).toEqual({
      ...SERVER_ATTRIBUTES,
      'http.response.status_code': 503,
      'error.type': 'circuit_open',
      'remora.failure': 'circuit_open',
      'remora.attempts': 0,
    });
  });

  it('are made of an unsampled exchange that failed, marked, and not claimed as sampled', () => {
    const [server, client] = spansOf({ isSampled: false, status: 502, code: 'upstream_reset' });
    // The SDK's processor takes only what seems to be sampled; the exporter gets the truth.
    expect(server!.spanContext().traceFlags).toBe(1);
    expect(plain(server!).context.traceFlags).toBe(0);
    expect(server!.parentSpanContext).toMatchObject({ traceFlags: 0 });
    expect(server!.attributes['remora.unsampled']).toBe(true);
    expect(client!.attributes['remora.unsampled']).toBe(true);
    expect(plain(client!).context.traceFlags).toBe(0);
  });

  it('are made of an unsampled exchange that an endpoint answered with 500', () => {
    expect(spansOf({ isSampled: false, status: 500 })).toHaveLength(2);
  });

  it.each([200, 302, 404, 499])('are not made of an unsampled exchange that ended with %i', (status) => {
    expect(spansOf({ isSampled: false, status })).toEqual([]);
  });

  it('begin a trace without a parent', () => {
    expect(spansOf({ parentSpanId: '' })[0]!.parentSpanContext).toBeUndefined();
  });

  it.each([
    [399, null, SpanStatusCode.UNSET, undefined],
    [404, null, SpanStatusCode.UNSET, undefined],
    [500, null, SpanStatusCode.ERROR, '500'],
    [200, 'response_truncated', SpanStatusCode.ERROR, 'response_truncated'],
    [0, 'client_gone', SpanStatusCode.UNSET, 'client_gone'],
    [503, 'overloaded', SpanStatusCode.ERROR, 'overloaded'],
  ] as const)('give a server status %i with failure %s the code %i and error %s', (status, code, expected, error) => {
    const [server] = spansOf({ status, code });
    expect(server!.status.code).toBe(expected);
    expect(server!.attributes['error.type']).toBe(error);
  });

  it.each([
    [399, null, SpanStatusCode.UNSET, undefined],
    [404, null, SpanStatusCode.ERROR, '404'],
    [0, 'attempt_timeout', SpanStatusCode.ERROR, 'attempt_timeout'],
    [0, 'client_gone', SpanStatusCode.UNSET, 'client_gone'],
  ] as const)(
    'give an attempt with status %i and failure %s the code %i and error %s',
    (status, code, expected, error) => {
      const [, client] = spansOf({ attempts: [attemptRecord({ status, code })] });
      expect(client!.status.code).toBe(expected);
      expect(client!.attributes['error.type']).toBe(error);
    },
  );

  it.each([
    ['orders', 'http', 'orders', 80],
    ['orders', 'https', 'orders', 443],
    ['10.1.2.3:81', 'http', '10.1.2.3', 81],
    ['[::1]:81', 'http', '::1', 81],
    ['[fe80::1]', 'http', 'fe80::1', 80],
    ['', 'http', 'orders', 80],
  ])('read authority "%s" of %s as %s and %i', (authority, scheme, address, port) => {
    for (const span of spansOf({ head: requestHead({ authority, scheme }) })) {
      expect(span.attributes['server.address']).toBe(address);
      expect(span.attributes['server.port']).toBe(port);
    }
  });

  it('have no query when there is none, and a path also for *', () => {
    const [server, client] = spansOf({ head: requestHead({ method: 'OPTIONS', path: '*' }) });
    expect(server!.attributes).toMatchObject({ 'url.path': '*' });
    expect(server!.attributes).not.toHaveProperty('url.query');
    expect(client!.attributes['url.full']).toBe('http://orders:9001');
  });

  it('name a method they do not know _OTHER', () => {
    const [server, client] = spansOf({ head: requestHead({ method: 'get' }) });
    for (const span of [server!, client!]) {
      expect(span.name).toBe('HTTP');
      expect(span.attributes).toMatchObject({ 'http.request.method': '_OTHER', 'http.request.method_original': 'get' });
    }
  });

  it('hide the secrets of signed URLs', () => {
    const path = '/f?a=1&Signature=xyz&X-Amz-Credential=AKIA%2F1&sig=s&signal=stays';
    const hidden = 'a=1&Signature=REDACTED&X-Amz-Credential=REDACTED&sig=REDACTED&signal=stays';
    const [server, client] = spansOf({ head: requestHead({ path }) });
    expect(server!.attributes['url.query']).toBe(hidden);
    expect(client!.attributes['url.full']).toBe(`http://orders:9001/f?${hidden}`);
  });

  it('bound and clean what a client says', () => {
    const nasty = 'x\r\ny\u001b[31m\u0085';
    const [server, client] = spansOf({
      requestId: nasty + 'r'.repeat(5_000),
      head: requestHead(
        { method: 'M'.repeat(5_000), path: `/${'p'.repeat(70_000)}`, authority: 'h'.repeat(5_000) },
        { 'user-agent': nasty + 'u'.repeat(5_000) },
      ),
      attempts: Array.from({ length: 200 }, () => attemptRecord()),
    });
    expect(server!.attributes['user_agent.original']).toMatch(/^x\?\?y\?\[31m\?u{246}$/);
    expect(server!.attributes['remora.request_id']).toHaveLength(128);
    expect(server!.attributes['url.path']).toHaveLength(1024);
    expect(server!.attributes['server.address']).toHaveLength(256);
    expect(server!.attributes['http.request.method_original']).toHaveLength(32);
    expect(client!.attributes['url.full']).toHaveLength('http://'.length + 256 + 1024);
    expect(spansOf({ attempts: Array.from({ length: 200 }, () => attemptRecord()) })).toHaveLength(17);
  });
});

describe('the spans of a tunnel', () => {
  it('are one for its life and one for each connect', () => {
    const { seen, spans } = setUp(1);
    const refused = attemptRecord({
      code: 'connect_refused',
      outcome: 'failure',
      host: '10.0.0.2',
      connectedAt: 0,
      spanId: '',
    });
    spans.onTunnelClose(
      tunnelRecord({ attempts: [refused, attemptRecord({ ordinal: 2, endedAt: 3000, spanId: '' })] }),
    );
    const [whole, ...connects] = seen.map(plain);
    const { traceId, spanId } = whole!.context;
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(whole).toMatchObject({
      name: 'tcp',
      kind: SpanKind.SERVER,
      parent: undefined,
      status: UNSET,
      duration: [2, 0],
    });
    expect(whole!.attributes).toEqual({
      'network.transport': 'tcp',
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'network.peer.port': 50_001,
      'remora.listener': 'cache',
      'remora.attempts': 2,
      'remora.bytes_up': 100,
      'remora.bytes_down': 2000,
      'remora.direction': 'outbound',
      'remora.upstream': 'cache',
    });
    expect(connects.map(({ kind, parent, duration }) => ({ kind, parent, duration }))).toEqual([
      { kind: SpanKind.CLIENT, parent: { traceId, spanId, traceFlags: 1, isRemote: false }, duration: [0, 9_000_000] },
      { kind: SpanKind.CLIENT, parent: { traceId, spanId, traceFlags: 1, isRemote: false }, duration: [0, 2_000_000] },
    ]);
    expect(connects[0]!.attributes).toEqual({
      'network.transport': 'tcp',
      'network.peer.address': '10.0.0.2',
      'network.peer.port': 7001,
      'remora.endpoint': '10.0.0.2:7001/orders-1',
      'remora.attempt': 1,
      'remora.direction': 'outbound',
      'remora.upstream': 'cache',
      'error.type': 'connect_refused',
      'remora.failure': 'connect_refused',
    });
    expect(connects.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
  });

  it('are made of a failed tunnel that is not sampled, and of no other', () => {
    const { seen, spans } = setUp(0);
    spans.onTunnelClose(tunnelRecord());
    expect(seen).toEqual([]);
    spans.onTunnelClose(tunnelRecord({ code: 'tunnel_idle' }));
    expect(seen.map((span) => span.attributes['remora.unsampled'])).toEqual([true, true]);
    expect(seen[0]!.attributes['error.type']).toBe('tunnel_idle');
  });
});

it('turns milliseconds into seconds and nanoseconds without ever filling a second', () => {
  expect(hrTime(0)).toEqual([0, 0]);
  expect(hrTime(1999.9999)).toEqual([2, 0]);
  expect(hrTime(1_700_000_000_123.456)).toEqual([1_700_000_000, 123_456_000]);
});
