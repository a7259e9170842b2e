import { describe, expect, it } from 'vitest';
import { FieldList } from '../../src/http/fields.ts';
import {
  ExchangeScript,
  type FakeUpstream,
  requestHead,
  responseHead,
  type ScriptOptions,
} from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const GRPC = { 'content-type': 'application/grpc' };
const SAFE = { retry: { grpcIdempotent: true } } as const;

/** A unary call of which everything has been sent. */
function called(options: ScriptOptions = SAFE, fields: Readonly<Record<string, string>> = {}) {
  const script = new ExchangeScript(options);
  const client = script.open();
  const head = { method: 'POST', path: '/shop.Orders/Get', body: 'chunked', version: '2' } as const;
  client.handler.onRequest(requestHead({ ...head, fields: { ...GRPC, ...fields } }));
  client.handler.onRequestBody(Buffer.from('ask'));
  client.handler.onRequestEnd(null);
  script.take();
  return { script, client, last: (name: string): FakeUpstream => script.endpoint(name).last };
}

function sendHead(upstream: FakeUpstream, fields: Readonly<Record<string, string>> = {}): void {
  upstream.handler.onHead(responseHead(200, 'chunked', -1, { ...GRPC, ...fields }));
}

function sendTrailers(upstream: FakeUpstream, status: number, fields: Readonly<Record<string, string>> = {}): void {
  const trailers = new FieldList().add('grpc-status', String(status));
  for (const [name, value] of Object.entries(fields)) trailers.add(name, value);
  upstream.handler.onEnd(trailers);
}

describe('the head of a call that may be tried again', () => {
  it('waits for the trailers, and a status worth another attempt is hidden', () => {
    const { script, last } = called();
    sendHead(last('a'));
    expect(script.take()).toEqual([]);
    sendTrailers(last('a'), 14);
    script.clock.advance(100);
    sendHead(last('b'));
    last('b').handler.onBody(Buffer.from('answer'));
    sendTrailers(last('b'), 0);
    expect(script.take()).toEqual([
      '0 retry after a 200',
      '30 b send POST /shop.Orders/Get',
      '30 b body ask',
      '30 b end',
      '100 client head 200',
      '100 client body answer',
      '100 client end with trailers',
      '100 client finish true',
    ]);
    expect(last('b').sentFields).toMatchObject({ 'x-remora-attempt': '2', 'grpc-previous-rpc-attempts': '1' });
    expect(script.records[0]!.attempts).toEqual(['a 200 failure', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes out with the first byte of a message, and then nothing is tried again', () => {
    const { script, last } = called();
    sendHead(last('a'), { 'x-of-the-app': '1' });
    last('a').handler.onBody(Buffer.from('first'));
    expect(script.take()).toEqual(['0 client head 200', '0 client body first']);
    sendTrailers(last('a'), 14);
    expect(script.records[0]!.attempts).toEqual(['a 200 failure']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes out with trailers that are no reason to try again', () => {
    const { script, last } = called();
    sendHead(last('a'));
    sendTrailers(last('a'), 5);
    expect(script.take()).toEqual(['0 client head 200', '0 client end with trailers', '0 client finish true']);
  });

  it('is kept back no longer than a moment: a stream may say nothing for an hour', () => {
    const { script, last } = called();
    sendHead(last('a'));
    script.clock.advance(40);
    expect(script.take()).toEqual([]);
    script.clock.advance(20);
    expect(script.take()).toEqual(['50 client head 200']);
    sendTrailers(last('a'), 14);
    expect(script.records[0]!.attempts).toEqual(['a 200 failure']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is not kept back where nothing could follow', () => {
    const cases: ScriptOptions[] = [
      {},
      { retry: { grpcIdempotent: true, maxAttempts: 1 } },
      { retry: { grpcIdempotent: true, replayBytes: 0 } },
      { retry: { grpcIdempotent: true, grpcStatuses: [] } },
    ];
    for (const options of cases) {
      const { script, last } = called(options);
      sendHead(last('a'));
      expect(script.take()).toEqual(['0 client head 200']);
    }
  });

  it('is lost with its connection before anybody heard of it, and the call is tried again', () => {
    const { script, last } = called();
    sendHead(last('a'));
    last('a').handler.onFailure('response_truncated');
    script.clock.advance(100);
    sendHead(last('b'));
    last('b').handler.onBody(Buffer.from('answer'));
    sendTrailers(last('b'), 0);
    expect(script.records[0]!.attempts).toEqual(['a upstream_reset failure', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is given up with its client, or with the deadline', () => {
    const gone = called();
    sendHead(gone.last('a'));
    gone.client.handler.onClientGone('client_gone');
    expect(gone.script.books()).toEqual(CLOSED);
    const late = called(SAFE, { 'grpc-timeout': '20m' });
    sendHead(late.last('a'));
    late.script.clock.advance(30);
    expect(late.script.take()).toEqual([
      '20 a abort',
      '20 client local 504 deadline_exceeded',
      '20 client finish true',
    ]);
    expect(late.script.books()).toEqual(CLOSED);
  });

  it('says that nobody should try again when retries did not help', () => {
    const { script, last } = called({ retry: { grpcIdempotent: true, maxAttempts: 2 } });
    sendHead(last('a'));
    sendTrailers(last('a'), 14);
    script.clock.advance(100);
    sendHead(last('b'));
    sendTrailers(last('b'), 14);
    expect(script.take()).toContain('100 client head 200 x-remora-retry: no');
    expect(script.spent.size).toBe(1);
    const short = called({ retry: { grpcIdempotent: true, budget: { ratio: 0, minPerSecond: 0, windowMs: 10_000 } } });
    sendHead(short.last('a'));
    sendTrailers(short.last('a'), 14);
    expect(short.script.take()).toContain('0 client head 200 x-remora-retry: no');
  });

  it('is an answer that has begun: nobody else is asked beside its endpoint any more', () => {
    const { script, last } = called({ ...SAFE, endpoints: ['a', 'b'], hedge: { delayMs: 40 } });
    script.clock.advance(20);
    sendHead(last('a'));
    script.clock.advance(25);
    last('a').handler.onBody(Buffer.from('answer'));
    sendTrailers(last('a'), 0);
    expect(script.take()).toEqual([
      '45 client head 200',
      '45 client body answer',
      '45 client end with trailers',
      '45 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('and nor is anybody else asked where the request ends behind it', () => {
    const script = new ExchangeScript({ ...SAFE, endpoints: ['a', 'b'], hedge: { delayMs: 10 } });
    const { handler } = script.open();
    handler.onRequest(requestHead({ method: 'POST', body: 'chunked', version: '2', fields: GRPC }));
    sendHead(script.endpoint('a').last);
    handler.onRequestEnd(null);
    script.clock.advance(40);
    sendTrailers(script.endpoint('a').last, 0);
    expect(script.records[0]!.attempts).toEqual(['a 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('and trailers that ask not to try again are heeded', () => {
    const { script, last } = called();
    sendHead(last('a'));
    sendTrailers(last('a'), 14, { 'x-remora-retry': 'no' });
    expect(script.take()).toContain('0 no retry: asked_not_to');
  });
});

describe('inbound', () => {
  it('says in the trailers of its application that nobody should try again, when outbound has told it by the trace', () => {
    const trace = 'a'.repeat(32);
    const { script, last } = called(
      { trustsPeer: false, retry: { maxAttempts: 1 } },
      { traceparent: `00-${trace}-${'b'.repeat(16)}-01` },
    );
    script.spent.add(trace, script.clock.now());
    sendHead(last('a'));
    sendTrailers(last('a'), 14);
    expect(script.take()).toContain('0 client end with trailers x-remora-retry: no');
  });
});
