import { describe, expect, it } from 'vitest';
import { ExchangeScript, requestHead, responseHead } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };

describe('an exchange', () => {
  it('carries a request to an endpoint and its answer back', () => {
    const script = new ExchangeScript();
    script.open().request({ path: '/x' });
    script.endpoint('a').last.answer(200, 'hello');

    expect(script.take()).toEqual([
      '0 a send GET /x',
      '0 a end',
      '0 client head 200',
      '0 client body hello',
      '0 client end',
      '0 client finish true',
    ]);
    expect(script.records).toEqual([
      { status: 200, code: null, attempts: ['a 200 success'], requestBytes: 0, responseBytes: 5 },
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits for a connection, and keeps what comes of the body meanwhile', () => {
    const script = new ExchangeScript({ warm: false });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'length', contentLength: 4 }));
    expect(client.handler.onRequestBody(Buffer.from('ab'))).toBe(false);
    script.clock.advance(50);
    script.endpoint('a').last.handler.onConnected();
    expect(client.handler.onRequestBody(Buffer.from('cd'))).toBe(true);
    client.handler.onRequestEnd(null);

    expect(script.take()).toEqual([
      '0 a connect',
      '50 a send POST /',
      '50 a body ab',
      '50 client resume',
      '50 a body cd',
      '50 a end',
    ]);
  });

  it('passes backpressure on, both ways', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    const upstream = script.endpoint('a').last;
    upstream.hasRoom = false;
    expect(client.handler.onRequestBody(Buffer.from('x'))).toBe(false);
    script.take();
    upstream.handler.onUpstreamDrain();
    expect(script.take()).toEqual(['0 client resume']);

    upstream.handler.onHead(responseHead(200, 'chunked'));
    client.hasRoom = false;
    expect(upstream.handler.onBody(Buffer.from('y'))).toBe(false);
    script.take();
    client.handler.onClientDrain();
    expect(script.take()).toEqual(['0 a resume']);
  });

  it('answers early when the endpoint does, before the request is complete', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    script.endpoint('a').last.answer(413);
    expect(script.take().slice(-3)).toEqual(['0 client head 413', '0 client end', '0 client finish true']);
    expect(client.handler.onRequestBody(Buffer.from('late'))).toBe(true);
    client.handler.onRequestEnd(null);
    expect(script.take()).toEqual([]);
    expect(script.books()).toEqual(CLOSED);
  });
});

describe('retry', () => {
  it('goes to the next endpoint at once when a connection is refused', () => {
    const script = new ExchangeScript({ warm: false });
    script.open().request({ method: 'POST' });
    script.clock.advance(10);
    script.endpoint('a').last.handler.onFailure('connect_refused');
    script.endpoint('b').last.handler.onConnected();
    script.endpoint('b').last.answer(200);

    expect(script.take()).toEqual([
      '0 a connect',
      '10 retry after a connect_refused',
      '10 b connect',
      '10 b send POST /',
      '10 b end',
      '10 client head 200',
      '10 client end',
      '10 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a connect_refused failure', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits its backoff after a reset, then sends the kept body again elsewhere', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'length', contentLength: 4 }));
    client.handler.onRequestBody(Buffer.from('ab'));
    client.handler.onRequestBody(Buffer.from('cd'));
    client.handler.onRequestEnd(null);
    script.take();
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    script.clock.advance(100);
    script.endpoint('b').last.answer(204);

    expect(script.take()).toEqual([
      '0 retry after a upstream_reset',
      '30 b send PUT /',
      '30 b body ab',
      '30 b body cd',
      '30 b end',
      '100 client head 204',
      '100 client end',
      '100 client finish true',
    ]);
  });

  it('takes a 503 for a failed attempt of an idempotent request, and hides it', () => {
    const script = new ExchangeScript();
    script.open().request();
    script.endpoint('a').last.answer(503, 'busy');
    script.clock.advance(100);
    script.endpoint('b').last.answer(200);

    expect(script.take()).toContain('0 retry after a 503');
    expect(script.log.join()).not.toContain('busy');
    expect(script.records[0]).toMatchObject({ status: 200, attempts: ['a 503 failure', 'b 200 success'] });
    expect(script.books()).toEqual(CLOSED);
  });

  it('gives the last 503 to the client when no attempt is left', () => {
    const script = new ExchangeScript({ retry: { maxAttempts: 2 } });
    script.open().request();
    script.endpoint('a').last.answer(503);
    script.clock.advance(100);
    script.endpoint('b').last.answer(503);
    expect(script.take().slice(-3)).toEqual([
      '100 client head 503 x-remora-retry: no',
      '100 client end',
      '100 client finish true',
    ]);
    expect(script.records[0]).toMatchObject({ status: 503, code: null });
  });

  it('never repeats a POST that may have been seen', () => {
    const script = new ExchangeScript();
    script.open().request({ method: 'POST' });
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    expect(script.take().slice(-2)).toEqual(['0 client local 502 upstream_reset', '0 client finish true']);
    expect(script.records[0]).toMatchObject({ status: 502, code: 'upstream_reset' });
  });

  it('sends a request again at once on a fresh connection when a pooled one was stale', () => {
    const script = new ExchangeScript({ endpoints: ['a'] });
    script.open().request();
    script.endpoint('a').last.handler.onFailure('connection_stale');
    script.endpoint('a').last.handler.onConnected();
    script.endpoint('a').last.answer(200);
    expect(script.take()).toEqual([
      '0 a send GET /',
      '0 a end',
      '0 retry after a connection_stale',
      '0 a connect fresh',
      '0 a send GET /',
      '0 a end',
      '0 client head 200',
      '0 client end',
      '0 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a connection_stale ignored', 'a 200 success']);
  });

  it('does not repeat a POST on a stale connection that had been written to', () => {
    const script = new ExchangeScript({ endpoints: ['a'] });
    script.open().request({ method: 'POST' });
    script.endpoint('a').last.handler.onFailure('connection_stale');
    expect(script.take().at(-2)).toBe('0 client local 502 connection_stale');
  });

  it('repeats a POST on a stale connection of which nothing had been written', () => {
    const script = new ExchangeScript({ endpoints: ['a'] });
    script.open().request({ method: 'POST' });
    script.endpoint('a').last.bytesWritten = 0;
    script.endpoint('a').last.handler.onFailure('connection_stale');
    expect(script.take().at(-1)).toBe('0 a connect fresh');
  });

  it('does not repeat a body that was not kept whole', () => {
    const script = new ExchangeScript({ retry: { replayBytes: 3 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
    client.handler.onRequestBody(Buffer.from('abcd'));
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    const log = script.take();
    expect(log.at(-2)).toBe('0 client local 502 upstream_reset');
    expect(log).toContain('0 no retry: body');
  });

  it('does not say that a body was missing where nothing would have been repeated', () => {
    const script = new ExchangeScript({ retry: { replayBytes: 3 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
    client.handler.onRequestBody(Buffer.from('abcd'));
    client.handler.onRequestEnd(null);
    script.endpoint('a').last.answer(200);
    expect(script.log.filter((line) => line.includes('retry'))).toEqual([]);
  });

  it('stops at the budget', () => {
    const budget = { ratio: 0, minPerSecond: 0.1, windowMs: 10_000 };
    const script = new ExchangeScript({ retry: { budget }, breaker: { consecutiveFailures: 100 } });
    for (let i = 0; i < 2; i++) {
      script.open().request();
      script.endpoint('a').last.handler.onFailure('upstream_reset');
      script.clock.advance(100);
    }
    expect(script.log.filter((line) => line.includes('retry'))).toEqual([
      '0 retry after a upstream_reset',
      '100 no retry: budget',
    ]);
  });

  it('tries the only endpoint again rather than none', () => {
    const script = new ExchangeScript({ endpoints: ['a'] });
    script.open().request();
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    script.clock.advance(100);
    script.endpoint('a').last.answer(200);
    expect(script.records[0]!.attempts).toEqual(['a upstream_reset failure', 'a 200 success']);
  });

  it('tries nothing again once the client has been given hints', () => {
    const script = new ExchangeScript();
    script.open().request();
    script.endpoint('a').last.handler.onInterim(responseHead(103));
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    expect(script.log).toContain('0 client local 502 upstream_reset');
    expect(script.records[0]!.attempts).toEqual(['a upstream_reset failure']);
  });

  it('gives hints of one request no part in another on the same connection', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.request();
    script.endpoint('a').last.handler.onInterim(responseHead(103));
    script.endpoint('a').last.answer(200);
    client.request();
    script.endpoint('b').last.handler.onFailure('upstream_reset');
    expect(script.log.at(-1)).toContain('retry after b upstream_reset');
  });

  it('asks an interim 100 of the client only once, whatever is tried', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'length', contentLength: 2, wantsContinue: true }));
    script.endpoint('a').last.handler.onInterim(responseHead(100));
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    script.clock.advance(100);
    script.endpoint('b').last.handler.onInterim(responseHead(100));
    expect(script.log.filter((line) => line.includes('interim'))).toEqual(['0 client interim 100']);
  });
});

describe('time', () => {
  it('gives a silent attempt up and tries another', () => {
    const script = new ExchangeScript({ timeouts: { attemptMs: 1000 } });
    script.open().request();
    script.clock.advance(1000);
    script.clock.advance(100);
    script.endpoint('b').last.answer(200);
    expect(script.take().slice(2, 4)).toEqual(['1000 a abort', '1000 retry after a attempt_timeout']);
    expect(script.records[0]!.attempts).toEqual(['a attempt_timeout failure', 'b 200 success']);
  });

  it('lets an attempt that nothing can follow use the whole time', () => {
    const script = new ExchangeScript({ timeouts: { attemptMs: 1000, requestMs: 5000 } });
    script.open().request({ method: 'POST' });
    script.clock.advance(4000);
    script.endpoint('a').last.answer(200);
    expect(script.records[0]).toMatchObject({ status: 200, code: null });
  });

  it('answers 504 at the deadline and holds it against an endpoint that was silent', () => {
    const script = new ExchangeScript({ timeouts: { attemptMs: 0, requestMs: 2000 } });
    script.open().request();
    script.clock.advance(2000);
    expect(script.take().slice(2)).toEqual([
      '2000 a abort',
      '2000 client local 504 deadline_exceeded',
      '2000 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a deadline_exceeded failure']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('cuts an answer at the deadline', () => {
    const script = new ExchangeScript({ timeouts: { requestMs: 2000 } });
    script.open().request();
    script.endpoint('a').last.handler.onHead(responseHead(200, 'chunked'));
    script.clock.advance(2000);
    expect(script.take().slice(-2)).toEqual(['2000 a abort', '2000 client finish false']);
    expect(script.records[0]).toMatchObject({ status: 200, code: 'deadline_exceeded' });
  });

  it('does not count a slow upload against attempt or deadline', () => {
    const script = new ExchangeScript({ timeouts: { attemptMs: 1000, requestMs: 2000 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
    for (let i = 0; i < 10; i++) {
      script.clock.advance(900);
      client.handler.onRequestBody(Buffer.from('.'));
    }
    client.handler.onRequestEnd(null);
    script.endpoint('a').last.answer(200);
    expect(script.records[0]).toMatchObject({ status: 200, code: null, requestBytes: 10 });
  });

  it('gives up on a client that stops in the middle of its body', () => {
    const script = new ExchangeScript({ timeouts: { streamIdleMs: 3000 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
    client.handler.onRequestBody(Buffer.from('.'));
    script.clock.advance(3000);
    expect(script.take().slice(-3)).toEqual([
      '3000 a abort',
      '3000 client local 408 body_timeout',
      '3000 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a body_timeout ignored']);
  });

  it('tells a client that does not read from an endpoint that does not send', () => {
    const script = new ExchangeScript({ timeouts: { streamIdleMs: 3000, requestMs: 0 } });
    for (const hasRoom of [false, true]) {
      const client = script.open();
      client.hasRoom = hasRoom;
      client.request();
      const { handler } = script.endpoint(hasRoom ? 'b' : 'a').last;
      handler.onHead(responseHead(200, 'chunked'));
      handler.onBody(Buffer.from('.'));
      script.clock.advance(3000);
    }
    expect(script.records.map((record) => record.code)).toEqual(['client_idle', 'response_idle']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('tells the breaker of a long answer before it ends', () => {
    const script = new ExchangeScript({
      timeouts: { attemptMs: 1000, requestMs: 0 },
      breaker: { consecutiveFailures: 1, coolDownMs: 100 },
      endpoints: ['a'],
      retry: { maxAttempts: 1 },
    });
    script.open().request();
    script.endpoint('a').last.answer(500);
    script.clock.advance(100);
    script.open().request(); // the probe
    script.endpoint('a').last.handler.onHead(responseHead(200, 'chunked'));
    script.take();
    script.clock.advance(1000);
    expect(script.take()).toEqual(['1100 a breaker closed']);
  });
});

describe('who is waited for', () => {
  it('gives an endpoint its whole time from the end of a slow upload', () => {
    const script = new ExchangeScript({ timeouts: { attemptMs: 1000 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'length', contentLength: 1 }));
    script.clock.advance(950);
    client.handler.onRequestBody(Buffer.from('.'));
    client.handler.onRequestEnd(null);
    script.clock.advance(900);
    script.endpoint('a').last.answer(200);
    expect(script.records[0]).toMatchObject({ status: 200, attempts: ['a 200 success'] });
  });

  it('gives up on an endpoint that stops taking a body, after the time of a request, and holds it against it', () => {
    const script = new ExchangeScript({ timeouts: { attemptMs: 1000, requestMs: 3000 }, retry: { replayBytes: 0 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
    script.endpoint('a').last.hasRoom = false;
    script.clock.advance(500);
    client.handler.onRequestBody(Buffer.from('.'));
    script.clock.advance(3100);
    expect(script.take().slice(-3)).toEqual([
      '3500 a abort',
      '3500 client local 504 attempt_timeout',
      '3500 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a attempt_timeout failure']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('tries another after the time of one attempt, when the body was kept and one endpoint takes no more of it', () => {
    const script = new ExchangeScript({ timeouts: { attemptMs: 1000 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
    script.endpoint('a').last.hasRoom = false;
    client.handler.onRequestBody(Buffer.from('.'));
    script.clock.advance(1100);
    expect(script.take().slice(-3)).toEqual(['1030 b send PUT /', '1030 b body .', '1030 client resume']);
  });
});

describe('a pooled connection that is lost', () => {
  it('was not stale when the endpoint had the request for a while', () => {
    const script = new ExchangeScript({ endpoints: ['a'] });
    script.open().request();
    script.clock.advance(1500);
    script.endpoint('a').last.handler.onFailure('connection_stale');
    expect(script.take().at(-1)).toBe('1500 retry after a upstream_reset');
  });

  it('was stale however late it says that it has not seen the request', () => {
    const script = new ExchangeScript({ endpoints: ['a'] });
    script.open().request({ method: 'POST' });
    script.clock.advance(1500);
    script.endpoint('a').last.bytesWritten = 0;
    script.endpoint('a').last.handler.onFailure('connection_stale');
    expect(script.take().slice(-2)).toEqual(['1500 retry after a connection_stale', '1500 a connect fresh']);
  });

  it('costs the budget when something of the request had been written', () => {
    const script = new ExchangeScript({
      endpoints: ['a'],
      retry: { budget: { ratio: 0, minPerSecond: 0, windowMs: 10_000 } },
    });
    script.open().request();
    script.endpoint('a').last.handler.onFailure('connection_stale');
    expect(script.take().slice(-3)).toEqual([
      '0 no retry: budget',
      '0 client local 502 connection_stale',
      '0 client finish true',
    ]);
    script.open().request();
    script.endpoint('a').last.bytesWritten = 0;
    script.endpoint('a').last.handler.onFailure('connection_stale');
    expect(script.take().at(-1)).toBe('0 a connect fresh');
  });
});

describe('a full park', () => {
  it('lets the 503 of an endpoint through rather than lose it', () => {
    const script = new ExchangeScript({ limits: { maxParked: 1 } });
    script.open().request();
    script.endpoint('a').last.answer(503);
    script.open().request();
    script.endpoint('b').last.answer(503);
    expect(script.take().slice(-4)).toEqual([
      '0 no retry: parking',
      '0 client head 503 x-remora-retry: no',
      '0 client end',
      '0 client finish true',
    ]);
  });
});

describe('a bug', () => {
  it('under a timer costs its own exchange and nothing else', () => {
    const bugs: unknown[] = [];
    const script = new ExchangeScript({ onBug: (error) => bugs.push(error) });
    const client = script.open();
    client.request();
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    script.endpoint('b').acquire = () => {
      throw new Error('a bug');
    };
    script.clock.advance(1000);
    expect(bugs).toEqual([new Error('a bug')]);
    expect(script.take().at(-1)).toBe('30 client finish false');
    expect(script.records[0]).toMatchObject({ code: 'internal_error' });
    expect(script.books()).toEqual(CLOSED);
  });
});

describe('refusals', () => {
  it('answers no_route for a host nobody declared', () => {
    const script = new ExchangeScript();
    script.open().request({ authority: 'nowhere' });
    expect(script.take()).toEqual(['0 client local 404 no_route', '0 client finish true']);
    expect(script.rejects).toEqual(['orders no_route']);
  });

  it('finds its own request again', () => {
    const script = new ExchangeScript({ instanceId: 'feedfeedfeedfeed' });
    script.open().request({ fields: { 'x-remora-hop': 'aaaabbbbccccdddd, feedfeedfeedfeed' } });
    expect(script.take()[0]).toBe('0 client local 508 loop_detected');
  });

  it('refuses what is over the limit of the cluster, and takes requests again when others end', () => {
    const script = new ExchangeScript({ limits: { maxRequests: 1 } });
    script.open().request();
    script.open().request();
    expect(script.take().slice(2)).toEqual(['0 client local 503 overloaded', '0 client finish true']);
    script.endpoint('a').last.answer(200);
    script.open().request();
    expect(script.take().at(-1)).toBe('0 b end');
  });

  it('leaves an endpoint alone as long as it asked to be', () => {
    const script = new ExchangeScript({
      endpoints: ['a'],
      breaker: { consecutiveFailures: 1, coolDownMs: 100 },
      retry: { maxAttempts: 1 },
    });
    script.open().request();
    script.endpoint('a').last.answer(503, '', { 'retry-after': '5' });
    script.clock.advance(4900);
    script.open().request();
    expect(script.take().at(-2)).toBe('4900 client local 503 circuit_open');
    script.clock.advance(200);
    script.open().request();
    expect(script.take().at(-1)).toBe('5100 a end');
  });

  it('says circuit_open when every breaker is', () => {
    const script = new ExchangeScript({
      endpoints: ['a'],
      breaker: { consecutiveFailures: 1 },
      retry: { maxAttempts: 1 },
    });
    script.open().request();
    script.endpoint('a').last.answer(500);
    script.take();
    script.open().request();
    expect(script.take()).toEqual(['0 client local 503 circuit_open', '0 client finish true']);
  });

  it('says no_endpoint when discovery knows none', () => {
    const script = new ExchangeScript({ endpoints: [] });
    script.open().request();
    expect(script.take()[0]).toBe('0 client local 503 no_endpoint');
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits for the first answer of discovery', () => {
    const script = new ExchangeScript({ endpoints: null });
    script.open().request();
    script.clock.advance(500);
    script.discover(['a']);
    script.endpoint('a').last.answer(200);
    expect(script.take().at(-1)).toBe('500 client finish true');
    expect(script.records[0]).toMatchObject({ status: 200 });
  });

  it('gives up waiting for discovery', () => {
    const script = new ExchangeScript({ endpoints: null });
    script.open().request();
    script.clock.advance(3000);
    expect(script.take()).toEqual(['3000 client local 503 discovery_pending', '3000 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('refuses to let too many wait', () => {
    const script = new ExchangeScript({ endpoints: null, limits: { maxParked: 1 } });
    script.open().request();
    script.open().request();
    expect(script.take()).toEqual(['0 client local 503 park_full', '0 client finish true']);
  });

  it('answers OPTIONS whose Max-Forwards has run out, and counts others down', () => {
    const script = new ExchangeScript();
    script.open().request({ method: 'OPTIONS', fields: { 'max-forwards': '0' } });
    expect(script.take()).toEqual(['0 client local 200', '0 client finish true']);
    script.open().request({ method: 'OPTIONS', fields: { 'max-forwards': '5' } });
    expect(script.endpoint('a').last.sentFields['max-forwards']).toBe('4');
  });
});

describe('a client that goes away', () => {
  it('cancels the attempt and blames nobody', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.request();
    client.handler.onClientGone('client_gone');
    expect(script.take().at(-1)).toBe('0 a abort');
    expect(script.records[0]).toMatchObject({ status: 0, code: 'client_gone', attempts: ['a client_gone ignored'] });
    expect(script.books()).toEqual(CLOSED);
  });

  it('leaves the park', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.request();
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    client.handler.onClientGone('client_gone');
    script.clock.advance(1000);
    expect(script.take().at(-1)).toBe('0 retry after a upstream_reset');
    expect(script.books()).toEqual(CLOSED);
  });

  it('is no event between requests, unless what it sent was no request', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.handler.onClientGone('client_gone');
    expect(script.rejects).toEqual([]);
    script.open().handler.onClientGone('head_timeout');
    expect(script.rejects).toEqual(['orders head_timeout']);
  });
});

describe('an answer that breaks off', () => {
  it('is cut and never tried again', () => {
    const script = new ExchangeScript();
    script.open().request();
    const { handler } = script.endpoint('a').last;
    handler.onHead(responseHead(200, 'length', 100));
    handler.onBody(Buffer.from('half'));
    handler.onFailure('response_truncated');
    expect(script.take().at(-1)).toBe('0 client finish false');
    expect(script.records[0]).toMatchObject({
      status: 200,
      code: 'response_truncated',
      attempts: ['a response_truncated failure'],
    });
    expect(script.books()).toEqual(CLOSED);
  });
});

describe('switched protocols', () => {
  it('carries bytes and each FIN both ways, without a deadline', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.request({ upgrade: 'websocket' });
    const { handler } = script.endpoint('a').last;
    handler.onHead(responseHead(101, 'raw'));
    script.take();
    script.clock.advance(60_000);
    client.handler.onRequestBody(Buffer.from('ping'));
    handler.onBody(Buffer.from('pong'));
    handler.onEnd(null);
    client.handler.onRequestEnd(null);
    expect(script.take()).toEqual([
      '60000 a body ping',
      '60000 client body pong',
      '60000 client end',
      '60000 a end',
      '60000 client finish true',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('hears nothing of an upstream that is lost after both ends have said goodbye', () => {
    const script = new ExchangeScript();
    const client = script.open();
    client.request({ upgrade: 'websocket' });
    const { handler } = script.endpoint('a').last;
    handler.onHead(responseHead(101, 'raw'));
    handler.onEnd(null);
    client.handler.onRequestEnd(null);
    script.take();
    handler.onUpstreamDrain();
    handler.onFailure('response_truncated');
    expect(script.take()).toEqual([]);
    expect(script.records).toHaveLength(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('ends when nothing is said for too long', () => {
    const script = new ExchangeScript({ timeouts: { tunnelIdleMs: 10_000 } });
    script.open().request({ upgrade: 'websocket' });
    script.endpoint('a').last.handler.onHead(responseHead(101, 'raw'));
    script.clock.advance(10_000);
    expect(script.records[0]).toMatchObject({ status: 101, code: 'tunnel_idle' });
  });
});

describe('what a request gains', () => {
  it('says where it comes from, which attempt it is and which trace it belongs to', () => {
    const script = new ExchangeScript({ instanceId: 'feedfeedfeedfeed' });
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    script.open().request({ fields: { traceparent, 'x-request-id': 'r-1', 'x-forwarded-for': '10.0.0.9' } });
    const { sentFields } = script.endpoint('a').last;
    expect(sentFields).toMatchObject({
      'x-forwarded-for': '10.0.0.9, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'orders',
      'x-request-id': 'r-1',
      'x-remora-attempt': '1',
      'x-remora-hop': 'feedfeedfeedfeed',
    });
    expect(sentFields['traceparent']).toMatch(/^00-a{32}-[0-9a-f]{16}-01$/);
    expect(sentFields['traceparent']).not.toContain('b'.repeat(16));
  });

  it('is the name of the upstream as its host when the client named none', () => {
    const script = new ExchangeScript();
    script.open().request({ authority: '' });
    const { sentFields } = script.endpoint('a').last;
    expect(sentFields['host']).toBe('orders');
    expect(sentFields).not.toHaveProperty('x-forwarded-host');
  });
});
