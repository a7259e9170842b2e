import { describe, expect, it } from 'vitest';
import { DEFAULT_FALLBACK_CODES, DEFAULT_STALE, type FallbackOptions } from '../../src/policy/fallback.ts';
import { Fallbacks } from '../../src/proxy/fallback.ts';
import { Ledger } from '../../src/proxy/places/ledger.ts';
import { ExchangeScript, requestHead, responseHead, type ScriptOptions } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const ANSWER = { status: 203, contentType: 'text/plain', fields: {}, body: 'later', grpcStatus: -1, anyMethod: false };
const ONCE = { retry: { maxAttempts: 1 } } as const;

function with_(options: Partial<FallbackOptions>, script: ScriptOptions = {}, others: ScriptOptions = {}) {
  let other: ExchangeScript | null = null;
  const fallback = new Fallbacks(
    { codes: DEFAULT_FALLBACK_CODES, statuses: [502, 503, 504], upstream: null, stale: null, answer: null, ...options },
    () => other?.plan ?? null,
  );
  const first = new ExchangeScript({ endpoints: ['a'], ...ONCE, ...script, fallback });
  if (options.upstream != null)
    other = new ExchangeScript({ endpoints: ['z'], ...ONCE, ...others, clock: first.clock });
  return {
    script: first,
    other: other!,
    fallback,
    a: () => first.endpoint('a').last,
    z: () => other!.endpoint('z').last,
  };
}

const ASKED = { 'content-type': 'application/grpc' };

describe('a written answer', () => {
  it('stands in for a failure of a read, and says so', () => {
    const { script, a } = with_({ answer: ANSWER });
    script.open().request();
    a().handler.onFailure('upstream_reset');
    expect(script.take().slice(-2)).toEqual(['0 client local 203', '0 client finish true']);
    expect(script.records).toMatchObject([
      { status: 203, code: 'upstream_reset', fallback: 'static', attempts: ['a upstream_reset failure'] },
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('stands in for a status that nothing else follows', () => {
    const { script, a, fallback } = with_({ answer: ANSWER }, { retry: { maxAttempts: 2 }, endpoints: ['a', 'b'] });
    script.open().request();
    a().answer(503);
    script.clock.advance(1_000);
    script.endpoint('b').last.answer(503);
    expect(script.take().slice(-2)).toEqual(['1000 client local 203', '1000 client finish true']);
    expect(script.records).toMatchObject([
      { status: 203, code: null, fallback: 'static', attempts: ['a 503 failure', 'b 503 failure'] },
    ]);
    expect(fallback.counts).toEqual({ cluster: 0, stale: 0, static: 1 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('stands in for a write only where that is said', () => {
    for (const anyMethod of [false, true]) {
      const { script } = with_({ answer: { ...ANSWER, anyMethod } }, { endpoints: [] });
      script.open().request({ method: 'POST' });
      expect(script.records[0]!.status).toBe(anyMethod ? 203 : 503);
    }
  });

  it('stands in for nothing that a client did, and nothing once an answer has begun', () => {
    const { script, a } = with_({ answer: ANSWER }, { timeouts: { streamIdleMs: 100 } });
    const client = script.open();
    client.handler.onRequest(requestHead({ body: 'chunked' }));
    script.clock.advance(200);
    script.open().request();
    a().handler.onHead(responseHead(200, 'chunked'));
    a().handler.onFailure('response_truncated');
    expect(script.records.map(({ code, fallback }) => `${code} ${fallback}`)).toEqual([
      'body_timeout undefined',
      'response_truncated undefined',
    ]);
  });

  it('is a status alone for calls of gRPC', () => {
    for (const [grpcStatus, expected] of [
      [10, 10],
      [-1, 14],
    ] as const) {
      const { script } = with_({ answer: { ...ANSWER, grpcStatus } }, { endpoints: [] });
      script.open().request({ method: 'POST', version: '2', fields: ASKED });
      expect(script.records).toMatchObject([{ status: 200, grpcStatus: expected }]);
    }
  });

  it('stands in for a fault that was injected, so that one can see it', () => {
    const { script } = with_({ answer: ANSWER });
    script.plan = {
      ...script.plan,
      faults: {
        ...script.plan.faults,
        choose: (_head, _peer, _random, mishap) => {
          const options = {
            effect: { kind: 'reset' as const },
            share: 0,
            match: { path: null, headers: [], callers: [] },
            maxActive: 1,
            untilMs: 0,
          };
          const answer = {
            status: 500,
            grpcStatus: 13,
            code: 'fault_injected' as const,
            fields: requestHead(),
            body: '',
          };
          mishap.take({ options, answer, active: 0 }, 'abort');
          return true;
        },
      },
    };
    script.open().request();
    expect(script.records).toMatchObject([{ status: 203, code: 'fault_injected', fault: 'abort', fallback: 'static' }]);
  });
});

describe('another cluster', () => {
  it('answers under its own plan what the first could not, and both close their books', () => {
    const { script, other, z } = with_({ upstream: 'other' }, { endpoints: [] });
    script.open().request({ path: '/x' });
    expect(other.take()).toEqual(['0 z send GET /x', '0 z end']);
    expect(script.books()).toEqual({ ...CLOSED, timers: 1 });
    z().answer(200, 'hi');
    expect(script.take()).toEqual([
      '0 client head 200 x-remora-fallback: cluster',
      '0 client body hi',
      '0 client end',
      '0 client finish true',
    ]);
    expect(script.records).toMatchObject([{ status: 0, code: 'no_endpoint', fallback: 'cluster', attempts: [] }]);
    expect(other.records).toMatchObject([{ status: 200, code: null, responseBytes: 2, attempts: ['z 200 success'] }]);
    expect([script.books(), other.books()]).toEqual([CLOSED, CLOSED]);
  });

  it('gets the whole body of a write that nobody has seen, and what is still to come of it', () => {
    const { script, other, z } = with_({ upstream: 'other' }, { warm: false });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'length', contentLength: 4 }));
    client.handler.onRequestBody(Buffer.from('ab'));
    script.endpoint('a').last.handler.onFailure('connect_refused');
    client.handler.onRequestBody(Buffer.from('cd'));
    client.handler.onRequestEnd(null);
    z().answer(201);
    expect(other.take()).toEqual(['0 z send POST /', '0 z body ab', '0 z body cd', '0 z end']);
    expect(other.records).toMatchObject([{ status: 201, requestBytes: 4 }]);
    expect([script.books(), other.books()]).toEqual([CLOSED, CLOSED]);
  });

  it('never gets a write that somebody may have seen, nor a body that is not whole', () => {
    const { script, other, a } = with_({ upstream: 'other' }, { retry: { maxAttempts: 1, replayBytes: 1 } });
    script.open().request({ method: 'POST' });
    a().handler.onFailure('upstream_reset');
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'length', contentLength: 2 }));
    client.handler.onRequestBody(Buffer.from('ab'));
    client.handler.onRequestEnd(null);
    a().answer(503);
    expect(script.records.map(({ status }) => status)).toEqual([502, 503]);
    expect(other.records).toEqual([]);
  });

  it('gets reads alone while a range of its own moves, whose writes have to be made at two places', () => {
    const { script, other } = with_({ upstream: 'other' }, { endpoints: [] });
    Object.assign(other.plan, { spreader: { ledgers: [new Ledger('0-99')], spread: () => null } });
    script.open().request({ method: 'PUT' });
    script.open().request({ method: 'GET' });
    expect(other.take()).toEqual(['0 z send GET /', '0 z end']);
    expect(script.records).toMatchObject([{ status: 503, code: 'no_endpoint' }, { fallback: 'cluster' }]);
  });

  it('is asked once: when it fails, what the first upstream keeps or says is next', () => {
    const { script, other, z, fallback } = with_({ upstream: 'other', answer: ANSWER }, { endpoints: [] });
    script.open().request();
    z().answer(503);
    expect(script.take()).toContain('0 client local 203');
    expect(other.records).toMatchObject([{ status: 203, code: null, fallback: 'static', attempts: ['z 503 failure'] }]);
    expect(fallback.counts).toEqual({ cluster: 1, stale: 0, static: 1 });
    expect([script.books(), other.books()]).toEqual([CLOSED, CLOSED]);
  });

  it('has its own time, but no more than its caller waits', () => {
    const { script, other } = with_(
      { upstream: 'other' },
      { endpoints: null, limits: { parkTimeoutMs: 50 } },
      { timeouts: { requestMs: 300 } },
    );
    script.open().request();
    script.clock.advance(50);
    script.clock.advance(310);
    expect(other.records).toMatchObject([{ code: 'deadline_exceeded' }]);
    script.open().request({ method: 'POST', version: '2', fields: { ...ASKED, 'grpc-timeout': '100m' } });
    script.clock.advance(60);
    script.clock.advance(50);
    expect(other.records).toHaveLength(2);
    expect(other.records[1]).toMatchObject({ grpcStatus: 4, code: 'deadline_exceeded' });
    expect([script.books(), other.books()]).toEqual([CLOSED, CLOSED]);
  });

  it('is left out while it is not there', () => {
    const { script } = with_({ upstream: 'gone', answer: ANSWER }, { endpoints: [] });
    const missing = new Fallbacks(
      { codes: ['no_endpoint'], statuses: [], upstream: 'gone', stale: null, answer: null },
      () => null,
    );
    script.plan = { ...script.plan, fallback: missing };
    script.open().request();
    expect(script.records).toMatchObject([{ status: 503, code: 'no_endpoint' }]);
  });
});

describe('the last good answer', () => {
  const STALE = { stale: DEFAULT_STALE };

  it('stands in for a failure of the same read, with its age', () => {
    const { script, a, fallback } = with_(STALE);
    const client = script.open();
    client.request({ path: '/x' });
    a().answer(200, 'good', { etag: 'e', age: '5' });
    script.clock.advance(3_000);
    script.take();
    client.request({ path: '/x' });
    a().handler.onFailure('upstream_reset');
    const lines = script.take().slice(-4);
    expect(lines[0]).toMatch(/client head 200 x-request-id: \S+ x-remora-fallback: stale age: 8$/);
    expect(lines.slice(1)).toEqual(['3000 client body good', '3000 client end', '3000 client finish true']);
    client.request({ path: '/y' });
    a().handler.onFailure('upstream_reset');
    expect(script.records.slice(1)).toMatchObject([
      { status: 200, code: 'upstream_reset', fallback: 'stale', responseBytes: 4 },
      { status: 502, code: 'upstream_reset' },
    ]);
    expect(fallback.counts.stale).toBe(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is only one that came whole', () => {
    const { script, a, fallback } = with_(STALE);
    script.open().request();
    a().handler.onHead(responseHead(200, 'length', 10));
    a().handler.onBody(Buffer.from('half'));
    a().handler.onFailure('response_truncated');
    const client = script.open();
    client.request();
    a().handler.onHead(responseHead(200, 'length', 10));
    a().handler.onBody(Buffer.from('half'));
    client.handler.onClientGone('client_gone');
    expect([fallback.stale.size, fallback.stale.bytes]).toEqual([0, 0]);
  });

  it('is kept of the upstream itself and not of what stood in for it', () => {
    const { script, z, fallback } = with_({ upstream: 'other', ...STALE }, { endpoints: [] });
    script.open().request();
    z().answer(200, 'theirs');
    expect(fallback.stale.size).toBe(0);
  });

  it('outlives another configuration with the same options', () => {
    const { script, a, fallback } = with_(STALE);
    script.open().request();
    a().answer(200, 'good');
    const options = { codes: [], statuses: [], upstream: null, answer: null };
    const find = () => null;
    expect(new Fallbacks({ ...options, stale: { ...DEFAULT_STALE } }, find, fallback).stale.size).toBe(1);
    expect(new Fallbacks({ ...options, stale: { ...DEFAULT_STALE, maxAgeMs: 1 } }, find, fallback).stale.size).toBe(0);
  });
});
