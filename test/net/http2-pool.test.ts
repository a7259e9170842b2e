import { describe, expect, it } from 'vitest';
import type { ResponseHandler } from '../../src/http/conduit.ts';
import { IdleLimit } from '../../src/net/idle-limit.ts';
import { AutoConnector, type CountedConnector } from '../../src/net/protocol-connector.ts';
import { data, END_HEADERS, goAway, headers, OK, settings } from '../support/http2-frames.ts';
import { type Call, Http2UpstreamScript } from '../support/http2-upstream.ts';

const MAX_STREAMS = 0x3;

/** The pool at rest on one session that has carried an answer. */
function rested(script: Http2UpstreamScript) {
  script.get();
  const transport = script.opened();
  script.say(transport, headers(1, OK));
  return transport;
}

function isDone(call: Call): boolean {
  return call.last === 'end';
}

describe('room', () => {
  it('is taken on the oldest session that has some, so that the others come to rest', () => {
    const script = new Http2UpstreamScript();
    const calls = [script.get(), script.get(), script.get()];
    const first = script.opened([MAX_STREAMS, 2]);
    expect(script.sockets.dialed.length).toBe(2);
    const second = script.transport;
    script.greet(second, [MAX_STREAMS, 2]);
    script.sent(second);
    script.say(first, headers(1, OK));
    script.get();
    expect(script.sent(first)).toEqual(['HEADERS 5 end']);
    script.say(second, headers(1, OK));
    expect(calls.map(isDone)).toEqual([true, false, true]);
    expect([script.pool.openCount, script.pool.idleCount]).toEqual([2, 1]);
  });

  it('of a session that opens counts those that wait for it', () => {
    const script = new Http2UpstreamScript();
    for (let i = 0; i < 100; i++) script.get();
    expect(script.sockets.dialed.length).toBe(1);
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
  });

  it('that is less than was thought sends the others elsewhere, in order, and none fails', () => {
    const script = new Http2UpstreamScript();
    const calls = Array.from({ length: 10 }, () => script.get());
    for (let at = 0; at < script.sockets.dialed.length; at++) {
      const transport = script.sockets.dialed[at]!;
      script.greet(transport, [MAX_STREAMS, 3]);
      const heads = script.sent(transport).filter((line) => line.startsWith('HEADERS'));
      expect(heads.length).toBe(at < 3 ? 3 : 1);
    }
    expect(script.sockets.dialed.length).toBe(4);
    for (const transport of script.sockets.dialed) {
      for (const id of transport === script.transport ? [1] : [1, 3, 5]) script.say(transport, headers(id, OK));
    }
    expect(calls.every(isDone)).toBe(true);
  });

  it('is not on a session that is held up by readers who do not read', () => {
    const script = new Http2UpstreamScript({}, { maxHeldBytes: 10_000 });
    const slow = script.get();
    const first = script.opened();
    slow.hasRoom = false;
    script.say(first, headers(1, OK, END_HEADERS), data(1, Buffer.alloc(1_000), 0));
    script.say(first, data(1, Buffer.alloc(10_000), 0));
    script.get();
    expect(script.sockets.dialed.length).toBe(1);
    script.say(first, data(1, Buffer.alloc(1), 0));
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
    slow.abort();
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
    expect(script.sent(first)).toContain('HEADERS 5 end');
  });

  it('of one stream is used for one request after another', () => {
    const script = new Http2UpstreamScript();
    script.get();
    const transport = script.opened([MAX_STREAMS, 1]);
    for (let id = 1; id < 20; id += 2) {
      script.say(transport, headers(id, OK));
      script.get();
    }
    expect(script.pool.createdCount).toBe(1);
  });

  it('that grows is used, and that shrinks lets open streams end', () => {
    const script = new Http2UpstreamScript();
    const calls = [script.get()];
    const transport = script.opened([MAX_STREAMS, 1]);
    script.say(transport, settings([MAX_STREAMS, 3]));
    calls.push(script.get(), script.get());
    expect(script.sockets.dialed.length).toBe(1);
    script.say(transport, settings([MAX_STREAMS, 1]));
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
    for (const id of [1, 3, 5]) script.say(transport, headers(id, OK));
    expect(calls.every(isDone)).toBe(true);
    script.get();
    expect(script.sent(transport)).toContain('HEADERS 7 end');
  });

  it('of none is waited for on one session, and is shared out when it comes', () => {
    const script = new Http2UpstreamScript();
    const calls = Array.from({ length: 20 }, () => script.get());
    const transport = script.opened([MAX_STREAMS, 0]);
    calls.push(script.get());
    expect(script.sockets.dialed.length).toBe(1);
    expect(calls.every((call) => call.log.length === 0)).toBe(true);
    script.say(transport, settings([MAX_STREAMS, 50]));
    expect(calls.every((call) => call.last === 'connected')).toBe(true);
    expect(script.sent().length).toBe(22);
  });

  it('of none does not keep those that wait when the endpoint goes away', () => {
    const script = new Http2UpstreamScript();
    const call = script.get();
    const transport = script.opened([MAX_STREAMS, 0]);
    script.say(transport, goAway(0));
    expect(script.sockets.dialed.length).toBe(2);
    expect(transport.isEnded).toBe(true);
    script.opened();
    expect(call.log).toEqual(['connected']);
  });
});

describe('a fresh session', () => {
  it('has carried no answer; one that opens will do', () => {
    const script = new Http2UpstreamScript();
    const transport = rested(script);
    expect(script.get().upstream.isReused).toBe(true);
    script.get(true);
    script.get(true);
    expect(script.sockets.dialed.length).toBe(2);
    expect(script.transport).not.toBe(transport);
  });
});

describe('a session that cannot be opened', () => {
  it.each(['never connects', 'sends no SETTINGS'])('%s', (how) => {
    const script = new Http2UpstreamScript();
    const calls = [script.get(), script.get()];
    if (how !== 'never connects') script.transport.connect();
    script.clock.advance(1_010);
    for (const call of calls) expect(call.log).toEqual(['failure connect_timeout']);
    expect(script.transport.destroyed).toBe('reset');
    script.expectNothing();
  });

  it('is not waited for without end where connecting has no limit of its own', () => {
    const script = new Http2UpstreamScript({ connectTimeoutMs: 0 });
    const call = script.get();
    script.clock.advance(100_000);
    expect(call.log).toEqual([]);
    script.transport.connect();
    script.clock.advance(5_010);
    expect(call.log).toEqual(['failure connect_timeout']);
  });
});

describe('an idle session', () => {
  it('closes at its timeout with GOAWAY and FIN, and is not waited for long', () => {
    const script = new Http2UpstreamScript();
    const transport = rested(script);
    script.clock.advance(29_990);
    expect(script.sent()).toEqual([]);
    script.clock.advance(20);
    expect(script.sent()).toEqual(['GOAWAY 0 NO_ERROR']);
    expect([transport.isEnded, transport.destroyed]).toEqual([true, null]);
    expect([script.pool.openCount, script.pool.idleCount]).toEqual([1, 0]);
    script.get();
    expect(script.sockets.dialed.length).toBe(2);
    script.clock.advance(500);
    expect(transport.destroyed).toBe(null);
    script.opened();
    script.clock.advance(2_000);
    expect(transport.destroyed).toBe('fin');
  });

  it('that was used again has its whole time', () => {
    const script = new Http2UpstreamScript();
    const transport = rested(script);
    script.clock.advance(25_000);
    script.get();
    script.sent();
    script.say(transport, headers(3, OK));
    script.clock.advance(29_900);
    expect(script.sent()).toEqual([]);
    script.clock.advance(200);
    expect(script.sent()).toEqual(['GOAWAY 0 NO_ERROR']);
  });

  it.each(['fin', 'reset'])('is forgotten on %s', (how) => {
    const script = new Http2UpstreamScript();
    const transport = rested(script);
    if (how === 'fin') transport.fin();
    else transport.close('upstream_reset');
    script.expectNothing();
  });

  it('is one of as many as may be kept; the newest leaves', () => {
    const script = new Http2UpstreamScript({ maxIdle: 1 });
    script.get();
    script.get();
    const first = script.opened([MAX_STREAMS, 1]);
    const second = script.opened([MAX_STREAMS, 1]);
    script.say(first, headers(1, OK));
    script.say(second, headers(1, OK));
    expect([first.isEnded, second.isEnded]).toEqual([false, true]);
  });
});

describe('a pool that is retired', () => {
  it('closes idle sessions now and others when their streams are done', () => {
    const script = new Http2UpstreamScript();
    const busy = [script.get(), script.get()];
    const transport = script.opened();
    const idle = new Http2UpstreamScript();
    const other = rested(idle);
    idle.pool.retire();
    expect(other.isEnded).toBe(true);
    script.pool.retire();
    expect(transport.isEnded).toBe(false);
    script.say(transport, headers(1, OK));
    expect(transport.isEnded).toBe(false);
    script.say(transport, headers(3, OK));
    expect(busy.every(isDone)).toBe(true);
    expect(transport.isEnded).toBe(true);
    transport.fin();
    script.expectNothing();
  });
});

describe('a tunnel', () => {
  it('has a connection of its own', () => {
    const script = new Http2UpstreamScript();
    rested(script);
    const log: string[] = [];
    const tunnel = script.pool.dial({
      onConnected: () => log.push('connected'),
      onFailure: (code) => log.push(code),
      onFirstByteDown: () => undefined,
      onClose: () => undefined,
    });
    expect([script.pool.tunnelCount, script.pool.openCount]).toEqual([1, 1]);
    script.transport.connect();
    expect(log).toEqual(['connected']);
    tunnel.abort();
    expect(script.pool.tunnelCount).toBe(0);
  });
});

describe('an automatic connector', () => {
  it('speaks what the client speaks, and has both ways retired', () => {
    const log: string[] = [];
    const way = (name: string): CountedConnector => ({
      openCount: 2,
      idleCount: 1,
      acquire: () => {
        log.push(name);
        throw new Error('nothing is sent');
      },
      dial: () => {
        log.push(`${name} dial`);
        return { abort: () => undefined, cut: () => undefined, talk: () => undefined, close: () => undefined };
      },
      retire: () => log.push(`${name} retire`),
      idleLimit: new IdleLimit(1_000),
      fill: () => log.push(`${name} fill`),
    });
    const connector = new AutoConnector(way('1'), way('2'));
    const handler = {} as ResponseHandler;
    for (const version of ['1.0', '1.1', '2']) {
      expect(() => connector.acquire(handler, false, version, 0)).toThrow('nothing is sent');
    }
    connector.dial({
      onConnected: () => undefined,
      onFailure: () => undefined,
      onFirstByteDown: () => undefined,
      onClose: () => undefined,
    });
    connector.retire();
    expect([connector.openCount, connector.idleCount]).toEqual([4, 2]);
    expect(log).toEqual(['1', '1', '2', '1 dial', '1 retire', '2 retire']);
  });
});
