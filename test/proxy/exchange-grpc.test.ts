import { describe, expect, it } from 'vitest';
import { FAILURES } from '../../src/base/failure.ts';
import { FieldList } from '../../src/http/fields.ts';
import {
  ExchangeScript,
  type FakeClient,
  type FakeUpstream,
  type RequestText,
  requestHead,
  responseHead,
  type ScriptOptions,
} from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const CALL = { method: 'POST', path: '/shop.Orders/Get', body: 'chunked', version: '2' } as const;
const SAFE = { retry: { grpcIdempotent: true } } as const;

type FieldTexts = Readonly<Record<string, string>>;

function callHead(fields: FieldTexts = {}, more: RequestText = {}) {
  return requestHead({ ...CALL, ...more, fields: { 'content-type': 'application/grpc', ...fields } });
}

/** A whole unary call. */
function call(client: FakeClient, fields: FieldTexts = {}): void {
  client.handler.onRequest(callHead(fields));
  client.handler.onRequestBody(Buffer.from('ask'));
  client.handler.onRequestEnd(null);
}

function trailersOnly(upstream: FakeUpstream, status: number, fields: FieldTexts = {}): void {
  upstream.answer(200, '', { 'content-type': 'application/grpc', 'grpc-status': String(status), ...fields });
}

function head(upstream: FakeUpstream): void {
  upstream.handler.onHead(responseHead(200, 'chunked', -1, { 'content-type': 'application/grpc' }));
}

function trailers(upstream: FakeUpstream, status: number): void {
  upstream.handler.onEnd(new FieldList().add('grpc-status', String(status)));
}

function unary(upstream: FakeUpstream, status: number): void {
  head(upstream);
  upstream.handler.onBody(Buffer.from('answer'));
  trailers(upstream, status);
}

function lone(options: ScriptOptions = {}) {
  const script = new ExchangeScript({ endpoints: ['a'], ...options });
  const client = script.open();
  return { script, client, a: () => script.endpoint('a').last };
}

describe('the status of a gRPC call', () => {
  it('is read from the trailers, and speaks for or against the endpoint', () => {
    const { script, client, a } = lone();
    for (const status of [0, 14, 5]) {
      call(client);
      unary(a(), status);
    }
    expect(script.records).toEqual(
      [
        [0, 'a 200 success'],
        [14, 'a 200 failure'],
        [5, 'a 200 success'],
      ].map(([grpcStatus, attempt]) => ({
        status: 200,
        code: null,
        grpcStatus,
        attempts: [attempt],
        requestBytes: 3,
        responseBytes: 6,
      })),
    );
    expect(script.books()).toEqual(CLOSED);
  });

  it('is read from the head of an answer that is nothing else', () => {
    const { script, client, a } = lone();
    call(client);
    trailersOnly(a(), 13);
    expect(script.records[0]).toMatchObject({ status: 200, code: null, grpcStatus: 13, attempts: ['a 200 failure'] });
  });

  it('is none where there is none, and the HTTP status speaks', () => {
    const { script, client, a } = lone();
    call(client);
    a().answer(502);
    expect(script.records[0]).toMatchObject({ status: 502, grpcStatus: -1, attempts: ['a 502 failure'] });
  });

  it('is not looked for in answers to other requests', () => {
    const { script, client, a } = lone();
    client.request({ version: '2' });
    trailersOnly(a(), 14);
    expect(script.records[0]!.attempts).toEqual(['a 200 success']);
    expect(script.records[0]!.grpcStatus).toBeUndefined();
  });

  it('is not left over from an earlier call of the same client', () => {
    const { script, client, a } = lone();
    call(client);
    trailersOnly(a(), 14);
    call(client);
    a().answer(200);
    expect(script.records[1]).toMatchObject({ grpcStatus: -1, attempts: ['a 200 success'] });
  });

  it.each([
    [13, 'trailers'],
    [14, 'head'],
  ])('opens the circuit when it is %i often enough, in the %s', (status, where) => {
    const { script, client, a } = lone({ breaker: { consecutiveFailures: 3 } });
    for (let i = 0; i < 3; i++) {
      call(client);
      if (where === 'head') trailersOnly(a(), status);
      else unary(a(), status);
    }
    expect(script.take()).toContain('0 a breaker open');
    call(client);
    expect(script.records.at(-1)).toMatchObject({ status: 200, code: 'circuit_open', grpcStatus: 14 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('is waited for also where attempts have no limit of time', () => {
    const { script, client, a } = lone({ timeouts: { attemptMs: 0 } });
    call(client);
    unary(a(), 14);
    expect(script.records[0]!.attempts).toEqual(['a 200 failure']);
  });

  it('is not waited for longer than an attempt may take: a stream does not keep a probe', () => {
    const { script, client, a } = lone({ breaker: { consecutiveFailures: 1, coolDownMs: 1000 } });
    call(client);
    trailersOnly(a(), 14);
    script.clock.advance(1000);
    call(client);
    head(a());
    a().handler.onBody(Buffer.from('first'));
    expect(script.take().at(-1)).toBe('1000 client body first');
    script.clock.advance(10_000);
    expect(script.take()).toEqual(['11000 a breaker closed']);
    trailers(a(), 14);
    expect(script.take()).toEqual(['11000 client end with trailers', '11000 client finish true']);
    expect(script.records.at(-1)).toMatchObject({ grpcStatus: 14, attempts: ['a 200 success'] });
    expect(script.books()).toEqual(CLOSED);
  });

  it('is the one of the failure when the answer is our own, whose HTTP status is 200', () => {
    const { script, client } = lone({ endpoints: [] });
    call(client);
    expect(script.records[0]).toMatchObject({ status: 200, code: 'no_endpoint', grpcStatus: 14, attempts: [] });
  });

  it('is the one of the failure when an answer breaks off', () => {
    const { script, client, a } = lone();
    call(client);
    head(a());
    a().handler.onFailure('response_truncated');
    client.handler.onRequest(callHead());
    client.handler.onClientGone('client_gone');
    expect(script.records).toMatchObject([
      { status: 200, code: 'response_truncated', grpcStatus: 13 },
      { status: 0, code: 'client_gone', grpcStatus: 1 },
    ]);
  });
});

describe('another attempt of a gRPC call', () => {
  it('follows UNAVAILABLE when calls may be made twice, and hides it', () => {
    const script = new ExchangeScript(SAFE);
    call(script.open());
    trailersOnly(script.endpoint('a').last, 14);
    script.clock.advance(100);
    unary(script.endpoint('b').last, 0);
    expect(script.take()).toEqual([
      '0 a send POST /shop.Orders/Get',
      '0 a body ask',
      '0 a end',
      '0 retry after a 200',
      '30 b send POST /shop.Orders/Get',
      '30 b body ask',
      '30 b end',
      '100 client head 200',
      '100 client body answer',
      '100 client end with trailers',
      '100 client finish true',
    ]);
    expect(script.records[0]).toMatchObject({ grpcStatus: 0, attempts: ['a 200 failure', 'b 200 success'] });
    expect(script.books()).toEqual(CLOSED);
  });

  it('does not follow unless somebody says that calls may be made twice', () => {
    const script = new ExchangeScript();
    call(script.open());
    trailersOnly(script.endpoint('a').last, 14);
    expect(script.records[0]).toMatchObject({ grpcStatus: 14, attempts: ['a 200 failure'] });
    call(script.open());
    script.endpoint('b').last.handler.onFailure('upstream_reset');
    expect(script.records[1]).toMatchObject({ code: 'upstream_reset', grpcStatus: 14 });
  });

  it('makes other POSTs no more repeatable than they are', () => {
    const script = new ExchangeScript(SAFE);
    script.open().request({ method: 'POST', version: '2' });
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    expect(script.records[0]!.attempts).toHaveLength(1);
  });

  it.each([13, 4, 2, 8])('does not follow status %i, which is not listed', (status) => {
    const { script, client, a } = lone(SAFE);
    call(client);
    trailersOnly(a(), status);
    expect(script.records[0]).toMatchObject({ grpcStatus: status, attempts: [expect.any(String)] });
  });

  it('follows the statuses that are listed, and no others', () => {
    const { script, client, a } = lone({ retry: { grpcIdempotent: true, grpcStatuses: [8] } });
    call(client);
    trailersOnly(a(), 8);
    script.clock.advance(100);
    trailersOnly(a(), 14);
    expect(script.records[0]!.attempts).toEqual(['a 200 success', 'a 200 failure']);
  });

  it('does not follow UNAVAILABLE in trailers, when the client has the head', () => {
    const script = new ExchangeScript(SAFE);
    call(script.open());
    unary(script.endpoint('a').last, 14);
    expect(script.records[0]!.attempts).toEqual(['a 200 failure']);
  });

  it('keeps to the budget', () => {
    const budget = { ratio: 0, minPerSecond: 0, windowMs: 10_000 };
    const { script, client, a } = lone({ retry: { grpcIdempotent: true, budget } });
    call(client);
    trailersOnly(a(), 14);
    expect(script.take()).toContain('0 no retry: budget');
  });

  it('waits as long as the endpoint says', () => {
    const { script, client, a } = lone(SAFE);
    call(client);
    trailersOnly(a(), 14, { 'grpc-retry-pushback-ms': '700' });
    script.clock.advance(690);
    script.take();
    script.clock.advance(20);
    expect(script.take()[0]).toBe('700 a send POST /shop.Orders/Get');
  });

  it.each(['-1', '', 'soon', '1.5'])('does not follow when the endpoint says %j', (pushback) => {
    const { script, client, a } = lone(SAFE);
    call(client);
    trailersOnly(a(), 14, { 'grpc-retry-pushback-ms': pushback });
    expect(script.records[0]).toMatchObject({ grpcStatus: 14, attempts: ['a 200 failure'] });
  });

  it('is not kept back by what an endpoint said of an earlier call', () => {
    const { script, client, a } = lone(SAFE);
    call(client);
    trailersOnly(a(), 14, { 'grpc-retry-pushback-ms': '-1' });
    call(client);
    trailersOnly(a(), 14);
    script.clock.advance(100);
    unary(a(), 0);
    expect(script.records[1]!.attempts).toEqual(['a 200 failure', 'a 200 success']);
  });

  it('does not follow when the call would be over by then', () => {
    const { script, client, a } = lone(SAFE);
    call(client, { 'grpc-timeout': '500m' });
    trailersOnly(a(), 14, { 'grpc-retry-pushback-ms': '500' });
    expect(script.records[0]).toMatchObject({ code: null, grpcStatus: 14, attempts: ['a 200 failure'] });
  });

  it('leaves an endpoint alone for as long as it asks', () => {
    const { script, client, a } = lone({ breaker: { consecutiveFailures: 1, coolDownMs: 100 } });
    call(client);
    trailersOnly(a(), 14, { 'grpc-retry-pushback-ms': '5000' });
    script.clock.advance(4900);
    call(client);
    expect(script.records[1]!.code).toBe('circuit_open');
    script.clock.advance(200);
    call(client);
    expect(script.take().at(-1)).toBe('5100 a end');
  });

  it('tells the endpoint of those before', () => {
    const { script, client, a } = lone(SAFE);
    call(client);
    expect(a().sentFields['grpc-previous-rpc-attempts']).toBeUndefined();
    trailersOnly(a(), 14);
    script.clock.advance(100);
    expect(a().sentFields['grpc-previous-rpc-attempts']).toBe('1');
  });

  it('does not follow when the call is a retry of its caller’s, which the endpoint is told as it is', () => {
    const { script, client, a } = lone(SAFE);
    call(client, { 'grpc-previous-rpc-attempts': '2' });
    expect(a().sentFields['grpc-previous-rpc-attempts']).toBeUndefined();
    trailersOnly(a(), 14);
    expect(script.take()).toContain('0 no retry: marked');
    expect(script.records[0]).toMatchObject({ grpcStatus: 14, attempts: ['a 200 failure'] });
  });

  it('does not tell of those that no server can have seen', () => {
    const script = new ExchangeScript({ warm: false });
    call(script.open());
    script.endpoint('a').last.handler.onFailure('connect_refused');
    script.endpoint('b').last.handler.onConnected();
    expect(script.endpoint('b').last.sentFields).toMatchObject({ 'x-remora-attempt': '1' });
    expect(script.endpoint('b').last.sentFields['grpc-previous-rpc-attempts']).toBeUndefined();
  });
});

describe('a gRPC call that nobody has looked at', () => {
  it('is sent elsewhere when the sidecar before the server proves it, though calls may not be made twice', () => {
    const script = new ExchangeScript();
    call(script.open());
    const a = script.endpoint('a').last;
    const span = a.sentFields['traceparent']!.slice(36, 52);
    trailersOnly(a, 8, { 'x-remora-failure': 'overloaded', 'x-remora-refused': span });
    unary(script.endpoint('b').last, 0);
    expect(script.endpoint('b').last.sentFields['grpc-previous-rpc-attempts']).toBeUndefined();
    expect(script.records[0]!.attempts).toEqual(['a refused_unseen ignored', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  const BESIDE = { returnsUnseen: true, warm: true, retry: { maxAttempts: 1, replayBytes: 0 } } as const;
  const end = (script: ExchangeScript) => script.log.slice(-2).map((line) => line.replace(/^\d+ /, ''));

  it('is given back to a caller that knows other endpoints', () => {
    const { script, client, a } = lone({ ...BESIDE, warm: false });
    call(client);
    a().handler.onFailure('connect_refused');
    expect(end(script)).toEqual(['client refusal', 'client finish true']);
    expect(script.records[0]).toMatchObject({ code: 'connect_refused', grpcStatus: 14 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('is so when it was written and its endpoint says that it will not look', () => {
    const { script, client, a } = lone(BESIDE);
    call(client);
    a().bytesWritten = 0;
    a().handler.onFailure('connection_stale');
    expect(end(script)).toEqual(['client refusal', 'client finish true']);
  });

  it('is so when there is no endpoint', () => {
    const { script, client } = lone({ ...BESIDE, endpoints: [] });
    call(client);
    expect(end(script)).toEqual(['client refusal', 'client finish true']);
  });

  it.each(['connection_stale', 'upstream_reset'] as const)('is another than one that ends by %s', (code) => {
    const { script, client, a } = lone(BESIDE);
    call(client);
    a().handler.onFailure(code);
    expect(end(script)).toEqual([`client local ${FAILURES[code].status} ${code}`, 'client finish true']);
  });

  it('is another than one that was tried before', () => {
    const { script, client, a } = lone({ ...BESIDE, retry: { maxAttempts: 2, grpcIdempotent: true } });
    call(client);
    a().handler.onFailure('upstream_reset');
    script.clock.advance(10_000);
    a().handler.onFailure('connect_refused');
    expect(end(script)).toEqual(['client local 503 connect_refused', 'client finish true']);
  });

  it('is answered where there is no other place for it', () => {
    const { script, client, a } = lone({ warm: false, retry: { maxAttempts: 1 } });
    call(client);
    a().handler.onFailure('connect_refused');
    expect(end(script)).toEqual(['client local 503 connect_refused', 'client finish true']);
  });

  it('is answered when it was turned away for being one too many: the next endpoint has as many', () => {
    const { script, client } = lone({ ...BESIDE, limits: { maxRequests: 1 } });
    call(client);
    script.open().handler.onRequest(callHead());
    expect(end(script)).toEqual(['client local 503 overloaded', 'client finish true']);
  });
});

describe('the deadline of a gRPC call', () => {
  it('is what its caller says, from the beginning', () => {
    const { script, client, a } = lone();
    client.handler.onRequest(callHead({ 'grpc-timeout': '2S' }));
    script.clock.advance(1500);
    client.handler.onRequestEnd(null);
    head(a());
    script.take();
    script.clock.advance(600);
    expect(script.take()).toEqual(['2000 a abort', '2000 client finish false']);
    expect(script.records[0]).toMatchObject({ code: 'deadline_exceeded', grpcStatus: 4 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('may be later than what the plan gives to a head, and then bounds the rest alone', () => {
    const { script, client, a } = lone();
    call(client, { 'grpc-timeout': '1M' });
    script.clock.advance(14_900);
    head(a());
    script.clock.advance(45_000);
    trailers(a(), 0);
    expect(script.records[0]).toMatchObject({ code: null, grpcStatus: 0 });
  });

  it('never gives a head more than the plan does', () => {
    const { script, client } = lone();
    call(client, { 'grpc-timeout': '1M' });
    script.clock.advance(15_100);
    expect(script.records[0]).toMatchObject({ code: 'deadline_exceeded', grpcStatus: 4 });
  });

  it('is told to the endpoint as what is left, anew for each attempt', () => {
    const script = new ExchangeScript({ ...SAFE, warm: false });
    call(script.open(), { 'grpc-timeout': '1S' });
    script.clock.advance(250);
    script.endpoint('a').last.handler.onConnected();
    expect(script.endpoint('a').last.sentFields['grpc-timeout']).toBe('750m');
    script.clock.advance(350);
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    script.clock.advance(100);
    script.endpoint('b').last.handler.onConnected();
    expect(script.endpoint('b').last.sentFields['grpc-timeout']).toBe('300m');
  });

  it('ends a call that waits for its next attempt', () => {
    const { script, client, a } = lone({ retry: { grpcIdempotent: true, backoffMs: 500, maxBackoffMs: 500 } });
    call(client, { 'grpc-timeout': '200m' });
    trailersOnly(a(), 14);
    script.clock.advance(300);
    expect(script.take().slice(-2)).toEqual(['200 client local 504 deadline_exceeded', '200 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is over at once when nothing is left', () => {
    const { script, client } = lone();
    client.handler.onRequest(callHead({ 'grpc-timeout': '0m' }));
    expect(script.take()).toEqual(['0 client local 504 deadline_exceeded', '0 client finish true']);
    expect(script.records[0]).toMatchObject({ code: 'deadline_exceeded', grpcStatus: 4, attempts: [] });
    expect(script.books()).toEqual(CLOSED);
  });

  it.each(['', 'soon', '5', '-1S', '123456789S', '1S, 2S'])('is nobody’s business when it is %j', (timeout) => {
    const { script, client, a } = lone();
    call(client, { 'grpc-timeout': timeout });
    expect(a().sentFields['grpc-timeout']).toBeUndefined(); // passed on as it is
    script.clock.advance(1000);
    unary(a(), 13);
    expect(script.records[0]).toMatchObject({ code: null, grpcStatus: 13 });
  });

  it('bounds the head alone when its caller says nothing, so that a stream may last', () => {
    const { script, client, a } = lone();
    call(client);
    script.clock.advance(14_000);
    head(a());
    for (let i = 0; i < 10; i++) {
      script.clock.advance(200_000);
      a().handler.onBody(Buffer.from('x'));
    }
    trailers(a(), 0);
    expect(script.records[0]).toMatchObject({ code: null, grpcStatus: 0, responseBytes: 10 });
  });

  it('does not begin with the end of a request whose answer has begun', () => {
    const { script, client, a } = lone();
    client.handler.onRequest(callHead());
    head(a());
    client.handler.onRequestEnd(null);
    script.clock.advance(20_000);
    trailers(a(), 0);
    expect(script.records[0]).toMatchObject({ code: null, grpcStatus: 0 });
  });

  it('still ends a call without a head', () => {
    const { script, client } = lone();
    call(client);
    script.clock.advance(15_100);
    expect(script.records[0]).toMatchObject({ status: 200, code: 'deadline_exceeded', grpcStatus: 4 });
  });

  it('is none of other requests, whatever they say', () => {
    const { script, client, a } = lone();
    client.request({ version: '2', fields: { 'grpc-timeout': '1m' } });
    script.clock.advance(100);
    a().answer(200);
    expect(script.records[0]).toMatchObject({ code: null, status: 200 });
  });

  it('is none of HTTP/1.1, which carries no calls', () => {
    const { script, client, a } = lone();
    client.handler.onRequest(callHead({ 'grpc-timeout': '1m' }, { version: '1.1' }));
    client.handler.onRequestEnd(null);
    script.clock.advance(100);
    a().answer(200);
    expect(script.records[0]).toMatchObject({ code: null, status: 200 });
  });
});
