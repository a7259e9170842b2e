import { describe, expect, it } from 'vitest';
import { type FakeClient, type RequestText, requestHead, responseHead } from '../../support/exchange-script.ts';
import { SpreadScript } from '../../support/spread-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const ONCE = { retry: { maxAttempts: 1 } };
const PLACES = ['a', 'b'];

describe('a read at two places', () => {
  it('answers from the main place, and compares what the other says', () => {
    const script = new SpreadScript('dual_read', PLACES);
    script.enter().request({ path: '/x' });
    expect(script.take()).toEqual(['0 a send GET /x', '0 a end', '0 b send GET /x', '0 b end']);
    script.at('a').answer(200, 'same');
    expect(script.take()).toEqual(['0 client head 200', '0 client body same', '0 client end', '0 client finish true']);
    script.at('b').answer(200, 'same');

    expect(script.take()).toEqual([]);
    expect(script.ledger.reads).toEqual({ same: 1, different: 0, failed: 0, skipped: 0 });
    expect(script.records).toHaveLength(1);
    expect(script.records[0]?.attempts).toEqual(['a 200 success']);
    expect(script.shadows.size).toBe(0);
    expect(script.books()).toEqual(CLOSED);
  });

  it('takes bodies for the same wherever they were cut into pieces', () => {
    const script = new SpreadScript('dual_read', PLACES);
    script.enter().request();
    const { handler } = script.at('b');
    handler.onHead(responseHead(200, 'chunked'));
    for (const piece of ['sa', 'm', 'e']) handler.onBody(Buffer.from(piece));
    handler.onEnd(null);
    script.at('a').answer(200, 'same');
    expect(script.ledger.reads.same).toBe(1);
  });

  it.each([
    [200, 'other'],
    [201, 'same'],
    [404, ''],
  ])('counts %i %s as different', (status, body) => {
    const script = new SpreadScript('dual_read', PLACES);
    script.enter().request();
    script.at('b').answer(status, body);
    script.at('a').answer(200, 'same');
    expect(script.ledger.reads).toEqual({ same: 0, different: 1, failed: 0, skipped: 0 });
  });

  it('counts an other place that gives no whole answer as failed, and the client sees nothing of it', () => {
    const script = new SpreadScript('dual_read', PLACES, ONCE);
    script.enter().request();
    script.take();
    script.at('b').handler.onHead(responseHead(200, 'chunked'));
    script.at('b').handler.onFailure('response_truncated');
    expect(script.take()).toEqual(['0 b abort']);
    script.at('a').answer(200);
    expect(script.ledger.reads).toEqual({ same: 0, different: 0, failed: 1, skipped: 0 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('gives the other place no more time than any request has', () => {
    const script = new SpreadScript('dual_read', PLACES, { ...ONCE, timeouts: { requestMs: 1000, attemptMs: 0 } });
    script.enter().request();
    script.at('a').answer(200);
    script.take();
    script.clock.advance(1000);
    expect(script.take()).toEqual(['1000 b abort']);
    expect(script.ledger.reads.failed).toBe(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('gives the other up when the main place has no whole answer', () => {
    const script = new SpreadScript('dual_read', PLACES, ONCE);
    script.enter().request();
    script.take();
    script.at('a').handler.onFailure('upstream_reset');
    expect(script.take()).toEqual(['0 client local 502 upstream_reset', '0 client finish true', '0 b abort']);
    expect(script.ledger.reads).toEqual({ same: 0, different: 0, failed: 0, skipped: 1 });
    expect(script.shadows.size).toBe(0);
    expect(script.books()).toEqual(CLOSED);
  });

  it('gives both up with the client', () => {
    const script = new SpreadScript('dual_read', PLACES);
    const client = script.enter();
    client.request();
    script.take();
    client.handler.onClientGone('client_gone');
    expect(script.take()).toEqual(['0 a abort', '0 b abort']);
    expect(script.ledger.reads.skipped).toBe(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('sends a body to both when it was kept whole, and to the main place alone when not', () => {
    const script = new SpreadScript('dual_read', PLACES, { retry: { replayBytes: 4 } });
    const client = script.enter();
    send(client, { method: 'GET', body: 'chunked' }, ['ab', 'cd']);
    expect(script.take().slice(-4)).toEqual(['0 b send GET /', '0 b body ab', '0 b body cd', '0 b end']);
    script.at('a').answer(200);
    script.at('b').answer(200);
    script.take();

    send(client, { method: 'GET', body: 'chunked' }, ['abc', 'de']);
    expect(script.take()).toEqual(['0 a send GET /', '0 a body abc', '0 a body de', '0 a end']);
    script.at('a').answer(200);
    expect(script.ledger.reads).toEqual({ same: 1, different: 0, failed: 0, skipped: 1 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('compares at most so many at once', () => {
    const script = new SpreadScript('dual_read', PLACES);
    const clients = Array.from({ length: 129 }, () => script.enter());
    for (const client of clients) client.request();
    expect(script.shadows.size).toBe(128);
    for (const { handler } of clients) handler.onClientGone('client_gone');
    expect(script.ledger.reads.skipped).toBe(129);
    expect(script.shadows.size).toBe(0);
    expect(script.books()).toEqual(CLOSED);
  });

  it('leaves what is no read to the main place', () => {
    const script = new SpreadScript('dual_read', PLACES);
    script.enter().request({ method: 'POST' });
    expect(script.take()).toEqual(['0 a send POST /', '0 a end']);
  });
});

describe('a write at two places', () => {
  it('goes to the other when the main place has taken it, whole and as it came', () => {
    const script = new SpreadScript('dual_write', PLACES);
    const client = script.enter();
    send(client, { method: 'POST', path: '/o', body: 'length', contentLength: 4 }, ['ab', 'cd']);
    expect(script.take()).toEqual(['0 a send POST /o', '0 a body ab', '0 a body cd', '0 a end']);
    script.at('a').answer(201, 'made');
    expect(script.take()).toEqual([
      '0 client head 201',
      '0 b send POST /o',
      '0 b body ab',
      '0 b body cd',
      '0 b end',
      '0 client body made',
      '0 client end',
      '0 client finish true',
    ]);
    expect(script.books().admitted).toBe(1);
    script.at('b').answer(200);
    expect(script.take()).toEqual([]);
    expect(script.ledger).toMatchObject({ written: 1, lost: 0, isDiverged: false });
    expect(script.records).toHaveLength(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('outlives its client, once the main place has said yes', () => {
    const script = new SpreadScript('dual_write', PLACES);
    const client = script.enter();
    client.request({ method: 'PUT' });
    script.at('a').handler.onHead(responseHead(200, 'chunked'));
    client.handler.onClientGone('client_gone');
    script.take();
    script.at('b').answer(200);
    expect(script.ledger).toMatchObject({ written: 1, lost: 0 });
    expect(script.books()).toEqual(CLOSED);
  });

  it.each([301, 404, 409, 500])('goes nowhere else after %i', (status) => {
    const script = new SpreadScript('dual_write', PLACES, ONCE);
    script.enter().request({ method: 'POST' });
    script.at('a').answer(status);
    expect(script.endpoint('b').upstreams).toEqual([]);
    expect(script.ledger).toMatchObject({ written: 0, lost: 0 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes to the other when the main place sends its client to look elsewhere at what it has done', () => {
    const script = new SpreadScript('dual_write', PLACES);
    script.enter().request({ method: 'POST' });
    script.at('a').answer(303);
    script.at('b').answer(303);
    expect([script.ledger.written, script.ledger.lost]).toEqual([1, 0]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is on the ledger when the main place answers 302, which is said of what is done and of what is not', () => {
    const script = new SpreadScript('dual_write', PLACES);
    script.enter().request({ method: 'POST' });
    script.at('a').answer(302);
    expect(script.ledger.recent()).toMatchObject([{ why: 'unknown' }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes nowhere else when the main place has not seen it', () => {
    const script = new SpreadScript('dual_write', PLACES, { ...ONCE, warm: false });
    script.enter().request({ method: 'POST' });
    script.at('a').handler.onFailure('connect_refused');
    expect(script.endpoint('b').upstreams).toEqual([]);
    expect(script.ledger.lost).toBe(0);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is on the ledger when nobody can say whether the main place has it', () => {
    const script = new SpreadScript('dual_write', PLACES, ONCE);
    script.enter().request({ method: 'POST' });
    script.at('a').handler.onFailure('upstream_reset');
    expect(script.endpoint('b').upstreams).toEqual([]);
    expect(script.ledger.recent()).toMatchObject([{ why: 'unknown', status: 0 }]);
    expect(script.ledger.isDiverged).toBe(true);
  });

  it('is on the ledger when the other place fails, and is not sent again', () => {
    const script = new SpreadScript('dual_write', PLACES, ONCE);
    script.enter().request({ method: 'POST', path: '/secret/path' });
    script.at('a').answer(200);
    script.at('b').handler.onFailure('upstream_reset');
    script.clock.advance(60_000);
    expect(script.endpoint('b').upstreams).toHaveLength(1);
    expect(script.ledger.recent()).toEqual([
      {
        at: 1_700_000_001_000,
        method: 'POST',
        pathHash: expect.stringMatching(/^[0-9a-f]{16}$/),
        keyHash: '00000007',
        why: 'upstream_reset',
        status: 0,
      },
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is on the ledger when the other place does not take it', () => {
    const script = new SpreadScript('dual_write', PLACES, ONCE);
    script.enter().request({ method: 'POST' });
    script.at('a').answer(200);
    script.at('b').answer(409);
    expect(script.ledger.recent()).toMatchObject([{ why: 'refused', status: 409 }]);
  });

  it('is on the ledger when it is too large to be kept', () => {
    const script = new SpreadScript('dual_write', PLACES, { retry: { replayBytes: 3 } });
    send(script.enter(), { method: 'POST', body: 'chunked' }, ['ab', 'cd']);
    script.at('a').answer(200);
    expect(script.endpoint('b').upstreams).toEqual([]);
    expect(script.ledger.recent()).toMatchObject([{ why: 'body_too_large' }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is on the ledger when it was answered before it was complete', () => {
    const script = new SpreadScript('dual_write', PLACES);
    const client = script.enter();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    script.at('a').answer(200);
    expect(script.ledger.recent()).toMatchObject([{ why: 'request_incomplete' }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits for the one before it of the same key, in the order in which the main place took them', () => {
    const script = new SpreadScript('dual_write', PLACES);
    const [first, second] = [script.enter(), script.enter()];
    first.request({ method: 'PUT', path: '/1' });
    second.request({ method: 'PUT', path: '/2' });
    const [one, two] = script.endpoint('a').upstreams;
    script.take();
    two!.handler.onHead(responseHead(200, 'chunked'));
    one!.answer(200);
    expect(script.take().filter((line) => line.includes(' b '))).toEqual(['0 b send PUT /2', '0 b end']);
    script.at('b').answer(500);
    expect(script.take()).toEqual(['0 b send PUT /1', '0 b end']);
    script.at('b').answer(200);
    two!.handler.onEnd(null);
    expect(script.ledger).toMatchObject({ written: 1, lost: 1 });
    expect(script.shadows.size).toBe(0);
    expect(script.books()).toEqual(CLOSED);
  });

  it('does not wait for those of other keys', () => {
    const script = new SpreadScript('dual_write', PLACES);
    for (const keyHash of [1, 2, 65]) {
      script.keyHash = keyHash;
      script.enter().request({ method: 'PUT', path: `/${keyHash}` });
      script.at('a').answer(200);
    }
    const sent = script.take().filter((line) => line.includes(' b send'));
    expect(sent).toEqual(['0 b send PUT /1', '0 b send PUT /2']);
  });

  it('is lost where too many wait, and so are those that wait when the time is up', () => {
    const script = new SpreadScript('dual_write', PLACES);
    for (let i = 0; i < 66; i++) {
      script.enter().request({ method: 'PUT' });
      script.at('a').answer(200);
    }
    expect(script.shadows.size).toBe(64);
    expect(script.ledger.recent().map(({ why }) => why)).toEqual(['lane_full', 'lane_full']);
    script.take();
    expect(script.shadows.expire()).toBe(64);
    expect(script.take()).toEqual(['0 b abort']);
    expect(script.ledger.lost).toBe(66);
    expect(script.shadows.size).toBe(0);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes through all that wait, one by one, when the other place is gone', () => {
    const script = new SpreadScript('dual_write', PLACES, ONCE);
    for (let i = 0; i < 64; i++) {
      script.enter().request({ method: 'PUT' });
      script.at('a').answer(200);
    }
    script.discover(['a']);
    script.at('b').handler.onFailure('upstream_reset');
    expect(script.ledger.lost).toBe(64);
    expect(script.ledger.recent()[63]).toMatchObject({ why: 'no_endpoint' });
    expect(script.books()).toEqual(CLOSED);
  });

  it('holds no more than so many bytes', () => {
    const script = new SpreadScript('dual_write', PLACES, { retry: { replayBytes: 8_000_000 } });
    for (let i = 0; i < 3; i++) {
      send(script.enter(), { method: 'POST', body: 'chunked' }, ['x'.repeat(6_000_000)]);
      script.at('a').answer(200);
    }
    expect(script.ledger.recent().map(({ why }) => why)).toEqual(['lane_full']);
    expect(script.shadows.size).toBe(2);
  });

  it('is, as a call of gRPC, taken by what its trailers say', () => {
    const script = new SpreadScript('dual_write', PLACES);
    const call = {
      method: 'POST',
      version: '2',
      body: 'chunked',
      fields: { 'content-type': 'application/grpc' },
    } as const;
    for (const status of ['5', '0']) {
      send(script.enter(), call, ['m']);
      const { handler } = script.at('a');
      handler.onHead(responseHead(200, 'chunked'));
      expect(script.endpoint('b').upstreams).toEqual([]);
      handler.onEnd(requestHead({ fields: { 'grpc-status': status } }));
    }
    expect(script.endpoint('b').upstreams).toHaveLength(1);
    script.at('b').handler.onHead(responseHead(200, 'none', -1, { 'grpc-status': '13' }));
    script.at('b').handler.onEnd(null);
    expect(script.ledger.recent()).toMatchObject([{ why: 'refused', status: 200 }]);
    expect(script.books()).toEqual(CLOSED);
  });
});

function send(client: FakeClient, head: RequestText, pieces: readonly string[]): void {
  client.handler.onRequest(requestHead(head));
  for (const piece of pieces) client.handler.onRequestBody(Buffer.from(piece));
  client.handler.onRequestEnd(null);
}
