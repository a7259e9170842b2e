import { expect, it } from 'vitest';
import { FieldList } from '../../src/http/fields.ts';
import { ExchangeScript, type FakeUpstream, requestHead, responseHead } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const HEDGED = { endpoints: ['a', 'b', 'c'], hedge: { delayMs: 100 }, retry: { grpcIdempotent: true } } as const;

function call(script: ExchangeScript): void {
  const { handler } = script.open();
  const fields = { 'content-type': 'application/grpc' };
  handler.onRequest(requestHead({ method: 'POST', body: 'chunked', version: '2', fields }));
  handler.onRequestEnd(null);
}

function head({ handler }: FakeUpstream): void {
  handler.onHead(responseHead(200, 'chunked', -1, { 'content-type': 'application/grpc' }));
}

it('is not hedged while the head of its answer is kept back for its trailers', () => {
  const script = new ExchangeScript(HEDGED);
  call(script);
  script.clock.advance(90);
  head(script.endpoint('a').last);
  script.clock.advance(30);
  expect(script.endpoint('b').upstreams).toEqual([]);
  script.endpoint('a').last.handler.onBody(Buffer.from('answer'));
  script.endpoint('a').last.handler.onEnd(new FieldList().add('grpc-status', '0'));
  expect(script.take().filter((line) => line.includes('client'))).toEqual([
    '120 client head 200',
    '120 client body answer',
    '120 client end with trailers',
    '120 client finish true',
  ]);
  expect(script.books()).toEqual(CLOSED);
});

it('is hedged in its first attempt alone, and not because what follows a failure began late', () => {
  const script = new ExchangeScript({ ...HEDGED, retry: { backoffMs: 10 } });
  script.open().request();
  script.clock.advance(50);
  script.endpoint('a').last.answer(503);
  script.clock.advance(200);
  expect(script.take().filter((line) => line.includes('send'))).toHaveLength(2);
});

it('is not silent when its endpoint has answered, whatever keeps the head back', () => {
  const script = new ExchangeScript({ retry: { grpcIdempotent: true }, timeouts: { attemptIdleMs: 100 } });
  call(script);
  script.clock.advance(90);
  head(script.endpoint('a').last);
  script.clock.advance(40);
  expect(script.records).toEqual([]);
  script.endpoint('a').last.handler.onEnd(new FieldList().add('grpc-status', '0'));
  expect(script.records[0]!.attempts).toEqual(['a 200 success']);
  expect(script.books()).toEqual(CLOSED);
});
