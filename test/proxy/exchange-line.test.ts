import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { TunnelEntry } from '../../src/proxy/tunnel.ts';
import { ExchangeScript, FakeTunnelClient, requestHead, type ScriptOptions } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const LIMITS = { maxRequests: 1, maxPending: 4, pendingTimeoutMs: 500 };

function lineScript(options: ScriptOptions = {}): ExchangeScript {
  return new ExchangeScript({ endpoints: ['a'], ...options, limits: { ...LIMITS, ...options.limits } });
}

function get(script: ExchangeScript, path: string, fields: Record<string, string> = {}) {
  const client = script.open();
  client.request({ path, fields });
  return client;
}

/** Which requests were sent, in order. */
function sent(script: ExchangeScript): string[] {
  return script
    .take()
    .filter((line) => line.includes(' send '))
    .map((line) => line.slice(line.indexOf('/')));
}

describe('a request without a place', () => {
  it('waits in line, and is sent when the turn is over in which one became free', () => {
    const script = lineScript();
    get(script, '/1');
    get(script, '/2');
    expect(script.books()).toMatchObject({ admitted: 1, active: 1, parked: 1 });
    script.clock.advance(100);
    const first = script.endpoint('a').last;
    script.take();
    first.answer(200);
    expect(sent(script)).toEqual([]);
    script.endTurn();
    expect(sent(script)).toEqual(['/2']);
    script.endpoint('a').last.answer(200);
    expect(script.books()).toEqual(CLOSED);
    expect(script.records.map(({ status, code }) => [status, code])).toEqual([
      [200, null],
      [200, null],
    ]);
  });

  it('is not passed by one that comes while a place is free', () => {
    const script = lineScript();
    get(script, '/1');
    get(script, '/2');
    script.endpoint('a').last.answer(200);
    get(script, '/3');
    expect(sent(script)).toEqual(['/1']);
    script.endTurn();
    expect(sent(script)).toEqual(['/2']);
  });

  it('is refused when its time is up, and that has a name of its own', () => {
    const script = lineScript();
    get(script, '/1');
    get(script, '/2');
    script.take();
    script.clock.advance(510);
    expect(script.take()).toEqual(['500 client local 503 pending_timeout', '500 client finish true']);
    expect(script.line.expired).toBe(1);
    script.endpoint('a').last.answer(200);
    script.endTurn();
    expect(script.books()).toEqual(CLOSED);
  });

  it('is refused at once where the line is full, or there is none', () => {
    const script = lineScript({ limits: { maxPending: 1 } });
    for (const path of ['/1', '/2', '/3']) get(script, path);
    expect(script.take().slice(-2)).toEqual(['0 client local 503 overloaded', '0 client finish true']);
    const none = lineScript({ limits: { maxPending: 0 } });
    for (const path of ['/1', '/2']) get(none, path);
    expect(none.take().slice(-2)).toEqual(['0 client local 503 overloaded', '0 client finish true']);
  });

  it('is before others that matter less', () => {
    const script = lineScript();
    const criticality = (word: string) => ({ 'x-remora-criticality': word });
    get(script, '/1');
    get(script, '/low', criticality('sheddable'));
    get(script, '/high', criticality('critical_plus'));
    get(script, '/usual');
    for (let i = 0; i < 4; i++) {
      script.endpoint('a').last.answer(200);
      script.endTurn();
    }
    expect(sent(script)).toEqual(['/1', '/high', '/usual', '/low']);
  });

  it('has its body sent whole when it comes while it waits', () => {
    const script = lineScript();
    get(script, '/1');
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'POST', path: '/2', body: 'length', contentLength: 6 }));
    expect(client.handler.onRequestBody(Buffer.from('abc'))).toBe(false);
    expect(client.handler.onRequestBody(Buffer.from('def'))).toBe(false);
    client.handler.onRequestEnd(null);
    script.endpoint('a').last.answer(200);
    script.take();
    script.endTurn();
    expect(script.take().filter((line) => line.includes(' a '))).toEqual([
      '0 a send POST /2',
      '0 a body abc',
      '0 a body def',
      '0 a end',
    ]);
  });

  it('leaves the line with its client, and at its deadline', () => {
    const script = lineScript({ timeouts: { requestMs: 200 } });
    get(script, '/1');
    get(script, '/2').handler.onClientGone('client_gone');
    expect(script.books()).toMatchObject({ admitted: 1, parked: 0 });
    get(script, '/3');
    script.clock.advance(210);
    expect(script.records.map(({ code }) => code)).toEqual(['client_gone', 'deadline_exceeded', 'deadline_exceeded']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is let in when limits are raised', () => {
    const script = lineScript();
    get(script, '/1');
    get(script, '/2');
    script.take();
    script.admission.reconfigure(2);
    script.line.reconfigure({ ...LIMITS, maxParked: 1, parkTimeoutMs: 1, maxConnections: 10 });
    script.endTurn();
    expect(sent(script)).toEqual(['/2']);
  });
});

describe('a learned limit', () => {
  it('refuses what matters less first, and says so', () => {
    const law = { ...DEFAULT_ADAPTIVE.law, min: 4, initial: 4 };
    const limits = { maxRequests: 100, maxPending: 0 };
    const script = lineScript({ limits, adaptive: { mode: 'enforce', law } });
    for (const path of ['/1', '/2', '/3', '/4']) get(script, path);
    get(script, '/5', { 'x-remora-criticality': 'critical_plus' });
    expect(sent(script)).toEqual(['/1', '/2', '/3', '/5']);
    expect(script.records.map(({ code }) => code)).toEqual(['concurrency_limited']);
  });
});

describe('without a connection', () => {
  it('a request waits in line, and no attempt is counted, until there is one', () => {
    const script = lineScript({ limits: { maxRequests: 10 } });
    const endpoint = script.endpoint('a');
    endpoint.isExhausted = true;
    get(script, '/1');
    expect(script.books()).toMatchObject({ admitted: 0, active: 0, parked: 1 });
    script.line.roomMade();
    script.endTurn();
    expect(script.books()).toMatchObject({ admitted: 0, active: 0, parked: 1 });
    endpoint.isExhausted = false;
    script.line.roomMade();
    script.endTurn();
    endpoint.last.answer(200);
    expect(script.books()).toEqual(CLOSED);
    expect(script.records[0]).toMatchObject({ status: 200, attempts: ['a 200 success'] });
    expect(script.line.entered).toBe(1);
  });

  it('does not ask again and again by itself', () => {
    const script = lineScript({ limits: { maxRequests: 10 } });
    script.endpoint('a').isExhausted = true;
    get(script, '/1');
    script.line.roomMade();
    script.endTurn();
    const asked = script.admission.admissions;
    for (let i = 0; i < 10; i++) script.endTurn();
    expect(script.admission.admissions).toBe(asked);
  });

  it('is refused as such where nobody may wait', () => {
    const script = lineScript({ limits: { maxRequests: 10, maxPending: 0 } });
    script.endpoint('a').isExhausted = true;
    get(script, '/1');
    expect(script.records).toMatchObject([{ status: 503, code: 'connections_exhausted', attempts: [] }]);
    expect(script.books()).toEqual(CLOSED);
  });
});

describe('a tunnel', () => {
  function tunnels(options: ScriptOptions = {}) {
    const script = lineScript(options);
    const { clock, observer, router } = script;
    const entry = new TunnelEntry({ clock, random: new SeededRandom(1), instanceId: '', observer }, router);
    return { script, open: () => entry.open(new FakeTunnelClient(script)) };
  }

  it('waits for a place as a request does', () => {
    const { script, open } = tunnels();
    open();
    open();
    expect(script.books()).toMatchObject({ admitted: 1, parked: 1 });
    const [first] = script.endpoint('a').tunnels;
    first!.onConnected();
    script.take();
    first!.onClose(1, 1, 0, null);
    script.endTurn();
    expect(script.take()).toEqual(['0 tunnel closed in order up=1 down=1 attempts=1', '0 a dial']);
    script.endpoint('a').tunnels[1]!.onFailure('bad_response');
  });

  it('is refused when its time is up', () => {
    const { script, open } = tunnels();
    open();
    open();
    script.clock.advance(510);
    expect(script.take().slice(-2)).toEqual([
      '500 client refuse',
      '500 tunnel closed pending_timeout up=0 down=0 attempts=0',
    ]);
  });

  it('leaves the line with its client', () => {
    const { script, open } = tunnels();
    open();
    open().onClientGone('client_gone');
    expect(script.books()).toMatchObject({ admitted: 1, parked: 0 });
  });

  it('waits for a connection, and is refused where nobody may', () => {
    const { script, open } = tunnels({ limits: { maxRequests: 10 } });
    const endpoint = script.endpoint('a');
    endpoint.isExhausted = true;
    open();
    expect(script.books()).toMatchObject({ admitted: 0, active: 0, parked: 1 });
    endpoint.isExhausted = false;
    script.line.roomMade();
    script.endTurn();
    expect(script.take()).toEqual(['0 a dial']);
    const none = tunnels({ limits: { maxRequests: 10, maxPending: 0 } });
    none.script.endpoint('a').isExhausted = true;
    none.open();
    expect(none.script.take().at(-1)).toBe('0 tunnel closed connections_exhausted up=0 down=0 attempts=0');
    expect(none.script.books()).toEqual(CLOSED);
  });
});
