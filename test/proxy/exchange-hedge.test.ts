import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { ExchangeScript, type FakeUpstream, requestHead, responseHead } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const HEDGED = { hedge: { delayMs: 100 }, timeouts: { attemptMs: 1_000 } };

describe('a hedged request', () => {
  it('is sent to a second endpoint when the first is late, and the first good answer wins', () => {
    const script = new ExchangeScript(HEDGED);
    script.open().request();
    script.clock.advance(100);
    script.endpoint('b').last.answer(200, 'b');

    expect(script.take()).toEqual([
      '0 a send GET /',
      '0 a end',
      '100 b send GET /',
      '100 b end',
      '100 a abort',
      '100 client head 200',
      '100 client body b',
      '100 client end',
      '100 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a superseded ignored', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('gets the answer of the first where that comes first after all', () => {
    const script = new ExchangeScript(HEDGED);
    script.open().request();
    script.clock.advance(100);
    script.endpoint('a').last.answer(200, 'a');
    expect(script.take().slice(-5)).toEqual([
      '100 b abort',
      '100 client head 200',
      '100 client body a',
      '100 client end',
      '100 client finish true',
    ]);
    expect(script.records[0]!.attempts).toEqual(['a 200 success', 'b superseded ignored']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('tells the second endpoint that it is not the first', () => {
    const script = new ExchangeScript(HEDGED);
    script.open().request();
    script.clock.advance(100);
    expect(script.endpoint('b').last.sentFields['x-remora-attempt']).toBe('2');
  });

  it('waits for the other when one answers what would be tried again, or fails', () => {
    for (const fails of [
      (upstream: FakeUpstream) => upstream.answer(503),
      (upstream: FakeUpstream) => upstream.handler.onFailure('upstream_reset'),
    ]) {
      for (const [bad, good] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        const script = new ExchangeScript(HEDGED);
        script.open().request();
        script.clock.advance(100);
        fails(script.endpoint(bad).last);
        script.clock.advance(50);
        script.endpoint(good).last.answer(200, good);
        expect(script.take().slice(-4)).toEqual([
          '150 client head 200',
          `150 client body ${good}`,
          '150 client end',
          '150 client finish true',
        ]);
        expect(script.books()).toEqual(CLOSED);
      }
    }
  });

  it('is tried again by the rules of retries when both have failed', () => {
    const script = new ExchangeScript({ ...HEDGED, endpoints: ['a', 'b', 'c'], retry: { backoffMs: 10 } });
    script.open().request();
    script.clock.advance(100);
    script.endpoint('a').last.answer(503);
    script.endpoint('b').last.answer(503);
    expect(script.books()).toMatchObject({ parked: 1, active: 0 });
    script.clock.advance(1_000);
    script.endpoint('c').last.answer(200);
    expect(script.records[0]!.attempts).toEqual(['a 503 failure', 'b 503 failure', 'c 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes on with the second when the time of the first attempt is up', () => {
    const script = new ExchangeScript(HEDGED);
    script.open().request();
    script.clock.advance(1_000);
    expect(script.take().at(-1)).toBe('1000 a abort');
    script.clock.advance(99);
    script.endpoint('b').last.answer(200);
    expect(script.records[0]!.attempts).toEqual(['a attempt_timeout failure', 'b 200 success']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('ends both when its client goes, and at its deadline', () => {
    const gone = new ExchangeScript(HEDGED);
    const client = gone.open();
    client.request();
    gone.clock.advance(100);
    client.handler.onClientGone('client_gone');
    expect(gone.records[0]!.attempts).toEqual(['a client_gone ignored', 'b client_gone ignored']);
    expect(gone.books()).toEqual(CLOSED);

    const late = new ExchangeScript({ ...HEDGED, timeouts: { attemptMs: 0, requestMs: 500 } });
    late.open().request();
    late.clock.advance(500);
    expect(late.records[0]).toMatchObject({ status: 504, code: 'deadline_exceeded' });
    expect(late.books()).toEqual(CLOSED);
  });

  it.each([
    ['a method that may not be repeated', { method: 'POST' }, {}],
    ['a method that is not listed', { method: 'PUT' }, {}],
    ['an upgrade', { upgrade: 'websocket' }, {}],
    ['no attempt left', {}, { retry: { maxAttempts: 1 } }],
    ['nobody else to ask', {}, { endpoints: ['a'] }],
    ['no budget', {}, { retry: { budget: { ratio: 0, minPerSecond: 0, windowMs: 10_000 } } }],
  ])('is not sent twice: %s', (_why, request, options) => {
    const script = new ExchangeScript({ ...HEDGED, ...options });
    script.open().request(request);
    script.clock.advance(900);
    expect(script.take().filter((line) => line.includes('send'))).toHaveLength(1);
    script.endpoint('a').last.answer(200);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is not sent twice before it is complete, nor once its body was too long to keep', () => {
    const script = new ExchangeScript({
      ...HEDGED,
      hedge: { delayMs: 100, methods: ['PUT'] },
      retry: { replayBytes: 4 },
    });
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
    client.handler.onRequestBody(Buffer.from('abc'));
    script.clock.advance(500);
    client.handler.onRequestBody(Buffer.from('def'));
    client.handler.onRequestEnd(null);
    script.clock.advance(500);
    expect(script.endpoints.has('b') && script.endpoint('b').upstreams).toEqual([]);
  });

  it('leaves interim answers out while two are under way', () => {
    const script = new ExchangeScript(HEDGED);
    script.open().request();
    script.clock.advance(100);
    script.endpoint('a').last.handler.onInterim(responseHead(103, 'none'));
    script.endpoint('b').last.answer(200);
    expect(script.take().filter((line) => line.includes('client'))).toEqual([
      '100 client head 200',
      '100 client end',
      '100 client finish true',
    ]);
  });

  it('closes its books whatever happens in whichever order', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const script = new ExchangeScript({
        ...HEDGED,
        endpoints: ['a', 'b', 'c'],
        warm: random.below(2) === 0,
        breaker: { consecutiveFailures: 1_000 },
      });
      const client = script.open();
      client.request();
      const over = new Set<FakeUpstream>();
      for (let step = 0; step < 40 && script.records.length === 0; step++) {
        const all = [...script.endpoints.values()].flatMap(({ upstreams }) => upstreams);
        const open = all.filter((upstream) => !upstream.isAborted && !over.has(upstream));
        const upstream = open.length === 0 ? undefined : open[random.below(open.length)];
        act(script, upstream, over, random.below(5));
      }
      if (script.records.length === 0) client.handler.onClientGone('client_gone');
      script.clock.advance(2_000);
      expect(script.records, `seed ${seed}`).toHaveLength(1);
      expect(script.books(), `seed ${seed}`).toEqual(CLOSED);
    }
  });
});

/** One thing that an endpoint, or time, may do. */
function act(script: ExchangeScript, upstream: FakeUpstream | undefined, over: Set<FakeUpstream>, what: number): void {
  if (upstream === undefined || what === 0) return void script.clock.advance(60);
  if (!upstream.isReady) {
    upstream.isReady = true;
    if (what > 1) return upstream.handler.onConnected();
  }
  over.add(upstream);
  if (what === 1) upstream.handler.onFailure('upstream_reset');
  else upstream.answer(what === 2 ? 503 : 200);
}
