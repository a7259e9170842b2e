import { describe, expect, it } from 'vitest';
import type { ResponseHead } from '../../../src/http/head.ts';
import { makeEffects } from '../../../src/route/effects/effects.ts';
import { requestHead } from '../../support/exchange-script.ts';
import { changes, routeOf } from '../../support/route.ts';
import { SpreadScript } from '../../support/spread-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };

describe('a dispatcher', () => {
  it('leads every request of a connection where its plan wants it at that moment', () => {
    const script = new SpreadScript(null, ['a', 'b']);
    const client = script.enter();
    const sent = (): string[] => script.take().filter((line) => line.includes(' send '));

    client.request({ path: '/1' });
    script.at('a').answer(200);
    expect(sent()).toEqual(['0 a send GET /1']);
    script.kind = 'first';
    client.request({ path: '/2' });
    expect(sent()).toEqual(['0 a send GET /2', '0 b send GET /2']);
    script.at('b').answer(200);
    script.kind = 'dual_write';
    client.request({ method: 'PUT', path: '/3' });
    script.at('a').answer(200);
    expect(sent()).toEqual(['0 a send PUT /3', '0 b send PUT /3']);
    script.kind = null;
    client.request({ path: '/4' });
    expect(sent()).toEqual(['0 b send GET /4']);
    script.at('b').answer(200);

    expect(script.records.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('tells what happens between requests as any exchange does', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    const client = script.enter();
    client.request();
    script.at('a').answer(200);
    client.handler.onClientGone('head_too_large');
    expect(script.rejects).toEqual(['orders head_too_large']);
  });

  it('asks once where a request goes', () => {
    const script = new SpreadScript(null, ['a']);
    let asked = 0;
    const { route } = script.router;
    Object.assign(script.router, {
      route: (...request: Parameters<typeof route>) => {
        asked += 1;
        return route(...request);
      },
    });
    script.enter().request();
    expect(asked).toBe(1);
  });

  it('refuses what has no route', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    script.enter().request({ authority: 'nowhere' });
    expect(script.take()).toEqual(['0 client local 404 no_route', '0 client finish true']);
  });

  it.each([
    ['with a method that is not safe', { method: 'DELETE' }],
    ['with a body', { method: 'GET', body: 'chunked' }],
    ['for another protocol', { method: 'GET', upgrade: 'websocket' }],
  ] as const)('leaves a broadcast %s to the placement of the plan', (_what, head) => {
    const script = new SpreadScript('all', ['a', 'b']);
    Object.assign(script.plan, { placement: { place: () => 'bad_request', mark: () => undefined } });
    script.enter().request(head);
    expect(script.take()).toEqual(['0 client local 400 bad_request', '0 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('broadcasts to no more places than it may', () => {
    const names = Array.from({ length: 65 }, (_, i) => String.fromCharCode(200 + i));
    const script = new SpreadScript('first', names);
    script.enter().request();
    expect(script.take().filter((line) => line.includes(' send '))).toHaveLength(1);
    const fewer = new SpreadScript('first', names.slice(1));
    fewer.enter().request();
    expect(fewer.take().filter((line) => line.includes(' send '))).toHaveLength(64);
  });

  it('answers once what must not go on: loops, and OPTIONS that have come far enough', () => {
    const script = new SpreadScript('first', ['a', 'b'], { instanceId: '0123456789abcdef' });
    const client = script.enter();
    client.request({ fields: { 'x-remora-hop': '0123456789abcdef' } });
    expect(script.rejects).toEqual(['orders loop_detected']);
    client.request({ method: 'OPTIONS', fields: { 'max-forwards': '0' } });
    expect(script.take()).toEqual([
      '0 client local 508 loop_detected',
      '0 client finish true',
      '0 client local 200',
      '0 client finish true',
    ]);
  });

  it('sends a read to the main place alone while writes go to two', () => {
    const script = new SpreadScript('dual_write', ['a', 'b']);
    script.enter().request();
    script.at('a').answer(200);
    expect(script.endpoint('b').upstreams).toEqual([]);
  });

  it.each(['first', 'all', 'dual_read', 'dual_write'] as const)(
    'gives %s the cookie of its route, and no other request',
    (kind) => {
      const script = new SpreadScript(kind, ['a', 'b']);
      const { route } = script.router;
      let cookie: string | null = 'part=1';
      Object.assign(script.router, {
        route: (...[head, peer, routed]: Parameters<typeof route>) => {
          routed.setCookie = cookie;
          return route(head, peer, routed);
        },
      });
      const client = script.enter();
      const answer = (method: string): string => {
        client.request({ method });
        for (const name of kind === 'dual_write' ? ['a', 'b'] : ['b', 'a']) script.at(name).answer(200);
        return script.take().find((line) => line.includes('client head'))!;
      };
      const method = kind === 'dual_write' ? 'PUT' : 'GET';
      expect(answer(method)).toBe('0 client head 200 set-cookie: part=1');
      cookie = null;
      expect(answer(method)).toBe('0 client head 200');
    },
  );

  it('asks the route of a request for its own answer before it spreads it', () => {
    const script = new SpreadScript('first', ['a', 'b']);
    const action = { kind: 'respond', status: 410, grpcStatus: 5, body: '', contentType: '' } as const;
    script.plan = Object.assign(script.plan, { effects: makeEffects(routeOf({ action }), null) });
    script.enter().request();
    expect(script.take()).toEqual(['0 client local 410', '0 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('lets the route of a broadcast change its answers, also its failures', () => {
    const response = changes({ set: [['x-part', '%route%']] });
    const effects = makeEffects(routeOf({ response }), null);
    const script = new SpreadScript('first', ['a', 'b'], { effects, retry: { maxAttempts: 1 } });
    const client = script.enter();
    const parts: (string | null)[] = [];
    Object.assign(client, { sendHead: (head: ResponseHead) => parts.push(head.get('x-part')) });
    client.request();
    script.at('b').answer(200);
    expect(parts).toEqual(['checkout']);
    client.request();
    script.at('a').handler.onFailure('upstream_reset');
    script.at('b').handler.onFailure('upstream_reset');
    expect(script.take().join()).toContain('client local 502');
    expect(script.local).toMatchObject({ 'x-part': 'checkout' });
  });

  it('sends an upgrade to the main place alone', () => {
    const script = new SpreadScript('dual_write', ['a', 'b']);
    script.enter().handler.onRequest(requestHead({ method: 'CONNECT', upgrade: 'websocket' }));
    expect(script.take()).toEqual(['0 a send CONNECT /']);
  });
});
