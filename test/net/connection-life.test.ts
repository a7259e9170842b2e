import { beforeEach, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { TunnelHandler } from '../../src/http/conduit.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { Closed, type CloseReason } from '../../src/net/close-reasons.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { Pool, type PoolOptions } from '../../src/net/pool.ts';
import { FakeSockets, type FakeTransport } from '../support/fake-transport.ts';
import { goAway, headers, OK } from '../support/http2-frames.ts';
import { Http2UpstreamScript } from '../support/http2-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingResponse } from '../support/recording-response.ts';

const LIMITS = { maxHeadBytes: 4096, maxFields: 50, maxTargetBytes: 1024 };
const OPTIONS: PoolOptions = {
  ...DEFAULT_CONNECTIONS,
  host: '127.0.0.1',
  port: 80,
  connectTimeoutMs: 1_000,
  idleTimeoutMs: 4_000,
  limits: LIMITS,
};
const HEAD = 'GET /a HTTP/1.1\r\nhost: orders\r\n\r\n';
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

let clock: ManualClock;
let sockets: FakeSockets;
let closed: Closed;

beforeEach(() => {
  clock = new ManualClock();
  sockets = new FakeSockets();
  closed = new Closed();
});

function makePool(changes: Partial<PoolOptions> = {}): Pool {
  const context = { sockets, host: sockets.host, clock, random: new SeededRandom(1), closed };
  return new Pool(context, { ...OPTIONS, ...changes });
}

function reasons(): Partial<Record<CloseReason, number>> {
  return Object.fromEntries(Object.entries(closed.counts).filter(([, count]) => count > 0));
}

/** A request on whatever the pool lends; a new connection opens at once. */
function ask(pool: Pool): { response: RecordingResponse; transport: FakeTransport; isReused: boolean } {
  const response = new RecordingResponse();
  const before = sockets.dialed.length;
  const upstream = pool.acquire(response, false, '1.1', clock.now());
  if (sockets.dialed.length > before) sockets.last.connect();
  const parser = new RequestParser(LIMITS, 'http');
  parser.parse(Buffer.from(HEAD, 'latin1'), 0);
  upstream.sendHead(parser.head, NO_EDITS);
  upstream.sendEnd(null);
  const transport = sockets.dialed.find((one) => one.take() !== '')!;
  return { response, transport, isReused: upstream.isReused };
}

/** And its answer. */
function exchange(pool: Pool): FakeTransport {
  const { transport } = ask(pool);
  transport.say(ANSWER);
  return transport;
}

describe('against a server that closes idle connections and does not say when', () => {
  /** Lets time pass, and the server close what has rested for so long. */
  class Server {
    private readonly restedAt = new Map<FakeTransport, number>();
    stale = 0;

    constructor(
      private readonly pool: Pool,
      private readonly timeoutMs: number,
    ) {}

    request(): void {
      const { response, transport } = ask(this.pool);
      // Its close was on the way as the request was sent.
      if (clock.now() - (this.restedAt.get(transport) ?? clock.now()) >= this.timeoutMs - 5) {
        transport.fin();
        if (response.log.includes('failure connection_stale')) this.stale += 1;
        this.restedAt.delete(transport);
        return;
      }
      transport.say(ANSWER);
      this.restedAt.set(transport, clock.now());
    }

    pass(ms: number): void {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10);
        for (const [transport, at] of this.restedAt) {
          if (transport.destroyed !== null) this.restedAt.delete(transport);
          else if (clock.now() - at >= this.timeoutMs) {
            this.restedAt.delete(transport);
            transport.fin();
          }
        }
      }
    }
  }

  it.each([1_000, 2_000, 3_900])('loses no request to a timeout of %i ms once that is learned', (timeoutMs) => {
    const pool = makePool();
    const server = new Server(pool, timeoutMs);
    for (let i = 0; i < 3; i++) {
      server.request();
      server.pass(timeoutMs + 300);
    }
    expect(pool.idleLimit.source).toBe('learned');
    const random = new SeededRandom(9);
    const before = server.stale;
    for (let i = 0; i < 1_000; i++) {
      server.request();
      server.pass(timeoutMs - 60 + random.below(80));
    }
    expect(server.stale).toBe(before);
    expect(sockets.bugs).toEqual([]);
  });

  it('still uses connections again whose time is not over', () => {
    const pool = makePool();
    const server = new Server(pool, 1_000);
    for (let i = 0; i < 3; i++) {
      server.request();
      server.pass(1_300);
    }
    const dialed = sockets.dialed.length;
    for (let i = 0; i < 20; i++) {
      server.request();
      server.pass(500);
    }
    expect(sockets.dialed.length).toBe(dialed + 1);
  });

  it('never lends one that is too old, though nobody had the time to close it', () => {
    const pool = makePool();
    const transport = exchange(pool);
    const { isReused } = (() => {
      // The process stood still: timers have not run.
      const response = new RecordingResponse();
      return pool.acquire(response, false, '1.1', clock.now() + 4_001);
    })();
    expect(isReused).toBe(false);
    expect(transport.destroyed).toBe('fin');
    expect(reasons()).toEqual({ idle: 1 });
  });

  it('does not lend what came to rest before it was learned', () => {
    const pool = makePool();
    for (const at of [1, 2]) pool.idleLimit.closed(1_000, clock.now() + at * 200);
    clock.advance(300);
    const transport = exchange(pool);
    clock.advance(900);
    expect(ask(pool).isReused).toBe(false);
    expect(transport.destroyed).toBe('fin');
  });
});

describe('a connection', () => {
  it('carries as many requests as it may, and a few less', () => {
    const pool = makePool({ maxRequests: 100 });
    for (let i = 0; i < 1_000; i++) exchange(pool);
    expect(sockets.dialed.length).toBeGreaterThan(10);
    expect(sockets.dialed.length).toBeLessThan(13);
    expect(closed.counts.requests).toBeGreaterThanOrEqual(10);
    expect(reasons()).toEqual({ requests: closed.counts.requests });
  });

  it('is used as long as it may be, and what runs on it ends in its time', () => {
    const pool = makePool({ maxAgeMs: 10_000 });
    const first = exchange(pool);
    for (let at = 0; at < 7_000; at += 1_000) {
      clock.advance(1_000);
      expect(exchange(pool)).toBe(first);
    }
    const last = ask(pool);
    clock.advance(20_000);
    expect(first.destroyed).toBe(null);
    last.transport.say(ANSWER);
    expect(last.response.log).toContain('end');
    expect(first.destroyed).toBe('fin');
    expect(reasons()).toEqual({ age: 1 });
  });

  it('that waits goes when it is as old as it may be', () => {
    const pool = makePool({ maxAgeMs: 2_000 });
    const transport = exchange(pool);
    clock.advance(2_010);
    expect(transport.destroyed).toBe('fin');
    expect(reasons()).toEqual({ age: 1 });
    expect(clock.armed).toBe(0);
  });

  it('is counted by how it ended', () => {
    const pool = makePool({ maxIdle: 1 });
    const [a, b] = [ask(pool), ask(pool)];
    a.transport.say(ANSWER);
    b.transport.say(ANSWER); // surplus
    exchange(pool).fin(); // endpoint
    ask(pool).transport.say('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'); // ended
    ask(pool).transport.fin(); // failed
    pool.acquire(new RecordingResponse(), false);
    sockets.last.close('connect_refused'); // unopened
    pool.acquire(new RecordingResponse(), false).abort(); // aborted
    exchange(pool);
    pool.retire(); // retired
    expect(reasons()).toEqual({
      surplus: 1,
      endpoint: 1,
      ended: 1,
      failed: 1,
      unopened: 1,
      aborted: 1,
      retired: 1,
    });
    expect(pool.openCount).toBe(0);
  });
});

describe('connections ahead of requests', () => {
  it('are opened a few at a time, wait like others, and are lent', () => {
    const pool = makePool({ warm: 3 });
    pool.fill();
    expect(sockets.dialed.length).toBe(2);
    pool.fill();
    pool.fill();
    expect(sockets.dialed.length).toBe(3);
    for (const transport of sockets.dialed) transport.connect();
    expect(pool.idleCount).toBe(3);
    expect(ask(pool).isReused).toBe(true);
    expect(sockets.dialed.length).toBe(3);
    pool.fill();
    expect(sockets.dialed.length).toBe(3);
  });

  it('are opened anew when they are gone', () => {
    const pool = makePool({ warm: 1 });
    pool.fill();
    sockets.last.connect();
    clock.advance(4_010);
    expect(pool.openCount).toBe(0);
    pool.fill();
    sockets.last.close('connect_refused');
    expect(pool.openCount).toBe(0);
    pool.fill();
    clock.advance(1_010);
    expect([pool.openCount, sockets.dialed.length]).toEqual([0, 3]);
    expect(reasons()).toEqual({ idle: 1, unopened: 2 });
    expect(clock.armed).toBe(0);
  });

  it('that die as they are used are stale ones, so that nothing is lost', () => {
    const pool = makePool({ warm: 1 });
    pool.fill();
    sockets.last.connect();
    const { response, transport } = ask(pool);
    transport.fin();
    expect(response.log).toEqual(['failure connection_stale']);
  });

  it('hear what the endpoint says of its patience in their first answer', () => {
    const pool = makePool({ warm: 1 });
    pool.fill();
    sockets.last.connect();
    ask(pool).transport.say('HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 0\r\n\r\n');
    expect([pool.idleLimit.shownMs, pool.idleLimit.source]).toEqual([1_600, 'told']);
  });

  it('are not more than may wait, and none at an endpoint that is gone', () => {
    const pool = makePool({ warm: 5, maxIdle: 1 });
    pool.fill();
    pool.fill();
    expect(sockets.dialed.length).toBe(1);
    pool.retire();
    sockets.last.connect();
    expect(sockets.last.destroyed).toBe('fin');
    pool.fill();
    expect(sockets.dialed.length).toBe(1);
  });
});

describe('an endpoint that was removed', () => {
  it('keeps what runs without end, unless that is bounded', () => {
    const pool = makePool();
    const { transport, response } = ask(pool);
    pool.retire();
    clock.advance(3_600_000);
    transport.say(ANSWER);
    expect(response.log).toContain('end');
    expect(clock.armed).toBe(0);
  });

  it('has what runs ended when its time is up', () => {
    const pool = makePool({ drainTimeoutMs: 30_000 });
    const [asked, answering] = [ask(pool), ask(pool)];
    answering.transport.say('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab');
    const ends: (string | null)[] = [];
    const handler: TunnelHandler = {
      onConnected: () => undefined,
      onFailure: () => undefined,
      onFirstByteDown: () => undefined,
      onClose: (_up, _down, _first, code) => ends.push(code),
    };
    pool.dial(handler);
    pool.retire();
    clock.advance(29_900);
    expect(asked.response.log).toEqual(['connected']);
    clock.advance(200);
    expect(asked.response.log.at(-1)).toBe('failure max_duration');
    expect(answering.response.log.at(-1)).toBe('failure max_duration');
    expect(reasons()).toEqual({ drained: 2 });
  });

  it('has nothing left to bound when all has ended before', () => {
    const pool = makePool({ drainTimeoutMs: 30_000 });
    const { transport } = ask(pool);
    pool.retire();
    transport.say(ANSWER);
    expect(clock.armed).toBe(0);
  });
});

describe('a session of HTTP/2', () => {
  it('takes no more streams than it may, and ends with the last', () => {
    const script = new Http2UpstreamScript({ maxRequests: 1 });
    const call = script.get();
    const first = script.opened();
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
    script.say(first, headers(1, OK));
    expect(call.last).toBe('end');
    expect(first.isEnded).toBe(true);
    first.close(null);
    expect(script.pool.closed.counts.requests).toBe(1);
  });

  it('takes none when it is as old as it may be', () => {
    const script = new Http2UpstreamScript({ maxAgeMs: 10_000, idleTimeoutMs: 60_000 });
    const long = script.get();
    const first = script.opened();
    script.clock.advance(9_990);
    script.say(first, Buffer.alloc(0));
    script.clock.advance(20);
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
    script.say(first, headers(1, OK));
    expect(long.last).toBe('end');
    expect(first.isEnded).toBe(true);
  });

  it('is opened ahead of requests, one at a time, and waits', () => {
    const script = new Http2UpstreamScript({ warm: 2 });
    script.pool.fill();
    script.opened();
    expect([script.pool.openCount, script.pool.idleCount]).toEqual([1, 1]);
    script.pool.fill();
    script.pool.fill();
    expect(script.sockets.dialed.length).toBe(2);
    script.get();
    expect(script.pool.idleCount).toBe(0);
    script.clock.advance(30_000);
  });

  it('is ended with its streams when its endpoint was removed and the time is up', () => {
    const script = new Http2UpstreamScript({ drainTimeoutMs: 5_000 });
    const call = script.get();
    script.opened();
    script.pool.retire();
    script.clock.advance(5_010);
    expect(call.last).toBe('failure max_duration');
    expect(script.pool.closed.counts.drained).toBe(1);
    script.expectNothing();
  });

  it('is counted by how it ended', () => {
    const script = new Http2UpstreamScript();
    script.get();
    const transport = script.opened();
    script.say(transport, headers(1, OK));
    script.say(transport, goAway(1));
    transport.close(null);
    expect(script.pool.closed.counts.endpoint).toBe(1);
  });
});
