import { describe, expect, it } from 'vitest';
import { ExchangeScript, type RequestText, requestHead, responseHead } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const OWN = 'x-remora-deadline-ms';
const EXPECTED = 'x-envoy-expected-rq-timeout-ms';

function lone(options: ConstructorParameters<typeof ExchangeScript>[0] = {}) {
  const script = new ExchangeScript({ endpoints: ['a'], ...options });
  return { script, client: script.open(), a: () => script.endpoint('a').last };
}

function ask(text: RequestText, options = {}) {
  const made = lone(options);
  made.client.request(text);
  return made;
}

/** An upstream whose answers take 50 ms. */
function paced(options = {}) {
  const made = lone(options);
  for (let i = 0; i < 30; i++) {
    made.client.request();
    made.script.clock.advance(50);
    made.a().answer(200);
  }
  made.script.take();
  made.script.records.length = 0;
  return made;
}

describe('the deadline of a request', () => {
  it.each([
    [OWN, '300', 300],
    [EXPECTED, '300', 300],
    ['x-envoy-upstream-rq-timeout-ms', '300', 300],
    [OWN, '20000', 15_000],
    [EXPECTED, '20000', 15_000],
    ['x-envoy-upstream-rq-timeout-ms', '20000', 15_000],
    ['x-envoy-upstream-rq-timeout-ms', '0', 15_000],
    [EXPECTED, '0', 15_000],
    [OWN, '', 15_000],
    [OWN, 'soon', 15_000],
    [OWN, '-1', 15_000],
    [OWN, '1.5', 15_000],
    [OWN, '1e2', 15_000],
    [OWN, '300, 200', 15_000],
    [OWN, '9'.repeat(400), 15_000],
  ])('is with %s: %s the earlier of its caller’s and its plan’s', (name, value, ms) => {
    const { script } = ask({ method: 'POST', fields: { [name]: value } });
    script.clock.advance(ms - 20);
    expect(script.records).toEqual([]);
    script.clock.advance(40);
    expect(script.records[0]).toMatchObject({ status: 504, code: 'deadline_exceeded' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('is over at once when nothing is left', () => {
    const { script } = ask({ fields: { [OWN]: '0' } });
    expect(script.take()).toEqual(['0 client local 504 deadline_exceeded', '0 client finish true']);
  });

  it('runs while the request is still being sent, and Envoy’s does not', () => {
    for (const [name, code] of [
      [OWN, 'deadline_exceeded'],
      [EXPECTED, null],
    ] as const) {
      const { script, client, a } = lone();
      client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked', fields: { [name]: '300' } }));
      script.clock.advance(400);
      client.handler.onRequestEnd(null);
      if (code === null) a().answer(200);
      expect(script.records[0]!.code).toBe(code);
    }
  });

  it('holds where the plan has none', () => {
    const { script } = ask({ fields: { [OWN]: '300' } }, { timeouts: { requestMs: 0, attemptMs: 0 } });
    script.clock.advance(320);
    expect(script.records[0]).toMatchObject({ code: 'deadline_exceeded' });
  });

  it('cuts an answer that has begun', () => {
    const { script, a } = ask({ fields: { [OWN]: '300' } });
    a().handler.onHead(responseHead(200, 'chunked'));
    script.clock.advance(320);
    expect(script.records[0]).toMatchObject({ status: 200, code: 'deadline_exceeded' });
  });

  it('does not bound what became another protocol', () => {
    const { script, a } = ask({ upgrade: 'websocket', fields: { [OWN]: '300' } });
    a().handler.onHead(responseHead(101, 'raw'));
    script.clock.advance(60_000);
    expect(script.records).toEqual([]);
  });

  it('is that of each request of a connection alone', () => {
    const { script, client, a } = ask({ fields: { [OWN]: '300', 'x-envoy-upstream-rq-per-try-timeout-ms': '50' } });
    a().answer(200);
    client.request({ method: 'POST' });
    script.clock.advance(14_000);
    a().answer(200);
    expect(script.records[1]).toMatchObject({ status: 200, code: null });
  });
});

describe('a caller in a hurry', () => {
  it.each([
    ['300', 'ignored'],
    ['3000', 'failure'],
  ])('with %s ms shows of the endpoint: %s', (ms, outcome) => {
    const { script } = ask({ method: 'POST', fields: { [OWN]: ms } });
    script.clock.advance(3_010);
    expect(script.records[0]!.attempts).toEqual([`a deadline_exceeded ${outcome}`]);
  });

  it('is none whose deadline is beyond the plan’s own, by which an endpoint that is silent is known', () => {
    const { script } = ask({ method: 'POST', fields: { [OWN]: '60000' } }, { timeouts: { requestMs: 500 } });
    script.clock.advance(510);
    expect(script.records[0]!.attempts).toEqual(['a deadline_exceeded failure']);
  });

  it('opens no circuit', () => {
    const { script, client } = lone({ breaker: { consecutiveFailures: 2 } });
    for (let i = 0; i < 20; i++) {
      client.request({ method: 'POST', fields: { [OWN]: '20' } });
      script.clock.advance(30);
    }
    expect(script.take().filter((line) => line.includes('breaker'))).toEqual([]);
  });
});

describe('what endpoints are told', () => {
  it.each([
    ['the plan’s', {}, { [OWN]: '15000', [EXPECTED]: '10000' }],
    ['the caller’s deadline', { [OWN]: '7000' }, { [OWN]: '7000', [EXPECTED]: '7000' }],
    ['the shorter of two', { [OWN]: '7000', [EXPECTED]: '300' }, { [OWN]: '7000', [EXPECTED]: '7000' }],
    ['Envoy’s', { [EXPECTED]: '300' }, { [OWN]: '300', [EXPECTED]: '300' }],
    ['a time for each try', { 'x-envoy-upstream-rq-per-try-timeout-ms': '20' }, { [OWN]: '15000', [EXPECTED]: '20' }],
    ['nothing longer', { [OWN]: '16000', [EXPECTED]: '16000' }, { [OWN]: '15000', [EXPECTED]: '10000' }],
  ])('is %s', (_, fields, told) => {
    const { a } = ask({ fields });
    expect(a().sentFields).toMatchObject(told);
  });

  it('is nothing where there is no bound, and what cannot be read is passed on', () => {
    const { a } = ask({ fields: { [OWN]: 'soon' } }, { timeouts: { requestMs: 0, attemptMs: 0 } });
    expect(a().sentFields).not.toHaveProperty(OWN);
    expect(a().sentFields).not.toHaveProperty(EXPECTED);
  });

  it('is the plan’s as Envoy means it while the body is still to come', () => {
    const { client, a } = lone();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    expect(a().sentFields).toMatchObject({ [EXPECTED]: '10000' });
    expect(a().sentFields).not.toHaveProperty(OWN);
  });

  it('is less by what was spent, anew for each attempt', () => {
    const { script } = ask({ fields: { [OWN]: '1000' } }, { endpoints: ['a', 'b'], warm: false });
    script.clock.advance(250);
    script.endpoint('a').last.handler.onConnected();
    expect(script.endpoint('a').last.sentFields[OWN]).toBe('750');
    script.clock.advance(350);
    script.endpoint('a').last.handler.onFailure('upstream_reset');
    script.clock.advance(100);
    script.endpoint('b').last.handler.onConnected();
    expect(script.endpoint('b').last.sentFields[OWN]).toBe('300');
  });
});

describe('the time of an attempt', () => {
  it('is shorter when the caller says so, and not longer', () => {
    for (const [value, at] of [
      ['50', 50],
      ['20000', 10_000],
      ['0', 10_000],
    ] as const) {
      const fields = { 'x-envoy-upstream-rq-per-try-timeout-ms': value };
      const { script } = ask({ fields }, { endpoints: ['a', 'b'] });
      script.clock.advance(at + 10);
      expect(script.take()).toContain(`${at} retry after a attempt_timeout`);
    }
  });
});

describe('silence within an attempt', () => {
  const timeouts = { attemptIdleMs: 200 };

  it('is followed by another attempt', () => {
    const { script } = ask({}, { endpoints: ['a', 'b'], timeouts, retry: { backoffMs: 10 } });
    script.clock.advance(210);
    expect(script.take()).toContain('200 retry after a attempt_idle');
    script.endpoint('b').last.answer(200);
    expect(script.records[0]!.attempts).toEqual(['a attempt_idle failure', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is measured anew in the next attempt, however long the wait before it was', () => {
    const retry = { backoffMs: 500, maxBackoffMs: 500 };
    const { script } = ask({}, { endpoints: ['a', 'b'], timeouts, retry });
    script.clock.advance(890);
    expect(script.take().filter((line) => line.includes('retry'))).toEqual(['200 retry after a attempt_idle']);
    script.clock.advance(20);
    expect(script.take()).toContain('900 retry after b attempt_idle');
  });

  it('ends what cannot be tried again', () => {
    const { script } = ask({ method: 'POST' }, { timeouts });
    script.clock.advance(210);
    expect(script.records[0]).toMatchObject({ status: 504, code: 'attempt_idle' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('is none while the client is slow, or bytes move', () => {
    const { script, client, a } = lone({ timeouts });
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    script.clock.advance(1_000);
    for (let i = 0; i < 5; i++) {
      client.handler.onRequestBody(Buffer.from('x'));
      script.clock.advance(150);
    }
    client.handler.onRequestEnd(null);
    script.clock.advance(150);
    a().answer(200);
    expect(script.records[0]).toMatchObject({ code: null });
  });

  it('is none once the answer has begun', () => {
    const { script, a } = ask({}, { timeouts });
    a().handler.onHead(responseHead(200, 'chunked'));
    script.clock.advance(5_000);
    a().handler.onEnd(null);
    expect(script.records[0]).toMatchObject({ code: null });
  });
});

describe('the longest a request may last', () => {
  const timeouts = { maxDurationMs: 1_000, requestMs: 0 };

  it('ends one that has no answer', () => {
    const { script } = ask({ method: 'POST' }, { timeouts });
    script.clock.advance(1_010);
    expect(script.take().slice(-2)).toEqual(['1000 client local 504 max_duration', '1000 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('cuts a stream that moves', () => {
    const { script, a } = ask({}, { timeouts });
    a().handler.onHead(responseHead(200, 'chunked'));
    for (let i = 0; i < 9; i++) {
      script.clock.advance(100);
      a().handler.onBody(Buffer.from('x'));
    }
    expect(script.records).toEqual([]);
    script.clock.advance(110);
    expect(script.records[0]).toMatchObject({
      status: 200,
      code: 'max_duration',
      attempts: ['a max_duration ignored'],
    });
    expect(script.books()).toEqual(CLOSED);
  });

  it('cuts what became another protocol', () => {
    const { script, a } = ask({ upgrade: 'websocket' }, { timeouts });
    a().handler.onHead(responseHead(101, 'raw'));
    script.clock.advance(1_010);
    expect(script.records[0]).toMatchObject({ status: 101, code: 'max_duration' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('ends one that waits', () => {
    const { script } = ask({}, { endpoints: null, timeouts });
    script.clock.advance(1_010);
    expect(script.records[0]).toMatchObject({ code: 'max_duration', attempts: [] });
    expect(script.books()).toEqual(CLOSED);
  });
});

describe('a request whose caller has too little time', () => {
  it('is refused when no answer of late was that quick, and nothing is sent', () => {
    const { script, client } = paced();
    client.request({ fields: { [OWN]: '40' } });
    expect(script.take().at(-2)).toMatch(/client local 504 deadline_too_short$/);
    expect(script.records[0]).toMatchObject({ code: 'deadline_too_short', attempts: [] });
    client.request({ fields: { [EXPECTED]: '40' } });
    expect(script.records[1]).toMatchObject({ code: 'deadline_too_short' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('is sent when it could be enough, and while nothing is known', () => {
    const { script, client, a } = paced();
    client.request({ fields: { [OWN]: '60' } });
    a().answer(200);
    expect(script.records[0]).toMatchObject({ code: null });
    const cold = ask({ fields: { [OWN]: '1' } });
    cold.a().answer(200);
    expect(cold.script.records[0]).toMatchObject({ code: null });
  });

  it('is sent again after a while without any, since the endpoint may be quicker now', () => {
    const { script, client, a } = paced();
    script.clock.advance(60_000);
    client.request({ fields: { [OWN]: '40' } });
    a().answer(200);
    expect(script.records[0]).toMatchObject({ code: null });
  });

  it('has no second attempt that could not end in time: what the first showed is its answer', () => {
    const { script, client, a } = paced();
    client.request({ fields: { [OWN]: '90' } });
    script.clock.advance(50);
    a().answer(503);
    expect(script.records[0]).toMatchObject({ status: 503, code: null, attempts: ['a 503 failure'] });
  });

  it('does not wait so long before a second attempt that it would be in vain', () => {
    const { script, client, a } = paced({ retry: { backoffMs: 10_000, maxBackoffMs: 10_000 } });
    client.request({ fields: { [OWN]: '200' } });
    script.clock.advance(50);
    a().answer(503);
    script.clock.advance(100);
    a().answer(200);
    expect(script.records[0]).toMatchObject({ status: 200, attempts: ['a 503 failure', 'a 200 success'] });
  });
});
