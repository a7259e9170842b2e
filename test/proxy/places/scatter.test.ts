import { describe, expect, it } from 'vitest';
import { responseHead } from '../../support/exchange-script.ts';
import { SpreadScript } from '../../support/spread-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const ONCE = { retry: { maxAttempts: 1 } };

describe('a broadcast for the first answer', () => {
  it('passes on the first success and gives the others up, who then have shown nothing of their endpoints', () => {
    const script = new SpreadScript('first', ['a', 'b', 'c']);
    script.enter().request({ path: '/x' });
    expect(script.take()).toEqual([
      '0 a send GET /x',
      '0 b send GET /x',
      '0 c send GET /x',
      '0 a end',
      '0 b end',
      '0 c end',
    ]);
    script.at('b').answer(200, 'hello');

    expect(script.take()).toEqual([
      '0 a abort',
      '0 c abort',
      '0 client head 200',
      '0 client body hello',
      '0 client end',
      '0 client finish true',
    ]);
    expect(script.records).toEqual([
      {
        status: 200,
        code: null,
        attempts: ['a superseded ignored', 'c superseded ignored', 'b 200 success'],
        requestBytes: 0,
        responseBytes: 5,
      },
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('holds a failure back while a success may come, and stops its endpoint', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    script.enter().request();
    script.take();
    const { handler } = script.at('a');
    handler.onHead(responseHead(404, 'chunked'));
    expect(handler.onBody(Buffer.from('no such'))).toBe(false);
    expect(script.take()).toEqual([]);
    script.at('b').answer(204);
    expect(script.take()).toEqual(['0 a abort', '0 client head 204', '0 client end', '0 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('answers with the best failure when there is no success: what the endpoint says of the request', () => {
    const script = new SpreadScript('first', ['a', 'b', 'c'], ONCE);
    script.enter().request();
    script.take();
    script.at('a').answer(500, 'broken');
    script.at('b').answer(404, 'nothing here');
    script.at('c').handler.onFailure('upstream_reset');

    expect(script.take()).toEqual([
      '0 client head 404',
      '0 client body nothing here',
      '0 client end',
      '0 client finish true',
    ]);
    expect(script.records[0]).toMatchObject({ status: 404, code: null, responseBytes: 12 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('lets what it held back flow again once that is chosen', () => {
    const script = new SpreadScript('first', ['a', 'b'], ONCE);
    script.enter().request();
    const { handler } = script.at('a');
    handler.onHead(responseHead(404, 'chunked'));
    handler.onBody(Buffer.from('one'));
    script.take();
    script.at('b').handler.onFailure('upstream_reset');
    expect(script.take()).toEqual(['0 client head 404', '0 client body one', '0 a resume']);
    expect(handler.onBody(Buffer.from('two'))).toBe(true);
    handler.onEnd(null);
    expect(script.take()).toEqual(['0 client body two', '0 client end', '0 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('leaves it stopped as long as the client is full', () => {
    const script = new SpreadScript('first', ['a', 'b'], ONCE);
    const client = script.enter();
    client.request();
    client.hasRoom = false;
    script.at('a').handler.onHead(responseHead(404, 'chunked'));
    script.at('a').handler.onBody(Buffer.from('one'));
    script.at('b').handler.onFailure('upstream_reset');
    expect(script.take()).not.toContain('0 a resume');
    client.handler.onClientDrain();
    expect(script.take()).toEqual(['0 a resume']);
  });

  it('reads a worse failure away, which counts against its endpoint all the same', () => {
    const script = new SpreadScript('first', ['a', 'b', 'c'], ONCE);
    script.enter().request();
    script.at('a').handler.onHead(responseHead(404, 'chunked'));
    script.take();
    script.at('b').answer(503, 'sorry');
    script.at('c').answer(204);
    expect(script.take()).toEqual(['0 a abort', '0 client head 204', '0 client end', '0 client finish true']);
    expect(script.records[0]?.attempts).toEqual(['b 503 failure', 'a superseded ignored', 'c 204 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('gives it up after a second, and is on record then', () => {
    const script = new SpreadScript('first', ['a', 'b', 'c'], ONCE);
    script.enter().request();
    script.at('a').handler.onHead(responseHead(404, 'chunked'));
    script.at('b').handler.onHead(responseHead(503, 'chunked'));
    script.at('c').answer(204);
    script.clock.advance(990);
    script.take();
    expect(script.records).toEqual([]);
    script.clock.advance(10);
    expect(script.take()).toEqual(['1000 b abort']);
    expect(script.records).toHaveLength(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('gives up what it held back when a better failure comes', () => {
    const script = new SpreadScript('first', ['a', 'b', 'c'], ONCE);
    script.enter().request();
    script.at('a').handler.onHead(responseHead(503, 'chunked'));
    script.take();
    script.at('b').handler.onHead(responseHead(404, 'none'));
    expect(script.take()).toEqual(['0 a abort']);
  });

  it('says why the main place failed when no endpoint has answered', () => {
    const script = new SpreadScript('first', ['a', 'b'], ONCE);
    script.enter().request();
    script.take();
    script.at('b').handler.onFailure('bad_response');
    script.at('a').handler.onFailure('upstream_reset');
    expect(script.take()).toEqual(['0 client local 502 upstream_reset', '0 client finish true']);
    expect(script.records[0]).toMatchObject({ status: 502, code: 'upstream_reset' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('falls back to a code when the answer it held back is lost, too', () => {
    const script = new SpreadScript('first', ['a', 'b'], ONCE);
    script.enter().request();
    script.take();
    script.at('a').handler.onHead(responseHead(404, 'chunked'));
    script.at('a').handler.onFailure('response_truncated');
    script.at('b').handler.onFailure('upstream_reset');
    expect(script.take()).toEqual(['0 a abort', '0 client local 502 response_truncated', '0 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('cuts the client when the answer that was chosen breaks off', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    script.enter().request();
    script.at('a').handler.onHead(responseHead(200, 'chunked'));
    script.take();
    script.at('a').handler.onFailure('response_truncated');
    expect(script.take()).toEqual(['0 a abort', '0 client finish false']);
    expect(script.records[0]).toMatchObject({ status: 200, code: 'response_truncated' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('lets each place have its attempts, and no early hints', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    script.enter().request();
    script.at('b').handler.onInterim(responseHead(103));
    script.take();
    script.at('a').answer(503);
    script.clock.advance(30);
    expect(script.take()).toEqual(['0 retry after a 503', '30 a send GET /', '30 a end']);
    script.at('a').answer(200);
    expect(script.records[0]?.attempts).toEqual(['b superseded ignored', 'a 503 failure', 'a 200 success']);
  });

  it('tells all places of one request and one trace', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    script.enter().request();
    const [first, second] = [script.at('a').sentFields, script.at('b').sentFields];
    expect(first['x-request-id']).toBe(second['x-request-id']);
    expect(first['traceparent']!.slice(0, 35)).toBe(second['traceparent']!.slice(0, 35));
    expect(first['traceparent']).not.toBe(second['traceparent']);
  });

  it('ends all with the client, whichever way that goes', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    const client = script.enter();
    client.request();
    script.at('a').handler.onHead(responseHead(404, 'chunked'));
    script.take();
    client.handler.onClientGone('client_gone');
    expect(script.take()).toEqual(['0 a abort', '0 b abort']);
    expect(script.records[0]).toMatchObject({ status: 0, code: 'client_gone' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('answers at once where no place can be tried', () => {
    const script = new SpreadScript('first', ['a', 'b'], { limits: { maxRequests: 0 } });
    script.enter().request();
    expect(script.take()).toEqual(['0 client local 503 overloaded', '0 client finish true']);
    expect(script.records).toHaveLength(1);
    expect(script.books()).toEqual(CLOSED);
  });
});

describe('a broadcast to all', () => {
  it('sends the answer of the main place when every place has shown success', () => {
    const script = new SpreadScript('all', ['a', 'b', 'c']);
    script.enter().request();
    script.take();
    script.at('a').answer(200, 'main');
    script.at('b').answer(200, 'other');
    expect(script.take()).toEqual([]);
    script.at('c').handler.onHead(responseHead(304));
    expect(script.take()).toEqual(['0 client head 200', '0 client body main', '0 client end', '0 client finish true']);
    expect(script.records).toEqual([]);
    script.at('c').handler.onEnd(null);
    expect(script.records).toHaveLength(1);
    expect(script.records[0]).toMatchObject({ status: 200, code: null, responseBytes: 4 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits for the main place, too, and reads small answers of others away', () => {
    const script = new SpreadScript('all', ['a', 'b']);
    script.enter().request();
    script.take();
    script.at('b').answer(200, 'other');
    script.at('a').answer(200, 'main');
    expect(script.take()).toEqual(['0 client head 200', '0 client body main', '0 client end', '0 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('reads no large answer away', () => {
    const script = new SpreadScript('all', ['a', 'b']);
    script.enter().request();
    script.take();
    script.at('b').handler.onHead(responseHead(200, 'chunked'));
    expect(script.at('b').handler.onBody(Buffer.alloc(16_384))).toBe(true);
    expect(script.at('b').handler.onBody(Buffer.alloc(1))).toBe(false);
    script.clock.advance(10);
    expect(script.take()).toEqual(['10 b abort']);
    script.at('a').answer(200);
    expect(script.take()).toEqual(['10 client head 200', '10 client end', '10 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it.each([
    ['an answer that is none', (script: SpreadScript) => script.at('b').answer(500)],
    ['a loss', (script: SpreadScript) => script.at('b').handler.onFailure('upstream_reset')],
  ])('fails as a whole over %s', (_name, fail) => {
    const script = new SpreadScript('all', ['a', 'b', 'c'], ONCE);
    script.enter().request();
    script.at('a').answer(200, 'main');
    script.take();
    fail(script);
    expect(script.take()).toEqual(['0 c abort', '0 client local 502 broadcast_incomplete', '0 client finish true']);
    script.clock.advance(10);
    expect(script.records[0]).toMatchObject({ status: 502, code: 'broadcast_incomplete' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('fails when the main answer is lost while it is held back', () => {
    const script = new SpreadScript('all', ['a', 'b']);
    script.enter().request();
    script.at('a').handler.onHead(responseHead(200, 'chunked'));
    script.take();
    script.at('a').handler.onFailure('response_truncated');
    expect(script.take()).toEqual([
      '0 a abort',
      '0 b abort',
      '0 client local 502 broadcast_incomplete',
      '0 client finish true',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('reads the failure away that failed it, which counts against its endpoint', () => {
    const script = new SpreadScript('all', ['a', 'b'], ONCE);
    script.enter().request();
    script.at('b').answer(500, 'broken');
    expect(script.records[0]?.attempts).toEqual(['a superseded ignored', 'b 500 failure']);
    expect(script.books()).toEqual(CLOSED);
  });
});
