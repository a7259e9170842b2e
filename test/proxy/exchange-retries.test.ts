import { describe, expect, it } from 'vitest';
import { FAILURE_CODES } from '../../src/base/failure.ts';
import { Edits } from '../../src/http/edits.ts';
import { TraceIds, traceparentOf } from '../../src/http/trace-context.ts';
import { proveRefusal } from '../../src/proxy/refusal.ts';
import { ExchangeScript, type FakeUpstream, type ScriptOptions } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);
const TRACEPARENT = traceparentOf(TRACE, SPAN, false);
const GONE = { maxAttempts: 1 } as const;

type Texts = Readonly<Record<string, string>>;

function started(options: ScriptOptions = {}) {
  const script = new ExchangeScript(options);
  const client = script.open();
  const last = (name: string): FakeUpstream => script.endpoint(name).last;
  const get = (fields: Texts = {}, method = 'GET'): void => client.request({ method, fields });
  return { script, client, last, get };
}

/** As the sidecar before the endpoint refuses what its application has not seen. */
function refuseUnseen(upstream: FakeUpstream, code = 'overloaded', more: Texts = {}): void {
  const span = upstream.sentFields['traceparent']!.slice(36, 52);
  upstream.answer(503, '', { 'x-remora-failure': code, 'x-remora-refused': span, ...more });
}

describe('the mark of a retry', () => {
  it('goes out with every attempt after one that may have been seen', () => {
    const { script, last, get } = started();
    get({ traceparent: TRACEPARENT, tracestate: 'v=1' });
    expect(last('a').sentFields['x-remora-attempt']).toBe('1');
    expect(last('a').sentFields).not.toHaveProperty('tracestate');
    last('a').answer(503);
    script.clock.advance(100);
    expect(last('b').sentFields).toMatchObject({ 'x-remora-attempt': '2', tracestate: 'remora=a:2,v=1' });
  });

  it('begins a tracestate where the trace begins here, whatever state came without a trace', () => {
    const { script, last, get } = started();
    get({ tracestate: 'v=1' });
    last('a').handler.onFailure('upstream_reset');
    script.clock.advance(100);
    expect(last('b').sentFields['tracestate']).toBe('remora=a:2');
  });

  it('is none after attempts that nobody can have seen', () => {
    const { last, get } = started({ warm: false });
    get();
    last('a').handler.onFailure('connect_refused');
    last('b').handler.onConnected();
    expect(last('b').sentFields['x-remora-attempt']).toBe('1');
    expect(last('b').sentFields).not.toHaveProperty('tracestate');
  });

  it.each([true, false])(
    'that came with the request goes on, from a caller that is believed or not (%s)',
    (trustsPeer) => {
      const { last, get } = started({ trustsPeer });
      get({ 'x-remora-attempt': '2' });
      expect(last('a').sentFields['x-remora-attempt']).toBe('2');
    },
  );
});

describe('a request that is a retry itself', () => {
  it.each<[string, Texts]>([
    ['x-remora-attempt', { 'x-remora-attempt': '2' }],
    ['tracestate', { traceparent: TRACEPARENT, tracestate: 'v=1,remora=a:2' }],
  ])('is not tried again, says %s', (_by, fields) => {
    const { script, last, get } = started();
    get(fields);
    last('a').answer(503);
    expect(script.take().slice(-4)).toEqual([
      '0 no retry: marked',
      '0 client head 503 x-remora-retry: no',
      '0 client end',
      '0 client finish true',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is sent elsewhere as long as nobody has seen it', () => {
    const { script, last, get } = started({ warm: false, endpoints: ['a', 'b', 'c'] });
    get({ 'x-remora-attempt': '2' });
    last('a').handler.onFailure('connect_refused');
    last('b').handler.onFailure('connect_refused');
    script.clock.advance(100);
    last('c').handler.onConnected();
    last('c').answer(200);
    expect(script.records[0]!.attempts.at(-1)).toBe('c 200 success');
  });

  it('is given back and sent on once, and not twice', () => {
    const { script, last, get } = started({ endpoints: ['a', 'b', 'c'] });
    get({ 'x-remora-attempt': '2' });
    last('a').bytesWritten = 100;
    last('a').handler.onFailure('stream_refused');
    last('b').handler.onFailure('stream_refused');
    expect(script.take()).toContain('0 no retry: marked');
    expect(script.records[0]!.code).toBe('stream_refused');
  });

  it('is one only with a trace that can be read', () => {
    const { script, last, get } = started();
    get({ tracestate: 'remora=a:2', traceparent: 'nonsense' });
    last('a').answer(503);
    expect(script.take()).toContain('0 retry after a 503');
  });
});

describe('an answer after which nobody should try again', () => {
  it('says so when retries did not help', () => {
    const { script, last, get } = started({ retry: { maxAttempts: 2 } });
    get({ traceparent: TRACEPARENT });
    last('a').answer(503);
    script.clock.advance(100);
    last('b').answer(503);
    expect(script.take()).toContain('100 client head 503 x-remora-retry: no');
    expect(script.spent.has(TRACE, script.clock.now())).toBe(true);
  });

  it('says so when it is our own', () => {
    const { script, last, get } = started({ retry: { maxAttempts: 2 } });
    get();
    last('a').handler.onFailure('upstream_reset');
    script.clock.advance(100);
    last('b').handler.onFailure('upstream_reset');
    expect(script.local).toMatchObject({ 'x-remora-retry': 'no' });
    expect(script.spent.size).toBe(1);
  });

  it('says nothing when another attempt helped, or none was wanted', () => {
    const { script, last, get } = started({ retry: { maxAttempts: 2 } });
    get();
    last('a').answer(503);
    script.clock.advance(100);
    last('b').answer(404);
    expect(script.take()).toContain('100 client head 404');
    get({}, 'POST');
    last('a').answer(503);
    expect(script.take()).toContain('100 client head 503');
    expect(script.spent.size).toBe(0);
  });

  it('says nothing where nothing is ever tried again: its caller may', () => {
    const { script, last, get } = started({ retry: GONE });
    get();
    last('a').answer(503);
    expect(script.take()).toContain('0 client head 503');
  });

  it('is not tried again', () => {
    const { script, last, get } = started();
    get();
    last('a').answer(503, '', { 'x-remora-retry': 'no' });
    expect(script.take()).toContain('0 no retry: asked_not_to');
    expect(script.spent.size).toBe(1);
  });

  it('is told of by inbound for an application that passes on the trace and not the field', () => {
    const { script, last, get } = started({ trustsPeer: false, retry: GONE });
    script.spent.add(TRACE, script.clock.now());
    get({ traceparent: TRACEPARENT });
    last('a').answer(500);
    expect(script.take()).toContain('0 client head 500 x-remora-retry: no');
    get({ traceparent: TRACEPARENT });
    last('b').answer(404);
    get({ traceparent: traceparentOf('c'.repeat(32), SPAN, true) });
    last('a').answer(500);
    script.clock.advance(10_000);
    get({ traceparent: TRACEPARENT });
    last('b').answer(500);
    const heads = script.take().filter((line) => line.includes('client head'));
    expect(heads).toEqual(['0 client head 404', '0 client head 500', '10000 client head 500']);
  });
});

describe('a request that the sidecar before the endpoint refused unseen', () => {
  it('is sent elsewhere at once, whatever its method, and is no evidence against the endpoint', () => {
    const { script, last, get } = started();
    get({}, 'POST');
    refuseUnseen(last('a'));
    expect(last('b').sentFields['x-remora-attempt']).toBe('1');
    last('b').answer(200);
    expect(script.records[0]!.attempts).toEqual(['a refused_unseen ignored', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is evidence where the application behind it is gone', () => {
    const { script, last, get } = started();
    get({}, 'POST');
    refuseUnseen(last('a'), 'connect_refused');
    last('b').answer(200);
    expect(script.records[0]!.attempts).toEqual(['a refused_unseen failure', 'b 200 success']);
  });

  it('is not sent on twice; its client gets the answer as it is, and no breaker hears of it', () => {
    const { script, last, get } = started({ endpoints: ['a', 'b', 'c'] });
    get({}, 'POST');
    refuseUnseen(last('a'));
    refuseUnseen(last('b'));
    expect(script.take()).toContain('0 client head 503');
    expect(script.records[0]!.attempts).toEqual(['a refused_unseen ignored', 'b refused_unseen ignored']);
  });

  it('waits for nobody who asked to be left alone', () => {
    const { script, last, get } = started();
    get({}, 'POST');
    refuseUnseen(last('a'), 'rate_limited', { 'retry-after': '60' });
    expect(script.take().at(-1)).toBe('0 b end');
  });

  it.each<[string, Texts]>([
    ['another span', { 'x-remora-refused': SPAN }],
    ['no span', {}],
  ])('is believed to be so only with the id it was sent with, not with %s', (_what, fields) => {
    const { script, last, get } = started();
    get({}, 'POST');
    last('a').answer(503, '', { 'x-remora-failure': 'overloaded', ...fields });
    expect(script.take()).toContain('0 client head 503');
    expect(script.records[0]!.attempts).toEqual(['a 503 failure']);
  });

  it('is so, for all we know, when its reason is one that we do not', () => {
    const { script, last, get } = started();
    get({}, 'POST');
    refuseUnseen(last('a'), 'from_the_future');
    last('b').answer(200);
    expect(script.records[0]!.attempts[0]).toBe('a refused_unseen ignored');
  });
});

describe('inbound', () => {
  const INBOUND = { trustsPeer: false, retry: GONE } as const;

  it('proves a refusal by the span that it was asked with', () => {
    const { script, get } = started({ ...INBOUND, endpoints: [] });
    get({ traceparent: TRACEPARENT });
    expect(script.local).toMatchObject({ 'x-remora-refused': SPAN });
  });

  it('proves none where the application may have seen it, or nobody could have', () => {
    const { script, last, get } = started(INBOUND);
    get({ traceparent: TRACEPARENT });
    last('a').handler.onFailure('upstream_reset');
    expect(script.local).not.toHaveProperty('x-remora-refused');
    get();
    expect(script.local).not.toHaveProperty('x-remora-refused');
  });

  it('proves what another instance may have room for, and nothing else', () => {
    const trace = Object.assign(new TraceIds(), { parentSpanId: SPAN });
    const proved = FAILURE_CODES.filter((code) => {
      const edits = new Edits();
      proveRefusal(edits, code, trace);
      return edits.addedCount > 0;
    });
    for (const code of ['overloaded', 'park_full', 'concurrency_limited', 'sidecar_overloaded', 'draining'] as const)
      expect(proved).toContain(code);
    expect(proved).toContain('connect_refused');
    const others = ['rate_limited', 'fault_injected', 'bad_request', 'loop_detected', 'deadline_too_short'] as const;
    for (const code of [...others, 'no_route', 'upstream_reset', 'internal_error'] as const)
      expect(proved).not.toContain(code);
  });

  it('lets its application say nothing in its name', () => {
    const { script, last, get } = started(INBOUND);
    get();
    last('a').answer(503, '', { 'x-remora-failure': 'overloaded', 'x-remora-refused': SPAN, 'x-other': '1' });
    expect(script.removed).toEqual(['x-remora-failure', 'x-remora-refused']);
  });
});

describe('the wait before a retry', () => {
  it.each([503, 429])('is as long as an answer of %i asks', (status) => {
    const { script, last, get } = started({ retry: { statuses: [429, 503] } });
    get();
    last('a').answer(status, '', { 'retry-after': '2' });
    script.clock.advance(1_990);
    script.take();
    script.clock.advance(20);
    expect(script.take()[0]).toBe('2000 b send GET /');
  });

  it('is not waited for when it is longer than may be asked, or than there is time', () => {
    const { script, last, get } = started({ retry: { maxRetryAfterMs: 1_000 } });
    get();
    last('a').answer(503, '', { 'retry-after': '2' });
    expect(script.take()).toContain('0 no retry: asked_not_to');
    const short = started({ timeouts: { requestMs: 1_500 } });
    short.get();
    short.last('a').answer(503, '', { 'retry-after': '2' });
    expect(short.script.take()).toContain('0 no retry: asked_not_to');
  });
});

describe('retries at the same time', () => {
  it('are as many as may be, until their exchanges are over', () => {
    const { script, last, get } = started({ retry: { maxConcurrent: 1 } });
    get();
    last('a').answer(503);
    script.clock.advance(100);
    const second = script.open();
    second.request();
    const held = last('b');
    last('a').answer(503);
    expect(script.take()).toContain('100 no retry: concurrent');
    held.answer(200);
    expect(script.slots.inUse).toBe(0);
    get();
    last('b').answer(503);
    expect(script.slots.inUse).toBe(1);
    script.clock.advance(100);
    last('a').handler.onFailure('client_gone');
    expect(script.slots.inUse).toBe(0);
  });

  it('keep no place when there is no budget', () => {
    const { script, last, get } = started({ retry: { budget: { ratio: 0, minPerSecond: 0, windowMs: 10_000 } } });
    get();
    last('a').answer(503, 'long');
    expect(script.slots.inUse).toBe(0);
  });
});

describe('what a request says of its retries', () => {
  it.each<[string, Texts]>([
    ['x-envoy-max-retries', { 'x-envoy-max-retries': '0' }],
    ['x-remora-max-retries', { 'x-remora-max-retries': '0' }],
    ['x-envoy-retry-on', { 'x-envoy-retry-on': 'none' }],
    ['x-envoy-retry-on', { 'x-envoy-retry-on': 'reset,connect-failure' }],
  ])('can take them away: %s', (_name, fields) => {
    const { script, last, get } = started();
    get(fields);
    last('a').answer(503);
    expect(script.take()).toContain('0 client head 503');
    expect(script.records[0]!.attempts).toHaveLength(1);
  });

  it('narrows to what both want', () => {
    const { script, last, get } = started();
    get({ 'x-envoy-retry-on': '5xx' });
    last('a').answer(503);
    expect(script.take()).toContain('0 retry after a 503');
  });

  it('never gives more than the plan has', () => {
    const { script, last, get } = started({ retry: { maxAttempts: 2, on: ['reset'] } });
    get({ 'x-envoy-retry-on': '5xx', 'x-envoy-max-retries': '9' });
    last('a').answer(503);
    expect(script.take()).toContain('0 client head 503');
    get({ 'x-envoy-max-retries': '9' });
    last('b').handler.onFailure('upstream_reset');
    script.clock.advance(100);
    last('a').handler.onFailure('upstream_reset');
    expect(script.records[1]!.attempts).toHaveLength(2);
  });

  it('does not keep what was never sent on a stale connection from going out', () => {
    const { script, last, get } = started();
    get({ 'x-envoy-retry-on': 'none', 'x-envoy-max-retries': '0' });
    last('a').bytesWritten = 0;
    last('a').handler.onFailure('connection_stale');
    expect(script.take().some((line) => line.endsWith('connect fresh'))).toBe(true);
  });

  it('is not believed from just anybody', () => {
    const { script, last, get } = started({ trustsPeer: false });
    get({ 'x-envoy-max-retries': '0' });
    last('a').answer(503);
    expect(script.take()).toContain('0 retry after a 503');
  });
});

describe('other reasons to try again', () => {
  it('are fields of the answer, whatever its status', () => {
    const { script, last, get } = started({ retry: { headers: [{ name: 'x-again', exact: 'yes', prefix: null }] } });
    get();
    last('a').answer(200, '', { 'x-again': 'yes' });
    expect(script.take()).toContain('0 retry after a 200');
  });

  it('are an Idempotency-Key, where the service honours it', () => {
    const { script, last, get } = started({ retry: { idempotencyKey: true } });
    get({ 'idempotency-key': '7' }, 'POST');
    last('a').answer(503);
    expect(script.take()).toContain('0 retry after a 503');
    const off = started();
    off.get({ 'idempotency-key': '7' }, 'POST');
    off.last('a').answer(503);
    expect(off.script.records[0]!.attempts).toHaveLength(1);
  });
});

it('what nobody was sent is sent again once without a budget, and not twice', () => {
  const script = new ExchangeScript({
    endpoints: ['a', 'b', 'c'],
    warm: false,
    retry: { maxAttempts: 5, budget: { ratio: 0, minPerSecond: 0, windowMs: 10_000 } },
  });
  script.open().request({ method: 'POST' });
  script.endpoint('a').last.handler.onFailure('connect_refused');
  script.endpoint('b').last.handler.onFailure('connect_refused');
  expect(script.take()).toEqual([
    '0 a connect',
    '0 retry after a connect_refused',
    '0 b connect',
    '0 no retry: budget',
    '0 client local 503 connect_refused',
    '0 client finish true',
  ]);
  expect(script.books()).toEqual({ admitted: 0, active: 0, parked: 0, timers: 0 });
});
