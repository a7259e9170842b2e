import { describe, expect, it } from 'vitest';
import { FieldList } from '../../src/http/fields.ts';
import {
  block,
  data,
  END_HEADERS,
  goAway,
  headers,
  OK,
  openHeaders,
  ping,
  reset,
  settings,
  windowUpdate,
} from '../support/http2-frames.ts';
import { http1Request } from '../support/http2-heads.ts';
import { Http2UpstreamScript } from '../support/http2-upstream.ts';

const MAX_STREAMS = 0x3;
const WINDOW = 0x4;
const CONNECT_PROTOCOL = 0x8;

const TRAILERS = block(['grpc-status', '0']);
const NO_ERROR = 0;
const REFUSED = 7;
const HTTP_1_1_REQUIRED = 13;

/** A request that is out on an open session. */
function asked(script = new Http2UpstreamScript()) {
  const call = script.get();
  const transport = script.opened();
  call.log.length = 0;
  return { script, call, transport };
}

/** The same on a session that has carried an answer. */
function askedAgain() {
  const { script, transport } = asked();
  script.say(transport, headers(1, OK));
  const call = script.get();
  script.sent();
  return { script, call, transport };
}

describe('a request', () => {
  it("goes out when the endpoint's SETTINGS are here, head and end in one frame", () => {
    const script = new Http2UpstreamScript();
    const call = script.get();
    expect(call.upstream.isReady).toBe(false);
    script.transport.connect();
    expect(call.log).toEqual([]);
    expect(script.sent()).toEqual(['SETTINGS']);
    script.say(script.transport, settings());
    expect(call.log).toEqual(['connected']);
    expect(script.sent()).toEqual(['SETTINGS ack', 'HEADERS 1 end']);
    expect(call.upstream.bytesWritten).toBeGreaterThan(10);
    expect(call.upstream.isReused).toBe(false);
  });

  it('is ready at once on an open session, and shares it', () => {
    const { script, transport } = asked();
    const second = script.get();
    expect(second.log).toEqual([]);
    expect(script.sent(transport)).toEqual(['HEADERS 3 end']);
    expect([script.pool.openCount, script.pool.createdCount, script.pool.streamCount]).toEqual([1, 1, 2]);
  });

  it('carries a body and trailers', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    script.opened();
    call.body('ab');
    call.body('cde');
    call.end(new FieldList().add('digest', '1'));
    expect(script.sent()).toEqual(['DATA 1 2', 'DATA 1 3', 'HEADERS 1 end']);
  });

  it('is held back by a window of one byte, byte by byte, and told of room when all is out', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    const transport = script.opened([WINDOW, 1]);
    expect(call.body('abc')).toBe(false);
    expect(script.sent()).toEqual(['DATA 1 1']);
    script.say(transport, windowUpdate(1, 1));
    expect(script.sent()).toEqual(['DATA 1 1']);
    expect(call.log).toEqual(['connected']);
    script.say(transport, windowUpdate(1, 1));
    expect(call.log).toEqual(['connected', 'drain']);
    call.end();
    expect(script.sent()).toEqual(['DATA 1 1 end']);
  });

  it('waits behind a window of 0 with its end', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    const transport = script.opened([WINDOW, 0]);
    expect(call.body('abc')).toBe(false);
    call.end();
    expect(script.sent()).toEqual([]);
    script.say(transport, settings([WINDOW, 10]));
    expect(script.sent()).toEqual(['SETTINGS ack', 'DATA 1 3 end']);
    expect(call.log).toEqual(['connected']);
  });

  it('is held back while the transport is full, until it drains', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    const transport = script.opened();
    transport.pendingBytes = 70_000;
    expect(call.body(Buffer.alloc(100))).toBe(true);
    script.sent();
    expect(call.body(Buffer.alloc(100))).toBe(false);
    transport.drain();
    expect(call.last).toBe('drain');
    expect(script.sent()).toEqual(['DATA 1 100']);
  });

  it('with a huge head goes out in CONTINUATION frames', () => {
    const script = new Http2UpstreamScript();
    const fields = Array.from({ length: 3 }, (_, at) => `x-${at}: ${String(at).repeat(15_000)}`);
    script.get(false, http1Request('GET / HTTP/1.1', 'host: orders', ...fields));
    const endpoint = script.serve();
    script.run();
    expect(endpoint.log).toContain('1 head end');
  });
});

describe('an answer', () => {
  it('is given piece by piece, with its trailers', () => {
    const { script, call, transport } = asked();
    script.say(transport, openHeaders(1, OK), data(1, 'ab', 0));
    script.say(transport, data(1, 'cde', 0), headers(1, TRAILERS));
    expect(call.log).toEqual(['head 200 chunked', 'body ab', 'body cde', 'end grpc-status=0']);
    expect(script.pool.idleCount).toBe(1);
    expect(script.sent()).toEqual([]);
  });

  it.each([
    ['trailers-only', [headers(1, OK)], ['head 200 length', 'end']],
    [
      'with a length',
      [openHeaders(1, block([':status', '200'], ['content-length', '2'])), data(1, 'ok')],
      ['head 200 length', 'body ok', 'end'],
    ],
    [
      'an interim one before',
      [openHeaders(1, block([':status', '103'])), headers(1, OK)],
      ['interim 103', 'head 200 length', 'end'],
    ],
  ] as const)('%s', (_, frames, log) => {
    const { script, call, transport } = asked();
    script.say(transport, ...frames);
    expect(call.log).toEqual(log);
    expect(script.pool.idleCount).toBe(1);
  });

  it('reads the same at every split', () => {
    const bytes = Buffer.concat([
      openHeaders(1, block([':status', '103'])),
      openHeaders(1, OK),
      data(1, 'abc', 0),
      headers(1, TRAILERS),
    ]);
    for (let at = 1; at < bytes.length; at++) {
      const { script, call, transport } = asked();
      script.say(transport, bytes.subarray(0, at));
      script.say(transport, bytes.subarray(at));
      const joined = call.log
        .join('|')
        .replace(/\|body (\w+)\|body (\w+)/g, '|body $1$2')
        .replace(/\|body (\w+)\|body (\w+)/g, '|body $1$2');
      expect(joined).toBe('interim 103|head 200 chunked|body abc|end grpc-status=0');
    }
  });

  it('to HEAD has no body, whatever length it tells', () => {
    const script = new Http2UpstreamScript();
    const call = script.get(false, http1Request('HEAD / HTTP/1.1', 'host: orders'));
    const transport = script.opened();
    script.say(transport, headers(1, block([':status', '200'], ['content-length', '5'])));
    expect(call.log).toEqual(['connected', 'head 200 none', 'end']);
  });

  it('is held while its reader is full, and gives no credit', async () => {
    const { script, call, transport } = asked();
    call.hasRoom = false;
    script.say(transport, openHeaders(1, OK), data(1, 'ab', 0));
    const piece = Buffer.alloc(16_000, 'x');
    for (let i = 0; i < 4; i++) script.say(transport, data(1, piece, 0));
    expect(call.log).toEqual(['head 200 chunked', 'body ab']);
    expect(script.sent().filter((line) => line.startsWith('WINDOW_UPDATE 1 '))).toEqual([]);
    call.resume();
    expect(call.log.length).toBe(2);
    await script.later();
    expect(call.last).toBe(`body ${'x'.repeat(64_000)}`);
    expect(script.sent().filter((line) => line.startsWith('WINDOW_UPDATE 1 ')).length).toBe(1);
    script.say(transport, data(1, ''));
    expect(call.last).toBe('end');
  });

  it('that is complete before its request ends the request', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    const transport = script.opened();
    call.body('ab');
    script.say(transport, headers(1, block([':status', '413'])));
    expect(call.log).toEqual(['connected', 'head 413 length', 'end']);
    expect(script.sent()).toEqual(['DATA 1 2', 'RST_STREAM 1 CANCEL']);
    expect(script.pool.idleCount).toBe(1);
    expect(call.body('late')).toBe(true);
    call.end();
    expect(script.sent()).toEqual([]);
  });

  it('that is complete lets go on what is still to be sent, while the endpoint takes it', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    const transport = script.opened([WINDOW, 1]);
    call.body('abc');
    call.end();
    script.say(transport, headers(1, OK));
    expect(call.last).toBe('end');
    expect(script.sent()).toEqual(['DATA 1 1']);
    const live = (seconds: number): string[] => {
      for (let left = seconds; left > 0; left -= 5) {
        script.clock.advance(5_000);
        script.say(transport, ping());
      }
      return script.sent().filter((line) => line !== 'PING ack');
    };
    expect(live(50)).toEqual([]);
    script.say(transport, windowUpdate(1, 1));
    expect(live(65)).toEqual(['DATA 1 1']);
    expect(live(10)).toEqual(['RST_STREAM 1 CANCEL']);
    expect(script.pool.idleCount).toBe(1);
  });

  it('that is complete before all is sent leaves nothing behind once it is', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    const transport = script.opened([WINDOW, 1]);
    call.body('ab');
    call.end();
    script.say(transport, headers(1, OK));
    expect(script.pool.streamCount).toBe(1);
    script.say(transport, windowUpdate(1, 9));
    expect(script.pool.idleCount).toBe(1);
    transport.fin();
    script.expectNothing();
  });

  it('lets the next request begin inside its end, in the room that it leaves', () => {
    const script = new Http2UpstreamScript();
    const call = script.get();
    const transport = script.opened([MAX_STREAMS, 1]);
    let next: { log: string[] } | null = null;
    call.act = (line) => {
      if (line === 'end') next = script.get();
    };
    script.say(transport, headers(1, OK));
    expect(script.pool.createdCount).toBe(1);
    expect(script.sent()).toEqual(['HEADERS 3 end']);
    script.say(transport, headers(3, OK));
    expect(next!.log).toEqual(['head 200 length', 'end']);
  });

  it('that is here to its end reaches a slow reader when the connection is lost behind it', async () => {
    for (const how of ['reset', 'fin', 'rst'] as const) {
      const { script, call, transport } = asked();
      call.hasRoom = false;
      script.say(transport, openHeaders(1, OK), data(1, 'ab', 0), data(1, 'cd', 0), headers(1, TRAILERS));
      if (how === 'reset') transport.close('upstream_reset');
      else if (how === 'fin') transport.fin();
      else script.say(transport, reset(1, NO_ERROR));
      expect(call.log).toEqual(['head 200 chunked', 'body ab']);
      call.resume();
      await script.later();
      expect(call.log.slice(2)).toEqual(['body cd', 'end grpc-status=0']);
      script.pool.retire();
      if (how === 'rst') transport.fin();
      script.expectNothing();
    }
  });
});

describe('a malformed answer costs its stream', () => {
  it.each([
    ['no status', [headers(1, block(['a', 'b']))], ['failure bad_response']],
    [
      'a field of the connection',
      [headers(1, block([':status', '200'], ['connection', 'close']))],
      ['failure bad_response'],
    ],
    ['a 101', [openHeaders(1, block([':status', '101']))], ['failure bad_response']],
    ['an end in an interim head', [headers(1, block([':status', '103']))], ['failure bad_response']],
    ['a body before a head', [data(1, 'ab')], ['failure bad_response']],
    [
      'more than its length',
      [openHeaders(1, block([':status', '200'], ['content-length', '1'])), data(1, 'ab')],
      ['head 200 length', 'failure bad_response'],
    ],
    [
      'less than its length',
      [openHeaders(1, block([':status', '200'], ['content-length', '3'])), data(1, 'ab')],
      ['head 200 length', 'body ab', 'failure bad_response'],
    ],
    [
      'trailers that are none',
      [openHeaders(1, OK), headers(1, block([':status', '200']))],
      ['head 200 chunked', 'failure bad_response'],
    ],
    [
      'trailers without an end',
      [openHeaders(1, OK), headers(1, TRAILERS, END_HEADERS)],
      ['head 200 chunked', 'failure bad_response'],
    ],
  ] as const)('%s', (_, frames, log) => {
    const { script, call, transport } = asked();
    const other = script.get();
    script.sent();
    script.say(transport, ...frames);
    expect(call.log).toEqual(log);
    expect(script.sent()).toEqual(['RST_STREAM 1 PROTOCOL_ERROR']);
    script.say(transport, headers(3, OK));
    expect(other.last).toBe('end');
  });

  it('too many interim ones', () => {
    const { script, call, transport } = asked();
    for (let i = 0; i < 40; i++) script.say(transport, openHeaders(1, block([':status', '103'])));
    expect(call.log.length).toBe(33);
    expect(call.last).toBe('failure bad_response');
  });

  it('and what breaks the protocol costs them all', () => {
    const { script, call, transport } = asked();
    const other = script.get();
    script.sent();
    script.say(transport, headers(9, OK));
    expect([call.log, other.log]).toEqual([['failure bad_response'], ['failure bad_response']]);
    expect(script.sent()).toEqual(['GOAWAY 0 PROTOCOL_ERROR']);
    expect(transport.isEnded).toBe(true);
    transport.fin();
    script.expectNothing();
  });
});

describe('an endpoint that does not begin as HTTP/2 does is told nothing and has not seen the request', () => {
  it.each([
    ['HTTP/1.1', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
    ['an alert of TLS', '\x15\x03\x01\x00\x02\x02\x46\x00\x00'],
    ['a greeting', '220 mail.test ESMTP\r\n'],
    ['another frame', '\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'],
  ])('%s', (_, said) => {
    const script = new Http2UpstreamScript();
    const call = script.get();
    script.transport.connect();
    script.transport.say(said);
    expect(call.log).toEqual(['failure not_http2']);
    expect(call.upstream.bytesWritten).toBe(0);
    script.transport.close('upstream_reset');
    script.expectNothing();
  });
});

describe('a reset by the endpoint', () => {
  it.each([
    ['before anything', [], REFUSED, 'stream_refused'],
    ['before anything', [], HTTP_1_1_REQUIRED, 'upstream_reset'],
    ['before anything', [], NO_ERROR, 'upstream_reset'],
    ['after an interim head', [openHeaders(1, block([':status', '103']))], REFUSED, 'upstream_reset'],
    ['after the head', [openHeaders(1, OK)], REFUSED, 'response_truncated'],
    ['inside the body', [openHeaders(1, OK), data(1, 'a', 0)], NO_ERROR, 'response_truncated'],
  ] as const)('%s, by %#: %d is %s', (_, frames, code, failure) => {
    const { script, call, transport } = asked();
    script.say(transport, ...frames, reset(1, code));
    expect(call.last).toBe(`failure ${failure}`);
    expect(script.pool.idleCount).toBe(1);
    expect(script.sent()).toEqual([]);
  });

  it('after the complete answer is no failure', () => {
    const script = new Http2UpstreamScript();
    const call = script.post();
    const transport = script.opened();
    call.body('ab');
    script.say(transport, headers(1, OK), reset(1, NO_ERROR));
    expect(call.log).toEqual(['connected', 'head 200 length', 'end']);
    expect(script.pool.idleCount).toBe(1);
  });

  it('is followed inside the event by another try on the same session', () => {
    const { script, call, transport } = asked();
    call.act = () => script.get();
    script.say(transport, reset(1, REFUSED));
    expect(script.sent()).toEqual(['HEADERS 3 end']);
  });
});

describe('a lost connection', () => {
  const POINTS = [
    ['before anything', [], 'upstream_reset', 'connection_stale'],
    ['after an interim head', [openHeaders(1, block([':status', '103']))], 'upstream_reset', 'upstream_reset'],
    ['after the head', [openHeaders(1, OK)], 'response_truncated', 'response_truncated'],
    ['inside the body', [openHeaders(1, OK), data(1, 'a', 0)], 'response_truncated', 'response_truncated'],
  ] as const;

  it.each(POINTS)('%s', (_, frames, failure) => {
    for (const how of ['fin', 'reset'] as const) {
      const { script, call, transport } = asked();
      script.say(transport, ...frames);
      if (how === 'fin') transport.fin();
      else transport.close('upstream_reset');
      expect(call.last).toBe(`failure ${failure}`);
      script.expectNothing();
    }
  });

  it.each(POINTS)('%s, on a session that was used before', (_, frames, __, failure) => {
    const { script, call, transport } = askedAgain();
    expect(call.upstream.isReused).toBe(true);
    script.say(transport, ...frames.map((bytes) => Buffer.from(bytes).fill(3, 8, 9)));
    transport.close('upstream_reset');
    expect(call.last).toBe(`failure ${failure}`);
    script.expectNothing();
  });

  it('is told to a request that a fresh one was asked for as no stale one, so that it cannot repeat', () => {
    const { script, transport } = askedAgain();
    const fresh = script.get(true);
    expect(script.transport).not.toBe(transport);
    expect(fresh.upstream.isReused).toBe(false);
    script.opened();
    script.transport.close('upstream_reset');
    expect(fresh.last).toBe('failure upstream_reset');
  });

  it('is none to a fresh one either when the session was used while that waited for room', () => {
    const { script, transport } = asked();
    script.say(transport, settings([MAX_STREAMS, 0]));
    const fresh = script.get(true);
    expect(script.sockets.dialed.length).toBe(1);
    script.say(transport, headers(1, OK), settings([MAX_STREAMS, 5]));
    expect(fresh.log).toEqual(['connected']);
    transport.close('upstream_reset');
    expect(fresh.last).toBe('failure upstream_reset');
  });

  it('is told by its own name before it was open, to all that wait', () => {
    const script = new Http2UpstreamScript();
    const calls = [script.get(), script.get()];
    script.transport.close('connect_refused');
    for (const call of calls) expect(call.log).toEqual(['failure connect_refused']);
    expect(script.sockets.dialed.length).toBe(1);
    script.expectNothing();
  });

  it('after a bug of a handler is told as one', () => {
    const { script, call, transport } = asked();
    const other = script.get();
    transport.close('internal_error');
    expect([call.last, other.last]).toEqual(['failure internal_error', 'failure internal_error']);
    script.expectNothing();
  });
});

describe('a bug of a handler', () => {
  it('costs the connection also where no transport catches it', async () => {
    const { script, call, transport } = asked();
    const other = script.get();
    call.hasRoom = false;
    script.say(transport, openHeaders(1, OK), data(1, 'ab', 0), data(1, 'cd', 0));
    call.resume();
    call.act = (line) => {
      if (line === 'body cd') throw new Error('a bug');
    };
    await script.later();
    expect(script.sockets.bugs.splice(0)).toEqual([new Error('a bug')]);
    expect([call.last, other.last]).toEqual(['failure internal_error', 'failure internal_error']);
    expect(transport.destroyed).toBe('reset');
    script.expectNothing();
  });

  it('that hears of the end costs nobody else', () => {
    const { script, call } = asked();
    const other = script.get();
    call.act = () => {
      throw new Error('a bug');
    };
    script.clock.advance(15_030);
    expect(script.sockets.bugs.splice(0)).toEqual([new Error('a bug')]);
    expect(other.last).toBe('failure upstream_reset');
    script.expectNothing();
  });
});

describe('an abort', () => {
  it('while the connection opens forgets it when nobody else waits', () => {
    const script = new Http2UpstreamScript();
    const [first, second] = [script.get(), script.get()];
    first.abort();
    expect(script.transport.destroyed).toBe(null);
    second.abort();
    expect(script.transport.destroyed).toBe('reset');
    script.expectNothing();
  });

  it.each(['interim 103', 'head 200 chunked', 'body abc'])('inside %s stops there and keeps the session', (where) => {
    const { script, call, transport } = asked();
    call.act = (line) => line === where && call.abort();
    script.say(
      transport,
      openHeaders(1, block([':status', '103'])),
      openHeaders(1, OK),
      data(1, 'abc', 0),
      data(1, 'def', 0),
      headers(1, TRAILERS),
    );
    expect(call.last).toBe(where);
    expect(script.sent()).toEqual(['RST_STREAM 1 CANCEL']);
    expect(script.pool.idleCount).toBe(1);
    expect(transport.destroyed).toBe(null);
  });

  it('after the end does nothing', () => {
    const { script, call, transport } = asked();
    script.say(transport, headers(1, OK));
    call.abort();
    expect(script.sent()).toEqual([]);
    expect(script.pool.idleCount).toBe(1);
  });

  it('drops what is held for a slow reader, also when the connection is gone', () => {
    const { script, call, transport } = asked();
    call.hasRoom = false;
    script.say(transport, openHeaders(1, OK), data(1, 'ab', 0), data(1, 'cd'));
    transport.fin();
    call.abort();
    script.expectNothing();
  });
});

describe('an upgrade', () => {
  const WEBSOCKET = () =>
    http1Request(
      'GET /chat HTTP/1.1',
      'host: orders',
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version: 13',
    );

  it('becomes an extended CONNECT whose both directions are raw', () => {
    const script = new Http2UpstreamScript();
    const call = script.get(false, WEBSOCKET());
    const transport = script.opened([CONNECT_PROTOCOL, 1]);
    script.say(transport, openHeaders(1, OK), data(1, 'hello', 0));
    call.body('there');
    expect(script.sent()).toEqual(['DATA 1 5']);
    script.say(transport, data(1, ''));
    expect(call.log).toEqual(['connected', 'head 101 raw', 'body hello', 'end']);
    call.body('bye');
    call.end();
    expect(script.sent()).toEqual(['DATA 1 3 end']);
    expect(script.pool.idleCount).toBe(1);
  });

  it('ends its request when the endpoint answers otherwise', () => {
    const script = new Http2UpstreamScript();
    const call = script.get(false, WEBSOCKET());
    const transport = script.opened([CONNECT_PROTOCOL, 1]);
    script.say(transport, openHeaders(1, block([':status', '403'])));
    expect(script.sent()).toEqual(['DATA 1 0 end']);
    script.say(transport, data(1, 'no'));
    expect(call.log.slice(1)).toEqual(['head 403 chunked', 'body no', 'end']);
    expect(script.pool.idleCount).toBe(1);
  });

  it('is told of the end when the endpoint answers otherwise with a head alone', () => {
    const script = new Http2UpstreamScript();
    const call = script.get(false, WEBSOCKET());
    const transport = script.opened([CONNECT_PROTOCOL, 1]);
    script.say(transport, headers(1, block([':status', '403'])));
    expect(call.log.slice(1)).toEqual(['head 403 length', 'end']);
    expect(script.sent()).toEqual(['DATA 1 0 end']);
    expect(script.pool.idleCount).toBe(1);
  });

  it('is told that it cannot be, in an event of its own, where the endpoint takes none', async () => {
    const script = new Http2UpstreamScript();
    const call = script.get(false, WEBSOCKET());
    script.opened();
    expect(call.log).toEqual(['connected']);
    await script.later();
    expect(call.log).toEqual(['connected', 'failure upgrade_unsupported']);
    expect(script.sent()).toEqual([]);
    expect(script.pool.idleCount).toBe(1);
  });

  it('that was aborted meanwhile is told nothing', async () => {
    const script = new Http2UpstreamScript();
    const call = script.get(false, WEBSOCKET());
    script.opened();
    call.abort();
    await script.later();
    expect(call.log).toEqual(['connected']);
  });

  it('is not used again after a reset that its exchange was not told of', () => {
    const script = new Http2UpstreamScript();
    const call = script.get(false, WEBSOCKET());
    const transport = script.opened([CONNECT_PROTOCOL, 1]);
    script.say(transport, openHeaders(1, OK), data(1, ''), reset(1, NO_ERROR));
    expect(call.last).toBe('end');
    const other = script.get();
    script.sent();
    call.body('late');
    call.abort();
    expect(script.sent()).toEqual([]);
    script.say(transport, headers(3, OK));
    expect(other.last).toBe('end');
  });
});

describe('GOAWAY of the endpoint', () => {
  it('lets seen streams end, and then the connection closes', () => {
    const { script, call, transport } = asked();
    script.say(transport, goAway(1));
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
    expect(transport.isEnded).toBe(false);
    script.say(transport, headers(1, OK));
    expect(call.last).toBe('end');
    expect(script.sent(transport)).toEqual(['GOAWAY 0 NO_ERROR']);
    expect(transport.isEnded).toBe(true);
    transport.fin();
    expect(script.pool.openCount).toBe(1);
  });

  it('gives unseen streams back as never sent', () => {
    const { script, call, transport } = askedAgain();
    script.say(transport, goAway(1));
    expect(call.log).toEqual(['failure connection_stale']);
    expect(call.upstream.bytesWritten).toBe(0);
    expect(transport.isEnded).toBe(true);
  });

  it('on a fresh session is a refusal, which cannot repeat for ever', () => {
    const { script, call, transport } = asked();
    script.say(transport, goAway(0));
    expect(call.log).toEqual(['failure stream_refused']);
    expect(call.upstream.bytesWritten).toBe(0);
  });

  it('finds another session for the retry that an unseen stream is followed by', () => {
    const { script, call, transport } = askedAgain();
    call.act = () => script.get(true);
    script.say(transport, goAway(1));
    expect(script.sockets.dialed.length).toBe(2);
  });

  it('closes an idle session', () => {
    const { script, transport } = asked();
    script.say(transport, headers(1, OK), goAway(1));
    expect(script.sent()).toEqual(['GOAWAY 0 NO_ERROR']);
    transport.fin();
    script.expectNothing();
  });
});

describe('PING', () => {
  it('asks a silent endpoint, and its answer is enough', () => {
    const { script, call, transport } = asked();
    script.clock.advance(9_990);
    expect(script.sent()).toEqual([]);
    script.clock.advance(20);
    expect(script.sent()).toEqual(['PING']);
    script.say(transport, ping('\0\0\0\0\0\0\0\0', 1));
    script.clock.advance(6_000);
    expect(call.log).toEqual([]);
    script.clock.advance(5_000);
    expect(script.sent()).toEqual(['PING']);
  });

  it('gives up a connection that does not answer', () => {
    const { script, call, transport } = asked();
    script.clock.advance(15_030);
    expect(call.log).toEqual(['failure upstream_reset']);
    expect(transport.destroyed).toBe('reset');
    script.expectNothing();
  });

  it('believes an answer that was late only because nobody had read it', () => {
    const { script, call, transport } = asked();
    script.clock.advance(10_010);
    expect(script.sent()).toEqual(['PING']);
    // The timer of a stalled process fires first.
    script.clock.advance(5_000);
    script.say(transport, ping('\0\0\0\0\0\0\0\0', 1));
    script.clock.advance(5_000);
    expect(call.log).toEqual([]);
    script.clock.advance(10_030);
    expect(call.log).toEqual(['failure upstream_reset']);
  });

  it('is not sent while bytes come, nor on an idle session, nor when it is off', () => {
    const { script, transport } = asked();
    script.clock.advance(6_000);
    script.say(transport, openHeaders(1, OK));
    script.clock.advance(6_000);
    expect(script.sent()).toEqual([]);
    script.say(transport, data(1, 'a'));
    script.clock.advance(20_000);
    expect(script.sent()).toEqual([]);
    const off = asked(new Http2UpstreamScript({}, { pingIntervalMs: 0 }));
    off.script.clock.advance(100_000);
    expect(off.call.log).toEqual([]);
    expect(off.script.sent()).toEqual([]);
  });
});

describe('with a session at the other end', () => {
  it('a body goes there and back under backpressure both ways, unchanged', async () => {
    const script = new Http2UpstreamScript({}, { maxStreamWindow: 65_535, maxConnectionWindow: 65_535 });
    const call = script.post();
    const endpoint = script.serve();
    const body = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (at * 7) & 0xff));
    let echoed = 0;
    const echo = (): void => {
      const stream = endpoint.stream(1);
      const from = echoed;
      echoed = endpoint.body(1).length;
      stream.hasRoom = echoed === from || stream.send(endpoint.body(1).subarray(from));
      if (endpoint.body(1).length === body.length) stream.sendEnd();
    };
    endpoint.onHead = (stream) => stream.sendHead([[':status', '200']]);
    endpoint.onBytes = echo;
    endpoint.onEnd = () => undefined;
    endpoint.onRoom = (stream) => {
      stream.hasRoom = true;
      stream.resume();
    };
    script.run();
    let at = 0;
    let refusals = 0;
    const send = (): void => {
      for (; at < body.length; at += 10_000) {
        if (call.body(body.subarray(at, at + 10_000))) continue;
        refusals++;
        at += 10_000;
        return;
      }
      call.end();
    };
    call.act = (line) => {
      if (line === 'drain') send();
      if (line.startsWith('body')) call.hasRoom = false;
    };
    send();
    let resumes = 0;
    for (; call.last !== 'end' && resumes < 1_000; resumes++) {
      script.run();
      if (!call.hasRoom) call.resume();
      await script.later();
    }
    const got = call.log.filter((line) => line.startsWith('body ')).map((line) => line.slice(5));
    expect(Buffer.from(got.join(''), 'latin1').equals(body)).toBe(true);
    expect(refusals).toBeGreaterThan(2);
    expect(resumes).toBeGreaterThan(4);
    script.pool.retire();
    script.transport.fin();
    script.expectNothing();
  });

  it('a huge head comes back in CONTINUATION frames', () => {
    const script = new Http2UpstreamScript();
    const call = script.get();
    const endpoint = script.serve();
    endpoint.onHead = (stream) =>
      stream.sendHead([
        [':status', '200'],
        ['x-1', 'y'.repeat(20_000)],
        ['x-2', 'z'.repeat(30_000)],
      ]);
    endpoint.onEnd = (stream) => stream.sendEnd();
    script.run();
    expect(call.log).toEqual(['connected', 'head 200 length', 'end']);
  });

  it('windows that grew are given back when the streams are over', () => {
    const script = new Http2UpstreamScript();
    const call = script.get();
    const endpoint = script.serve();
    endpoint.onEnd = (stream) => {
      stream.sendHead([[':status', '200']]);
      stream.send(Buffer.alloc(900_000));
      stream.sendEnd();
    };
    script.run();
    expect(call.last).toBe('end');
    expect(script.budget.takenBytes).toBeGreaterThan(0);
    script.pool.retire();
    expect(script.budget.takenBytes).toBe(0);
  });
});
