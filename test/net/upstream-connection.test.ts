import { beforeEach, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { Upstream } from '../../src/http/conduit.ts';
import { Edits, NO_EDITS } from '../../src/http/edits.ts';
import { FieldList } from '../../src/http/fields.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { Pool, type PoolOptions } from '../../src/net/pool.ts';
import { FakeSockets, type FakeTransport } from '../support/fake-transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingResponse } from '../support/recording-response.ts';

const LIMITS = { maxHeadBytes: 4096, maxFields: 50, maxTargetBytes: 1024 };
const OPTIONS: PoolOptions = {
  host: '127.0.0.1',
  port: 80,
  connectTimeoutMs: 1000,
  idleTimeoutMs: 30_000,
  ...DEFAULT_CONNECTIONS,
  maxIdle: 2,
  limits: LIMITS,
};

let clock: ManualClock;
let sockets: FakeSockets;
let pool: Pool;
let response: RecordingResponse;

beforeEach(() => {
  clock = new ManualClock();
  sockets = new FakeSockets();
  pool = makePool({});
  response = new RecordingResponse();
});

function makePool(changes: Partial<PoolOptions>): Pool {
  return new Pool(
    { sockets, host: sockets.host, clock, random: new SeededRandom(1), closed: new Closed() },
    { ...OPTIONS, ...changes },
  );
}

function request(text: string): RequestHead {
  const parser = new RequestParser(LIMITS, 'http');
  const bytes = Buffer.from(`${text.replaceAll('\n', '\r\n')}\r\n\r\n`, 'latin1');
  expect(parser.parse(bytes, 0)).toBe(bytes.length);
  return parser.head;
}

const GET = (): RequestHead => request('GET /a HTTP/1.1\nhost: orders');

/** A fresh connection that is ready for a request. */
function open(): { upstream: Upstream; transport: FakeTransport } {
  const upstream = pool.acquire(response, false);
  const transport = sockets.last;
  transport.connect();
  return { upstream, transport };
}

/** A connection that has carried an answer and waits in the pool. */
function rested(answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'): FakeTransport {
  const { upstream, transport } = open();
  upstream.sendHead(GET(), NO_EDITS);
  upstream.sendEnd(null);
  transport.take();
  transport.say(answer);
  response.log.length = 0;
  return transport;
}

describe('a request', () => {
  it('goes out when the connection is open, head and end in one write', () => {
    const upstream = pool.acquire(response, false);
    expect(upstream.isReady).toBe(false);
    expect(response.log).toEqual([]);
    sockets.last.connect();
    expect(response.log).toEqual(['connected']);
    expect(upstream.isReady).toBe(true);
    expect(upstream.isReused).toBe(false);
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    const text = sockets.last.take();
    expect(text).toBe('GET /a HTTP/1.1\r\nhost: orders\r\n\r\n');
    expect(upstream.bytesWritten).toBe(text.length);
  });

  it('has its edits applied', () => {
    const { upstream, transport } = open();
    const edits = new Edits();
    edits.set('x-request-id', '7');
    edits.path = '/b';
    upstream.sendHead(GET(), edits);
    expect(transport.take()).toBe('GET /b HTTP/1.1\r\nhost: orders\r\nx-request-id: 7\r\n\r\n');
  });

  it('carries a body of known length as it is', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request('POST / HTTP/1.1\nhost: orders\ncontent-length: 4'), NO_EDITS);
    expect(upstream.sendBody(Buffer.from('ab'))).toBe(true);
    expect(upstream.sendBody(Buffer.from('cd'))).toBe(true);
    upstream.sendEnd(null);
    expect(transport.take()).toMatch(/\r\n\r\nabcd$/);
  });

  it('frames a chunked body anew and adds trailers', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request('POST / HTTP/1.1\nhost: orders\ntransfer-encoding: chunked'), NO_EDITS);
    upstream.sendBody(Buffer.from('abc'));
    upstream.sendBody(Buffer.alloc(20_000, 'x'));
    upstream.sendEnd(new FieldList().add('digest', '1'));
    const text = transport.take();
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    expect(body).toBe(`3\r\nabc\r\n4e20\r\n${'x'.repeat(20_000)}\r\n0\r\ndigest: 1\r\n\r\n`);
    expect(upstream.bytesWritten).toBe(text.length - '0\r\ndigest: 1\r\n\r\n'.length - '3\r\n\r\n4e20\r\n\r\n'.length);
  });

  it('is held back while the transport is full, until it drains', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request('POST / HTTP/1.1\nhost: orders\ncontent-length: 90000'), NO_EDITS);
    transport.pendingBytes = 70_000;
    expect(upstream.sendBody(Buffer.alloc(30_000))).toBe(false);
    expect(upstream.sendBody(Buffer.alloc(10))).toBe(false);
    transport.drain();
    expect(response.log).toEqual(['connected', 'drain']);
    expect(upstream.sendBody(Buffer.alloc(10))).toBe(true);
  });
});

describe('an answer', () => {
  it('is given piece by piece and leaves the connection in the pool', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    response.react = (line) => line === 'end' && expect(pool.idleCount).toBe(1);
    transport.say('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab');
    expect(pool.idleCount).toBe(0);
    transport.say('cde');
    expect(response.log).toEqual(['connected', 'head 200 length', 'body ab', 'body cde', 'end']);
    expect(transport.destroyed).toBe(null);
  });

  it('reads the same at every split, with an interim answer and trailers', () => {
    const text =
      'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\ndigest: 1\r\n\r\n';
    for (let at = 1; at < text.length; at++) {
      response = new RecordingResponse();
      const { upstream, transport } = open();
      upstream.sendHead(GET(), NO_EDITS);
      upstream.sendEnd(null);
      transport.say(text.slice(0, at));
      transport.say(text.slice(at));
      const joined = response.log.join('|').replace(/\|body (\w+)\|body (\w+)/, '|body $1$2');
      expect(joined).toBe('connected|interim 103|head 200 chunked|body abc|end digest=1');
      pool.retire();
      pool = makePool({});
    }
  });

  it('comes byte by byte', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    for (const byte of 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok') transport.say(byte);
    expect(response.log).toEqual(['connected', 'head 200 length', 'body o', 'body k', 'end']);
    expect(pool.idleCount).toBe(1);
  });

  it('ends with the connection when it says no length', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say('HTTP/1.1 200 OK\r\n\r\nab');
    transport.fin();
    expect(response.log.slice(1)).toEqual(['head 200 until_close', 'body ab', 'end']);
    expect(transport.destroyed).not.toBe(null);
    expect(pool.openCount).toBe(0);
  });

  it('pauses the reading when it is not taken, and goes on when told', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    response.hasRoom = false;
    transport.say('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab');
    expect(transport.isPaused).toBe(true);
    upstream.resume();
    expect(transport.isPaused).toBe(false);
    transport.say('cde');
    expect(pool.idleCount).toBe(1);
    expect(transport.isPaused).toBe(false);
  });

  it.each([
    ['HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok', 'the endpoint says close'],
    ['HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', 'it is HTTP/1.0'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n', 'bytes follow it'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=0\r\n\r\nok', 'the endpoint keeps none'],
  ])('closes the connection after %j: %s', (answer) => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say(answer);
    expect(response.log.slice(2)).toEqual(['body ok', 'end']);
    expect(transport.destroyed).toBe('fin');
    expect(pool.idleCount).toBe(0);
  });

  it('closes the connection when it is complete before the request', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request('POST / HTTP/1.1\nhost: orders\ncontent-length: 9'), NO_EDITS);
    transport.say('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
    expect(response.log).toEqual(['connected', 'head 413 length', 'end']);
    expect(transport.destroyed).toBe('fin');
    upstream.sendBody(Buffer.from('late'));
    upstream.sendEnd(null);
    expect(transport.take()).not.toContain('late');
  });

  it('has no body after HEAD', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request('HEAD / HTTP/1.1\nhost: orders'), NO_EDITS);
    upstream.sendEnd(null);
    transport.say('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n');
    expect(response.log).toEqual(['connected', 'head 200 none', 'end']);
    expect(pool.idleCount).toBe(1);
  });

  it('lets the next request begin inside its end', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.take();
    const second = new RecordingResponse();
    response.react = (line) => {
      if (line !== 'end') return;
      const again = pool.acquire(second, false);
      expect(again.isReady && again.isReused).toBe(true);
      again.sendHead(GET(), NO_EDITS);
      again.sendEnd(null);
    };
    transport.say('HTTP/1.1 204 No Content\r\n\r\n');
    expect(transport.take()).toContain('GET /a');
    transport.say('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    expect(second.log).toEqual(['head 200 length', 'end']);
    expect(sockets.dialed.length).toBe(1);
  });
});

describe('an upgrade', () => {
  const WEBSOCKET = 'GET / HTTP/1.1\nhost: orders\nconnection: upgrade\nupgrade: websocket';
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';

  it('makes both directions raw, the first bytes included', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request(WEBSOCKET), NO_EDITS);
    upstream.sendEnd(null);
    transport.take();
    transport.say(`${SWITCH}hello`);
    upstream.sendBody(Buffer.from('there'));
    expect(transport.take()).toBe('there');
    transport.fin();
    expect(response.log).toEqual(['connected', 'head 101 raw', 'body hello', 'end']);
    expect(transport.destroyed).toBe(null);
    upstream.sendBody(Buffer.from('bye'));
    upstream.sendEnd(null);
    expect(transport.take()).toBe('bye');
    expect(transport.isEnded).toBe(true);
    transport.close(null);
    expect(response.log.length).toBe(4);
    expect(pool.openCount).toBe(0);
  });

  it('is not waited for when both ends have said FIN and the endpoint reads nothing of what is before ours', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request(WEBSOCKET), NO_EDITS);
    upstream.sendEnd(null);
    transport.say(SWITCH);
    transport.pendingBytes = 1_000;
    upstream.sendEnd(null);
    transport.fin();
    for (let i = 0; i < 3; i++) {
      transport.pendingBytes -= 10;
      clock.advance(60_010);
    }
    expect(transport.destroyed).toBe(null);
    clock.advance(60_010);
    expect(transport.destroyed).toBe('reset');
    expect([pool.openCount, clock.armed]).toEqual([0, 0]);
  });

  it('reports a raw connection that is lost', () => {
    const { upstream, transport } = open();
    upstream.sendHead(request(WEBSOCKET), NO_EDITS);
    upstream.sendEnd(null);
    transport.say(SWITCH);
    transport.close('upstream_reset');
    expect(response.log.slice(2)).toEqual(['failure response_truncated']);
  });

  it('that nobody asked for is refused', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say(SWITCH);
    expect(response.log.slice(1)).toEqual(['failure unrequested_upgrade']);
    expect(transport.destroyed).toBe('reset');
  });
});

describe('a failure', () => {
  it.each(['connect_refused', 'connect_failed'] as const)('to connect is passed on: %s', (code) => {
    pool.acquire(response, false);
    sockets.last.close(code);
    expect(response.log).toEqual([`failure ${code}`]);
    expect(pool.openCount).toBe(0);
  });

  it('is a connection that does not open in time', () => {
    pool.acquire(response, false);
    clock.advance(990);
    expect(response.log).toEqual([]);
    clock.advance(20);
    expect(response.log).toEqual(['failure connect_timeout']);
    expect(sockets.last.destroyed).toBe('reset');
    expect(clock.armed).toBe(0);
  });

  it.each([
    ['fin', 'upstream_reset'],
    ['reset', 'upstream_reset'],
  ] as const)('of a fresh connection before the head: %s', (how, code) => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    if (how === 'fin') transport.fin();
    else transport.close('upstream_reset');
    expect(response.log).toEqual(['connected', `failure ${code}`]);
  });

  it.each(['fin', 'reset'])('of a reused connection before a byte of the answer is a stale one: %s', (how) => {
    const transport = rested();
    const upstream = pool.acquire(response, false);
    expect(upstream.isReused).toBe(true);
    expect(upstream.bytesWritten).toBe(0);
    upstream.sendHead(GET(), NO_EDITS);
    if (how === 'fin') transport.fin();
    else transport.close('upstream_reset');
    expect(response.log).toEqual(['failure connection_stale']);
    expect(upstream.bytesWritten).toBeGreaterThan(0);
  });

  it('of a reused connection that had begun to answer is not a stale one', () => {
    const transport = rested();
    pool.acquire(response, false).sendHead(GET(), NO_EDITS);
    transport.say('HTTP/1.1 2');
    transport.fin();
    expect(response.log).toEqual(['failure upstream_reset']);
  });

  it('of a reused connection that spoke before it was asked is a stale one, with nothing written', () => {
    const transport = rested();
    const upstream = pool.acquire(response, false);
    transport.say('HTTP/1.1 408 Request Timeout\r\n\r\n');
    expect(response.log).toEqual(['failure connection_stale']);
    expect(upstream.bytesWritten).toBe(0);
  });

  it.each([
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab',
  ])('is an answer that is cut: %j', (answer) => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say(answer);
    transport.fin();
    expect(response.log.slice(3)).toEqual(['failure response_truncated']);
    expect(pool.openCount).toBe(0);
  });

  it('is a body without a length that ends in a reset', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    transport.say('HTTP/1.1 200 OK\r\n\r\nab');
    transport.close('upstream_reset');
    expect(response.log.slice(3)).toEqual(['failure response_truncated']);
  });

  it.each([
    'nonsense\r\n\r\n',
    'HTTP/1.1 99 Low\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(5000)}\r\n\r\n`,
    'HTTP/1.1 102 Processing\r\n\r\n'.repeat(33),
  ])('is an answer that is not HTTP: %j', (answer) => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say(answer);
    expect(response.log.at(-1)).toBe('failure bad_response');
    expect(transport.destroyed).toBe('reset');
  });

  it('is broken chunked coding', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n');
    expect(response.log.slice(2)).toEqual(['failure bad_response']);
  });

  it('is told once, and nothing after it', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    transport.close('upstream_reset');
    transport.close('upstream_reset');
    upstream.abort();
    upstream.resume();
    expect(response.log).toEqual(['connected', 'failure upstream_reset']);
    expect(pool.openCount).toBe(0);
  });
});

describe('abort', () => {
  it('closes the connection and silences it', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.abort();
    upstream.abort();
    expect(transport.destroyed).toBe('reset');
    expect(response.log).toEqual(['connected']);
    expect(pool.openCount).toBe(0);
    expect(clock.armed).toBe(0);
  });

  it('while the connection opens forgets it', () => {
    pool.acquire(response, false).abort();
    expect(sockets.last.destroyed).toBe('reset');
    expect(clock.armed).toBe(0);
  });

  it.each(['interim 103', 'head 200 chunked', 'body abc'])('inside %s stops there', (where) => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    response.react = (line) => line === where && upstream.abort();
    transport.say(
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
    );
    expect(response.log.at(-1)).toBe(where);
    expect(pool.openCount).toBe(0);
  });

  it('after the end leaves the connection in the pool', () => {
    const { upstream, transport } = open();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say('HTTP/1.1 204 No Content\r\n\r\n');
    upstream.abort();
    expect(transport.destroyed).toBe(null);
    expect(pool.idleCount).toBe(1);
  });
});

describe('the pool', () => {
  it('takes the connection used last', () => {
    const first = open();
    const second = open();
    for (const { upstream, transport } of [first, second]) {
      upstream.sendHead(GET(), NO_EDITS);
      upstream.sendEnd(null);
      transport.say('HTTP/1.1 204 No Content\r\n\r\n');
    }
    expect(pool.idleCount).toBe(2);
    expect(pool.acquire(response, false)).toBe(second.upstream);
    expect(pool.acquire(response, false)).toBe(first.upstream);
    expect(pool.createdCount).toBe(2);
  });

  it('opens a fresh one when asked, and leaves the idle ones', () => {
    rested();
    const upstream = pool.acquire(response, true);
    expect(upstream.isReady).toBe(false);
    expect(upstream.isReused).toBe(false);
    expect(pool.idleCount).toBe(1);
    expect(pool.openCount).toBe(2);
  });

  it('closes the one that waited longest when there are too many', () => {
    const opened = [open(), open(), open()];
    for (const { upstream, transport } of opened) {
      upstream.sendHead(GET(), NO_EDITS);
      upstream.sendEnd(null);
      transport.say('HTTP/1.1 204 No Content\r\n\r\n');
    }
    expect(pool.idleCount).toBe(2);
    expect(pool.openCount).toBe(2);
    expect(opened.map(({ transport }) => transport.destroyed)).toEqual(['fin', null, null]);
  });

  it('closes idle connections at their timeout', () => {
    const transport = rested();
    clock.advance(29_990);
    expect(transport.destroyed).toBe(null);
    clock.advance(20);
    expect(transport.destroyed).toBe('fin');
    expect(pool.idleCount).toBe(0);
    expect(pool.openCount).toBe(0);
  });

  it("leaves before the endpoint's own timeout", () => {
    const transport = rested('HTTP/1.1 200 OK\r\nkeep-alive: timeout=5, max=100\r\ncontent-length: 0\r\n\r\n');
    clock.advance(3_990);
    expect(transport.destroyed).toBe(null);
    clock.advance(20);
    expect(transport.destroyed).toBe('fin');
  });

  it('gives a connection that was used again its whole idle time', () => {
    const transport = rested();
    clock.advance(20_000);
    const upstream = pool.acquire(response, false);
    clock.advance(60_000);
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    transport.say('HTTP/1.1 204 No Content\r\n\r\n');
    clock.advance(29_000);
    expect(transport.destroyed).toBe(null);
    clock.advance(1_010);
    expect(transport.destroyed).toBe('fin');
  });

  it.each(['fin', 'reset', 'bytes'])('forgets an idle connection on %s', (how) => {
    const transport = rested();
    if (how === 'fin') transport.fin();
    else if (how === 'reset') transport.close('upstream_reset');
    else transport.say('HTTP/1.1 408 Request Timeout\r\n\r\n');
    expect(pool.idleCount).toBe(0);
    expect(pool.openCount).toBe(0);
    expect(transport.destroyed).not.toBe(null);
    expect(clock.armed).toBe(0);
    expect(response.log).toEqual([]);
  });

  it('closes idle connections when it is retired, and busy ones after their answer', () => {
    const idle = rested();
    const { upstream, transport } = (() => {
      const fresh = pool.acquire(response, true);
      sockets.last.connect();
      return { upstream: fresh, transport: sockets.last };
    })();
    upstream.sendHead(GET(), NO_EDITS);
    upstream.sendEnd(null);
    pool.retire();
    expect(idle.destroyed).toBe('fin');
    expect(transport.destroyed).toBe(null);
    transport.say('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    expect(response.log.slice(-3)).toEqual(['head 200 length', 'body ok', 'end']);
    expect(transport.destroyed).toBe('fin');
    expect(pool.openCount).toBe(0);
  });

  it('keeps nothing when it may keep none', () => {
    pool = makePool({ maxIdle: 0 });
    expect(rested().destroyed).toBe('fin');
  });
});
