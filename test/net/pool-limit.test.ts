import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { TunnelHandler, Upstream } from '../../src/http/conduit.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import { NO_CONNECTION, NO_TUNNEL } from '../../src/http/no-connection.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { ConnectionLimit } from '../../src/net/connection-limit.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { Pool } from '../../src/net/pool.ts';
import { FakeSockets, type FakeTransport } from '../support/fake-transport.ts';
import { END_HEADERS, headers, OK } from '../support/http2-frames.ts';
import { http1Request } from '../support/http2-heads.ts';
import { Http2UpstreamScript } from '../support/http2-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingResponse } from '../support/recording-response.ts';

const MAX_STREAMS = 0x3;
const NOBODY: TunnelHandler = {
  onConnected: () => undefined,
  onFirstByteDown: () => undefined,
  onFailure: () => undefined,
  onClose: () => undefined,
};

/** Two endpoints of one cluster. */
function pools(most: number) {
  const [clock, sockets, limit] = [new ManualClock(), new FakeSockets(), new ConnectionLimit(most)];
  const limits = { maxHeadBytes: 4096, maxFields: 50, maxTargetBytes: 1024 };
  const options = {
    ...DEFAULT_CONNECTIONS,
    host: '127.0.0.1',
    connectTimeoutMs: 1000,
    idleTimeoutMs: 30_000,
    maxIdle: 8,
    limits,
  };
  const context = { sockets, host: sockets.host, clock, random: new SeededRandom(1), closed: new Closed() };
  const make = (port: number): Pool => new Pool(context, { ...options, port }, limit);
  const [a, b] = [make(1), make(2)];
  /** A request at an open connection, until `answer`. */
  const ask = (pool: Pool): { upstream: Upstream; transport: FakeTransport; answer(): void } => {
    const upstream = pool.acquire(new RecordingResponse(), false);
    const transport = sockets.last;
    if (!upstream.isReady) transport.connect();
    upstream.sendHead(http1Request('GET / HTTP/1.1', 'host: orders'), NO_EDITS);
    upstream.sendEnd(null);
    return { upstream, transport, answer: () => transport.say('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n') };
  };
  return { limit, a, b, ask, clock };
}

describe('a pool under a limit', () => {
  it('gives no connection when all of them carry something, and one when one of them rests', () => {
    const { limit, a, b, ask } = pools(2);
    const [first, second] = [ask(a), ask(b)];
    expect(a.acquire(new RecordingResponse(), false)).toBe(NO_CONNECTION);
    expect([a.openCount, b.openCount, limit.open]).toEqual([1, 1, 2]);
    first.answer();
    expect(a.acquire(new RecordingResponse(), false).isReused).toBe(true);
    second.upstream.abort();
    expect([limit.open, b.openCount]).toEqual([1, 0]);
  });

  it('closes the idle connection of another endpoint for its own', () => {
    const { limit, a, b, ask } = pools(1);
    const first = ask(a);
    first.answer();
    expect(a.idleCount).toBe(1);
    ask(b).answer();
    expect([a.openCount, b.openCount, limit.open, limit.displaced]).toEqual([0, 1, 1, 1]);
    expect(first.transport.destroyed).not.toBe(null);
  });

  it('counts tunnels, and those that end', () => {
    const { limit, a, b, ask } = pools(1);
    const tunnel = a.dial(NOBODY);
    expect(b.dial(NOBODY)).toBe(NO_TUNNEL);
    expect(b.acquire(new RecordingResponse(), false)).toBe(NO_CONNECTION);
    tunnel.abort();
    tunnel.abort();
    expect(limit.open).toBe(0);
    ask(b).answer();
    expect(a.dial(NOBODY)).not.toBe(NO_TUNNEL);
    expect([b.openCount, limit.open]).toEqual([0, 1]);
  });

  it('counts those of an endpoint that is gone until they are', () => {
    const { limit, a, ask } = pools(2);
    const first = ask(a);
    a.retire();
    expect(limit.open).toBe(1);
    first.answer();
    expect([limit.open, a.openCount]).toEqual([0, 0]);
  });

  it('counts those that are lost or were never open', () => {
    const { limit, a, clock } = pools(2);
    a.acquire(new RecordingResponse(), false);
    clock.advance(1_010);
    expect([limit.open, a.openCount]).toEqual([0, 0]);
  });
});

describe('a pool of HTTP/2 under a limit', () => {
  it('gives a stream where a session has room, and no connection where none has', () => {
    const limit = new ConnectionLimit(1);
    const script = new Http2UpstreamScript({}, {}, limit);
    script.get();
    script.opened([MAX_STREAMS, 2]);
    script.get();
    expect(limit.open).toBe(1);
    expect(script.pool.acquire(new RecordingResponse(), false)).toBe(NO_CONNECTION);
  });

  it('says of those that a session has no room for after all why they cannot go elsewhere', () => {
    const limit = new ConnectionLimit(1);
    const script = new Http2UpstreamScript({}, {}, limit);
    const calls = [script.get(), script.get()];
    script.opened([MAX_STREAMS, 1]);
    expect(calls.map(({ last }) => last)).toEqual(['connected', 'failure connections_exhausted']);
  });

  it('closes an idle session for others, which is counted until it is gone', () => {
    const limit = new ConnectionLimit(1);
    const [idle, busy] = [new Http2UpstreamScript({}, {}, limit), new Http2UpstreamScript({}, {}, limit)];
    idle.get();
    const transport = idle.opened();
    idle.say(transport, headers(1, OK, END_HEADERS | 1));
    expect(idle.pool.idleCount).toBe(1);
    busy.get();
    expect([idle.pool.idleCount, limit.open, limit.displaced]).toEqual([0, 2, 1]);
    idle.clock.advance(60_000);
    expect([idle.pool.openCount, limit.open]).toEqual([0, 1]);
    expect(busy.pool.acquire(new RecordingResponse(), true).isReady).toBe(false);
  });
});
