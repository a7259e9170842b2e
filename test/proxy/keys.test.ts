import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Placed } from '../../src/proxy/placement.ts';
import { TunnelEntry } from '../../src/proxy/tunnel.ts';
import type { KeyOptions } from '../../src/route/keys/options.ts';
import { ExchangeScript, FakeTunnelClient, responseHead, type ScriptOptions } from '../support/exchange-script.ts';

const USER: KeyOptions = { kind: 'header', name: 'x-user', terminal: false };
const made = { ttlMs: 0, path: '/', httpOnly: true, secure: false, sameSite: null, domain: null };
const SID: KeyOptions = { kind: 'cookie', name: 'sid', made, terminal: false };
const NAMES = ['a', 'b', 'c', 'd'];
const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };

function scriptOf(hash: readonly KeyOptions[], options: ScriptOptions = {}): ExchangeScript {
  return new ExchangeScript({ endpoints: NAMES, hash, ...options });
}

/** The endpoint that a request is sent to now. */
function sentTo(script: ExchangeScript): string {
  const line = script.take().findLast((one) => one.includes(' send '))!;
  return line.split(' ')[1]!;
}

/** Sends a request through, and says where. */
function pass(script: ExchangeScript, fields: Readonly<Record<string, string>>): string {
  script.open().request({ fields });
  const name = sentTo(script);
  script.endpoint(name).last.answer(200);
  return name;
}

const heads = (script: ExchangeScript): string[] => script.take().filter((line) => line.includes('client head'));

describe('a key', () => {
  it('leads to the same endpoint again, and different keys to all of them', () => {
    const script = scriptOf([USER]);
    const users = Array.from({ length: 40 }, (_, i) => ({ 'x-user': `user-${i}` }));
    const first = users.map((fields) => pass(script, fields));
    expect(users.map((fields) => pass(script, fields))).toEqual(first);
    expect([...new Set(first)].sort()).toEqual(NAMES);
  });

  it('leads on to the same other endpoint whenever its own fails', () => {
    const script = scriptOf([USER]);
    const both = Array.from({ length: 3 }, () => {
      script.open().request({ fields: { 'x-user': 'alice' } });
      const first = sentTo(script);
      script.endpoint(first).last.handler.onFailure('connect_refused');
      script.clock.advance(1_000);
      const second = sentTo(script);
      script.endpoint(second).last.answer(200);
      script.clock.advance(60_000);
      return `${first} ${second}`;
    });
    expect(new Set(both).size).toBe(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('of the request before is forgotten on the same connection', () => {
    const script = scriptOf([USER]);
    const client = script.open();
    client.request({ fields: { 'x-user': 'alice' } });
    script.endpoint(sentTo(script)).last.answer(200);
    client.request();
    expect(script.take().filter((line) => line.endsWith('no key'))).toHaveLength(1);
  });

  it('and all else of a request is forgotten for the next', () => {
    const placed = new Placed([]);
    const lens = { pick: () => null };
    Object.assign(placed, { hasHash: true, lens, lacksKey: true, isMarked: true, setCookie: 'a=b' });
    placed.reset();
    const nothing = { hasHash: false, lens: null, lacksKey: false, isMarked: false, setCookie: null };
    expect(placed).toMatchObject(nothing);
  });

  it('that is missing is counted, and the request sent', () => {
    const script = scriptOf([USER]);
    script.open().request();
    expect(script.log[0]).toBe('0 no key');
    script.endpoint(sentTo(script)).last.answer(200);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is missing where nothing is hashed, and nobody counts it', () => {
    const script = new ExchangeScript();
    script.open().request();
    expect(script.take()).not.toContain('0 no key');
  });

  it.each([
    ['of a header is missing', USER, 1],
    ['of the source is there', { kind: 'source', terminal: false } as const, 0],
  ])('%s of an opaque connection', (_what, key, count) => {
    const script = scriptOf([key]);
    const { clock, observer, router } = script;
    const entry = new TunnelEntry({ clock, random: new SeededRandom(1), instanceId: '', observer }, router);
    entry.open(new FakeTunnelClient(script));
    expect(script.take().filter((line) => line.endsWith('no key'))).toHaveLength(count);
  });
});

describe('a cookie that is made', () => {
  const COOKIE = /set-cookie: sid=([0-9a-f]{32}); Path=\/; HttpOnly$/;

  it('leads back to the endpoint that answered with it', () => {
    const script = scriptOf([SID]);
    for (let i = 0; i < 20; i++) {
      script.take();
      script.open().request();
      const name = script.log.findLast((line) => line.includes(' send '))!.split(' ')[1]!;
      script.endpoint(name).last.answer(200);
      const [line] = heads(script);
      const [, value] = COOKIE.exec(line!)!;
      expect(pass(script, { cookie: `sid=${value}` })).toBe(name);
    }
  });

  it('is sent once, with the answer that counts', () => {
    const script = scriptOf([SID]);
    script.open().request();
    const first = sentTo(script);
    script.endpoint(first).last.answer(503);
    script.clock.advance(1_000);
    const second = script.log.findLast((line) => line.includes(' send '))!.split(' ')[1]!;
    expect(second).not.toBe(first);
    script.endpoint(second).last.handler.onInterim(responseHead(103));
    script.endpoint(second).last.answer(200);
    const lines = script.take().filter((line) => /set-cookie|client (head|interim)/.test(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/client interim 103$/);
    expect(lines[1]).toMatch(COOKIE);
  });

  it('is sent with an answer that switches protocols', () => {
    const script = scriptOf([SID]);
    script.open().request({ upgrade: 'websocket' });
    const name = sentTo(script);
    script.endpoint(name).last.handler.onHead(responseHead(101, 'raw'));
    expect(heads(script)[0]).toMatch(COOKIE);
  });

  it('is not sent with an answer of our own, nor with the next on the connection', () => {
    const script = scriptOf([SID], { retry: { maxAttempts: 1 } });
    const client = script.open();
    client.request();
    script.endpoint(sentTo(script)).last.handler.onFailure('upstream_reset');
    client.request({ fields: { cookie: 'sid=x' } });
    const name = script.log.findLast((line) => line.includes(' send '))!.split(' ')[1]!;
    script.endpoint(name).last.answer(200);
    expect(script.take().filter((line) => line.includes('set-cookie'))).toEqual([]);
    expect(script.books()).toEqual(CLOSED);
  });
});
