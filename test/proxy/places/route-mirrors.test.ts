import { describe, expect, it } from 'vitest';
import { MirrorCrowd } from '../../../src/proxy/places/mirror-crowd.ts';
import { type Mirror, mirrorPlan, RouteMirrors } from '../../../src/proxy/places/route-mirrors.ts';
import { makeEffects } from '../../../src/route/effects/effects.ts';
import type { RouteOptions } from '../../../src/route/table/options.ts';
import { ExchangeScript, requestHead, type ScriptOptions } from '../../support/exchange-script.ts';
import { changes, routeOf, targetOf } from '../../support/route.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };

interface Given {
  readonly share?: number;
  readonly route?: Partial<RouteOptions>;
  readonly client?: ScriptOptions;
  readonly mirror?: ScriptOptions;
  readonly isThere?: boolean;
}

/** A client's upstream with the endpoint `a`, and a mirror with the endpoint `m`, each with a log of its own. */
function mirrored({ share = 10_000, route = {}, client = {}, mirror = {}, isThere = true }: Given = {}) {
  const script = new ExchangeScript({ endpoints: ['a'], ...client });
  const there = new ExchangeScript({ endpoints: ['m'], clock: script.clock, ...mirror });
  const crowd = new MirrorCrowd();
  const plan = mirrorPlan(there.plan, makeEffects(routeOf(route), targetOf({ upstream: 'next' })));
  const mirrors: Mirror[] = [{ share, plan: isThere ? plan : null }];
  script.plan = { ...script.plan, mirrors: RouteMirrors.of('check out', mirrors, crowd) };
  return { script, there, crowd, client: script.open() };
}

/** Those that are not 0. */
function results({ counts }: MirrorCrowd): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

describe('a request of a route with a mirror', () => {
  it('is sent to both, and its client has the one answer whatever the other is', () => {
    const { script, there, crowd, client } = mirrored();
    client.request({ path: '/x' });
    expect(script.take()).toEqual(['0 a send GET /x', '0 a end']);
    expect(there.take()).toEqual(['0 m send GET /x', '0 m end']);
    there.endpoint('m').last.answer(500, 'no');
    expect(script.take()).toEqual([]);
    script.endpoint('a').last.answer(200, 'yes');
    expect(script.take()).toEqual(['0 client head 200', '0 client body yes', '0 client end', '0 client finish true']);
    expect(results(crowd)).toEqual({ error: 1 });
    expect(there.records).toEqual([]);
    expect([script.books(), there.books()]).toEqual([CLOSED, CLOSED]);
  });

  it('is marked, says that it matters least, and is what the route makes of it', () => {
    const { there, client } = mirrored({ route: { request: changes({ set: [['x-up', '%upstream%']] }) } });
    client.request({ fields: { 'x-remora-criticality': 'critical_plus', 'x-request-id': 'id-1' } });
    const { sentFields } = there.endpoint('m').last;
    expect(sentFields).toMatchObject({ 'x-request-id': 'id-1', 'x-up': 'next', 'x-remora-criticality': 'sheddable' });
  });

  it('is not copied when it is a copy, or asks for another protocol', () => {
    const { there, client } = mirrored();
    client.request({ fields: { 'x-remora-mirror': 'other' } });
    client.handler.onClientGone('client_gone');
    client.request({ upgrade: 'websocket' });
    expect(there.take()).toEqual([]);
  });

  it('is copied with its body when all of it has come', () => {
    const { there, client } = mirrored();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    client.handler.onRequestBody(Buffer.from('one'));
    expect(there.take()).toEqual([]);
    client.handler.onRequestBody(Buffer.from('two'));
    client.handler.onRequestEnd(null);
    expect(there.take()).toEqual(['0 m send POST /', '0 m body one', '0 m body two', '0 m end']);
  });

  it('is not copied when its body was not kept, or its answer began before its end', () => {
    const { script, there, crowd, client } = mirrored({ client: { retry: { replayBytes: 4 } } });
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    client.handler.onRequestBody(Buffer.from('too long'));
    client.handler.onRequestEnd(null);
    script.endpoint('a').last.answer(200);
    client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked' }));
    script.endpoint('a').last.handler.onHead(requestHead() as never);
    client.handler.onRequestEnd(null);
    expect(results(crowd)).toEqual({ body: 2 });
    expect(there.take()).toEqual([]);
  });

  it('is copied once, whatever its own retries are, and the copy is not tried again', () => {
    const { script, there, crowd, client } = mirrored({
      client: { endpoints: ['a', 'b'] },
      mirror: { endpoints: ['m', 'n'] },
    });
    client.request();
    script.endpoint('a').last.handler.onFailure('connect_refused');
    there.endpoint('m').last.handler.onFailure('connect_refused');
    script.endpoint('b').last.answer(200);
    expect(there.take().filter((line) => line.includes('send'))).toEqual(['0 m send GET /']);
    expect(results(crowd)).toEqual({ failed: 1 });
    expect(there.books()).toEqual(CLOSED);
  });

  it('is not copied where nobody takes it, and that is counted', () => {
    const nobody = mirrored({ mirror: { endpoints: [] } });
    nobody.client.request();
    expect(results(nobody.crowd)).toEqual({ failed: 1 });
    const nowhere = mirrored({ isThere: false });
    nowhere.client.request();
    expect(results(nowhere.crowd)).toEqual({ no_upstream: 1 });
    expect(nowhere.script.take()).toEqual(['0 a send GET /', '0 a end']);
  });

  it('goes on when its client is gone, and ends when nobody answers it for too long', () => {
    const { script, there, crowd, client } = mirrored({ mirror: { timeouts: { requestMs: 0, attemptMs: 0 } } });
    client.request();
    client.handler.onClientGone('client_gone');
    expect(script.books()).toMatchObject({ active: 0 });
    expect(crowd.size).toBe(1);
    script.clock.advance(30_000);
    expect(results(crowd)).toEqual({ failed: 1 });
    expect([crowd.size, there.books()]).toEqual([0, CLOSED]);
  });

  it('adds nothing to what a deadline or a retry budget of the mirror allows its clients', () => {
    const { there, client } = mirrored();
    const before = there.budget.balance(there.clock.now());
    for (let i = 0; i < 20; i++) {
      client.request();
      client.handler.onClientGone('client_gone');
    }
    expect(there.budget.balance(there.clock.now())).toBe(before);
  });
});

describe('copies', () => {
  it('are a share of the requests', () => {
    const { script, there, crowd, client } = mirrored({ share: 2_500 });
    for (let i = 0; i < 1_000; i++) {
      client.request();
      script.endpoint('a').last.answer(200);
      if (crowd.size > 0) there.endpoint('m').last.answer(200);
    }
    expect(results(crowd)['ok']).toBeGreaterThan(200);
    expect(results(crowd)['ok']).toBeLessThan(300);
  });

  it('are so many at once and no more, and end when the program does', () => {
    const { script, there, crowd, client } = mirrored();
    for (let i = 0; i < 130; i++) {
      client.request();
      script.endpoint('a').last.answer(200);
    }
    expect([crowd.size, results(crowd)]).toEqual([128, { full: 2 }]);
    crowd.expire();
    expect([crowd.size, results(crowd)]).toEqual([0, { full: 2, failed: 128 }]);
    expect(there.books()).toEqual(CLOSED);
  });

  it('are no more bytes at once than there is room for', () => {
    const { script, crowd, client } = mirrored({ client: { retry: { replayBytes: 9_000_000 } } });
    for (let i = 0; i < 3; i++) {
      client.handler.onRequest(requestHead({ method: 'PUT', body: 'chunked' }));
      client.handler.onRequestBody(Buffer.alloc(8_300_000));
      client.handler.onRequestEnd(null);
      script.endpoint('a').last.answer(200);
    }
    expect([crowd.size, results(crowd)]).toEqual([2, { full: 1 }]);
    crowd.expire();
  });

  it('that end in a bug end alone', () => {
    const bugs: unknown[] = [];
    const { script, there, crowd, client } = mirrored({ client: { onBug: (error) => bugs.push(error) } });
    Object.assign(there.cluster, {
      pick: () => {
        throw new Error('a bug');
      },
    });
    client.request();
    script.endpoint('a').last.answer(200);
    expect(script.take()).toContain('0 client finish true');
    expect([bugs.length, crowd.size, results(crowd)]).toEqual([1, 0, { failed: 1 }]);
  });
});
