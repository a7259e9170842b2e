import { describe, expect, it } from 'vitest';
import { ExchangeScript, type FakeClient, requestHead, type ScriptOptions } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const NO_PRIMARY = ['a=replica', 'b=replica'];

function roleScript(options: ScriptOptions = {}): ExchangeScript {
  return new ExchangeScript({ endpoints: ['a=primary', 'b=replica'], roles: {}, ...options });
}

function write(script: ExchangeScript, path = '/', body = ''): FakeClient {
  const client = script.open();
  const kind = body === '' ? 'none' : 'length';
  client.handler.onRequest(requestHead({ method: 'POST', path, body: kind, contentLength: body.length }));
  if (body !== '') client.handler.onRequestBody(Buffer.from(body));
  client.handler.onRequestEnd(null);
  return client;
}

describe('a request among roles', () => {
  it('goes to the primary when it writes and to a replica when it reads', () => {
    const script = roleScript();
    for (const method of ['POST', 'GET', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH']) {
      script.open().request({ method });
    }
    expect(script.take().filter((line) => line.includes('send'))).toEqual([
      '0 a send POST /',
      '0 b send GET /',
      '0 a send PUT /',
      '0 b send HEAD /',
      '0 a send DELETE /',
      '0 b send OPTIONS /',
      '0 a send PATCH /',
    ]);
  });

  it('that reads goes to the primary when there is no replica, unless it may not', () => {
    const preferring = roleScript({ endpoints: ['a=primary'] });
    preferring.open().request();
    expect(preferring.take()[0]).toBe('0 a send GET /');

    const requiring = roleScript({ endpoints: ['a=primary'], roles: { read: 'require_replica' } });
    requiring.open().request();
    expect(requiring.take()[0]).toBe('0 client local 503 no_endpoint');
    expect(requiring.books()).toEqual(CLOSED);
  });

  it('goes to nobody without a role, unless it reads and may', () => {
    const strict = roleScript({ endpoints: ['c'] });
    strict.open().request();
    write(strict);
    expect(strict.take()).toEqual(['0 client local 503 no_endpoint', '0 client finish true']);

    const lenient = roleScript({ endpoints: ['c'], roles: { read: 'any' } });
    lenient.open().request();
    expect(lenient.take()[0]).toBe('0 c send GET /');
  });
});

describe('a write without a primary', () => {
  it('waits until one appears, and is sent to it once', () => {
    const script = roleScript({ endpoints: NO_PRIMARY });
    write(script, '/x', 'data');
    expect(script.take()).toEqual([]);
    script.clock.advance(1_000);
    script.discover(['a=replica', 'b=primary']);
    script.endpoint('b').last.answer(201);
    expect(script.take()).toEqual([
      '1000 b send POST /x',
      '1000 b body data',
      '1000 b end',
      '1000 client head 201',
      '1000 client end',
      '1000 client finish true',
    ]);
    expect(script.books()).toEqual(CLOSED);
    expect(script.hold).toMatchObject({ held: 1, full: 0, expired: 0 });
    expect(script.records).toMatchObject([{ heldMs: 1_000 }]);
  });

  it('leaves what has not come of its body in its client, and takes it in when it is sent', () => {
    const script = roleScript({ endpoints: NO_PRIMARY });
    const { handler } = script.open();
    handler.onRequest(requestHead({ method: 'POST', body: 'length', contentLength: 4 }));
    expect(handler.onRequestBody(Buffer.from('ab'))).toBe(false);
    script.discover(['a=replica', 'b=primary']);
    expect(handler.onRequestBody(Buffer.from('cd'))).toBe(true);
    handler.onRequestEnd(null);
    expect(script.take()).toEqual(['0 b send POST /', '0 b body ab', '0 client resume', '0 b body cd', '0 b end']);
  });

  it('goes to none of the replicas meanwhile', () => {
    const script = roleScript({ endpoints: NO_PRIMARY });
    write(script);
    script.clock.advance(9_000);
    script.discover([...NO_PRIMARY, 'c=replica']);
    script.discover([]);
    expect(script.take().filter((line) => line.includes('send'))).toEqual([]);
  });

  it('is refused by name when its time is up', () => {
    const script = roleScript({ endpoints: NO_PRIMARY });
    write(script);
    script.clock.advance(9_990);
    expect(script.take()).toEqual([]);
    script.clock.advance(20);
    expect(script.take().map((line) => line.replace(/^\d+/, 't'))).toEqual([
      't client local 503 no_primary',
      't client finish true',
    ]);
    expect(script.records).toMatchObject([{ status: 503, code: 'no_primary', attempts: [] }]);
    expect(script.books()).toEqual(CLOSED);
    expect(script.hold.expired).toBe(1);
  });

  it('is refused at once where nothing is held', () => {
    const script = roleScript({ endpoints: NO_PRIMARY, roles: { hold: { timeMs: 0 } } });
    write(script);
    expect(script.take()[0]).toBe('0 client local 503 no_primary');
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits no longer than its own deadline', () => {
    const script = roleScript({ endpoints: NO_PRIMARY, timeouts: { requestMs: 300, attemptMs: 0 } });
    write(script);
    script.clock.advance(400);
    expect(script.records).toMatchObject([{ code: 'deadline_exceeded' }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is let go when its client leaves, which makes room', () => {
    const script = roleScript({ endpoints: NO_PRIMARY, roles: { hold: { requests: 1 } } });
    const client = write(script);
    client.handler.onClientGone('client_gone');
    expect(script.books()).toEqual(CLOSED);
    write(script);
    expect(script.take()).toEqual([]);
  });

  it('is refused when as many wait as may', () => {
    const script = roleScript({ endpoints: NO_PRIMARY, roles: { hold: { requests: 2 } } });
    for (const path of ['/1', '/2', '/3']) write(script, path);
    expect(script.take()).toEqual(['0 client local 503 park_full', '0 client finish true']);
    script.discover(['a=primary']);
    expect(script.take().filter((line) => line.includes('send'))).toEqual(['0 a send POST /1', '0 a send POST /2']);
    expect(script.hold.full).toBe(1);
  });

  it('is refused when too much of bodies is kept, and nobody else with it', () => {
    const script = roleScript({ endpoints: NO_PRIMARY, roles: { hold: { bytes: 10 } } });
    write(script, '/1', '12345678');
    write(script, '/2', '12345678');
    script.clock.advance(20);
    expect(script.take().map((line) => line.replace(/^\d+/, 't'))).toEqual([
      't client local 503 park_full',
      't client finish true',
    ]);
    script.discover(['a=primary']);
    expect(script.take().filter((line) => line.includes('send'))).toEqual(['20 a send POST /1']);
  });

  it('takes no place among the requests in flight, and needs one again to be sent', () => {
    const script = roleScript({ endpoints: NO_PRIMARY, limits: { maxRequests: 1 } });
    write(script, '/1');
    write(script, '/2');
    script.open().request();
    expect(script.take()).toEqual(['0 b send GET /', '0 b end']);
    script.endpoint('b').last.answer(200);
    script.take();

    script.discover(['a=replica', 'b=primary']);
    expect(script.take()).toEqual(['0 b send POST /1', '0 b end']);
    script.endpoint('b').last.answer(200);
    script.clock.advance(300);
    expect(script.take().at(-2)).toMatch(/b send POST \/2/);
    script.endpoint('b').last.answer(200);
    expect(script.records.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is sent in the order in which it came', () => {
    const script = roleScript({ endpoints: NO_PRIMARY });
    for (const path of ['/1', '/2', '/3', '/4']) {
      write(script, path);
      script.clock.advance(300);
    }
    script.discover(['b=primary']);
    const sent = script.take().filter((line) => line.includes('send'));
    expect(sent.map((line) => line.split(' ').at(-1))).toEqual(['/1', '/2', '/3', '/4']);
  });

  it('keeps its place while it tries in vain', () => {
    const script = roleScript({ warm: false, retry: { maxAttempts: 1 }, roles: { hold: { requests: 2 } } });
    for (const path of ['/1', '/2']) {
      write(script, path);
      script.endpoint('a').last.handler.onFailure('connect_refused');
    }
    script.take();
    script.clock.advance(250);
    const [first, second] = script.endpoint('a').upstreams.slice(-2);
    // Both try; a third finds no room, though nobody waits at this moment.
    write(script, '/3');
    script.endpoint('a').last.handler.onFailure('connect_refused');
    expect(script.take().at(-2)).toBe('250 client local 503 park_full');
    second!.handler.onFailure('connect_refused');
    first!.handler.onFailure('connect_refused');
    script.discover(['a=replica', 'b=primary']);
    for (const { handler } of script.endpoint('b').upstreams) handler.onConnected();
    expect(script.take().filter((line) => line.includes('send'))).toEqual(['250 b send POST /1', '250 b send POST /2']);
  });
});

describe('a write whose primary dies', () => {
  it('waits when its connections are refused, and goes to the next primary', () => {
    const script = roleScript({ warm: false });
    write(script);
    for (let i = 0; i < 3; i++) {
      script.endpoint('a').last.handler.onFailure('connect_refused');
      script.clock.advance(100);
    }
    expect(script.take().filter((line) => line.includes('client'))).toEqual([]);
    expect(script.hold.size).toBe(1);
    script.discover(['a=replica', 'b=primary']);
    script.endpoint('b').last.handler.onConnected();
    script.endpoint('b').last.answer(200);
    expect(script.records).toMatchObject([{ status: 200, code: null }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is not sent to the old primary by a connection that opens when there is another', () => {
    const script = roleScript({ warm: false });
    write(script);
    script.discover(['a=replica', 'b=primary']);
    script.endpoint('a').last.handler.onConnected();
    script.endpoint('b').last.handler.onConnected();
    expect(script.take()).toEqual(['0 a connect', '0 a abort', '0 b connect', '0 b send POST /', '0 b end']);
    script.endpoint('b').last.answer(200);
    expect(script.records).toMatchObject([{ status: 200, attempts: ['a no_primary ignored', 'b 200 success'] }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes back to the old one when that accepts again', () => {
    const script = roleScript({ warm: false, retry: { maxAttempts: 1 } });
    write(script);
    script.endpoint('a').last.handler.onFailure('connect_refused');
    script.take();
    script.clock.advance(260);
    script.endpoint('a').last.handler.onConnected();
    expect(script.take()).toEqual(['250 a connect', '260 a send POST /', '260 a end']);
  });

  it('is asked less and less often whether it accepts again', () => {
    const script = roleScript({ warm: false, retry: { maxAttempts: 1 }, breaker: { consecutiveFailures: 1_000_000 } });
    write(script);
    const tried: number[] = [];
    const since = script.clock.now();
    for (let seen = 0; script.records.length === 0; script.clock.advance(10)) {
      const { upstreams } = script.endpoint('a');
      if (upstreams.length === seen) continue;
      seen = upstreams.length;
      tried.push(Math.round(script.clock.now() - since));
      script.endpoint('a').last.handler.onFailure('connect_refused');
    }
    expect(tried.length).toBeLessThan(15);
    expect(tried.slice(0, 4)).toEqual([0, 250, 750, 1750]);
    expect(script.records).toMatchObject([{ code: 'no_primary' }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits while its circuit is open', () => {
    const script = roleScript({ warm: false, breaker: { consecutiveFailures: 1 }, retry: { maxAttempts: 1 } });
    write(script);
    script.endpoint('a').last.handler.onFailure('connect_refused');
    write(script);
    expect(script.hold.size).toBe(2);
    expect(script.endpoint('a').upstreams.length).toBe(1);
  });

  it('is not sent again once it may have been seen', () => {
    const script = roleScript();
    write(script);
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    expect(script.take().at(-2)).toBe('0 client local 502 upstream_reset');
    expect(script.hold.held).toBe(0);
  });

  it('is not held after a try that may have been seen, even where it may be made twice', () => {
    const script = roleScript();
    script.open().request({ method: 'PUT' });
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    script.discover(NO_PRIMARY);
    script.clock.advance(300);
    expect(script.records).toMatchObject([{ status: 503, code: 'no_endpoint' }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is not held when its body is not kept whole', () => {
    const script = roleScript({ retry: { replayBytes: 2 } });
    write(script, '/', 'too long');
    script.endpoint('a').last.handler.onFailure('stream_refused');
    expect(script.take().at(-2)).toBe('0 client local 503 stream_refused');
  });
});

describe('a write whose cluster is replaced', () => {
  /** Another question has been put to discovery, and this is what it says. */
  function replace(
    script: ExchangeScript,
    roles: ScriptOptions['roles'],
    endpoints: readonly string[],
  ): ExchangeScript {
    const next = new ExchangeScript({ warm: false, endpoints, ...(roles === undefined ? {} : { roles }) });
    next.take();
    script.cluster.supersede(next.cluster);
    script.hold.wakeAll(script.clock.now());
    return next;
  }

  it('goes to the primary of the one that replaces it', () => {
    const script = roleScript({ endpoints: NO_PRIMARY });
    write(script);
    const next = replace(script, {}, ['c=primary', 'd=replica']);
    next.endpoint('c').last.handler.onConnected();
    next.endpoint('c').last.answer(200);
    expect(script.records).toMatchObject([{ status: 200, attempts: ['c 200 success'] }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits for a primary there when the one it was to have has gone', () => {
    const script = roleScript({ warm: false });
    write(script);
    const next = replace(script, {}, ['c=replica']);
    script.endpoint('a').last.handler.onConnected();
    expect(script.take()).toEqual(['0 a connect', '0 a retire', '0 b retire', '0 a abort']);
    next.discover(['c=primary']);
    script.clock.advance(300);
    next.endpoint('c').last.handler.onConnected();
    expect(next.take().filter((line) => line.includes('send'))).toEqual(['0 c send POST /']);
  });

  it('does not connect to what has gone again and again where there are no roles any more', () => {
    const script = roleScript({ warm: false });
    write(script);
    replace(script, undefined, ['c']);
    for (let i = 0; i < 5; i++) {
      const { last } = script.endpoint('a');
      if (!last.isAborted) last.handler.onConnected();
    }
    expect(script.endpoint('a').upstreams.length).toBe(1);
    script.clock.advance(11_000);
    expect(script.records).toMatchObject([{ code: 'no_primary' }]);
    expect(script.books()).toEqual(CLOSED);
  });
});

describe('421 Misdirected Request', () => {
  it('of a write means that it was not looked at: it waits for who is the primary now', () => {
    const script = roleScript();
    write(script, '/', 'data');
    script.endpoint('a').last.answer(421, 'not me');
    expect(script.take().filter((line) => line.includes('client'))).toEqual([]);
    script.discover(['a=replica', 'b=primary']);
    script.endpoint('b').last.answer(200);
    expect(script.records).toMatchObject([{ status: 200, attempts: ['a 421 success', 'b 200 success'] }]);
    script.clock.advance(2_000);
    expect(script.books()).toEqual(CLOSED);
  });

  it('for ever ends with the hold', () => {
    const script = roleScript();
    write(script);
    let asked = 0;
    for (; script.records.length === 0; script.clock.advance(10)) {
      const { last, upstreams } = script.endpoint('a');
      if (upstreams.length > asked) last.answer(421);
      asked = upstreams.length;
    }
    expect(asked).toBeLessThan(15);
    expect(script.records[0]).toMatchObject({ code: 'no_primary' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('of a read, or without roles, is an answer like any other', () => {
    const script = roleScript();
    script.open().request();
    script.endpoint('b').last.answer(421);
    const plain = new ExchangeScript();
    write(plain);
    plain.endpoint('a').last.answer(421);
    expect([...script.records, ...plain.records].map(({ status }) => status)).toEqual([421, 421]);
  });

  it('of a body that is not kept whole reaches the client', () => {
    const script = roleScript({ retry: { replayBytes: 2 } });
    write(script, '/', 'too long');
    script.endpoint('a').last.answer(421);
    expect(script.records).toMatchObject([{ status: 421, code: null }]);
  });
});
