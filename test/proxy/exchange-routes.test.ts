import { describe, expect, it } from 'vitest';
import type { Edits } from '../../src/http/edits.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { makeEffects } from '../../src/route/effects/effects.ts';
import type { RouteOptions, RouteTarget } from '../../src/route/table/options.ts';
import {
  ExchangeScript,
  type FakeUpstream,
  type RequestText,
  requestHead,
  type ScriptOptions,
} from '../support/exchange-script.ts';
import { changes, matchOf, routeOf, targetOf } from '../support/route.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const REWRITE = { prefix: '/', path: null, regex: null, host: 'orders.internal' };
const API: Partial<RouteOptions> = { rewrite: REWRITE, matches: [matchOf({ kind: 'segments', value: '/api' })] };
const GRPC: RequestText = { method: 'POST', version: '2', fields: { 'content-type': 'application/grpc' } };

function led(route: Partial<RouteOptions>, target: Partial<RouteTarget> = {}, options: ScriptOptions = {}) {
  const script = new ExchangeScript({ ...options, effects: makeEffects(routeOf(route), targetOf(target)) });
  return { script, client: script.open() };
}

/** What endpoints are sent, one line for each attempt. */
function tellSent(script: ExchangeScript, ...names: readonly string[]): string[] {
  const sent: string[] = [];
  for (const name of names) {
    const { acquire } = script.endpoint(name);
    script.endpoint(name).acquire = function tell(...given) {
      const upstream = acquire.apply(this, given) as FakeUpstream;
      const { sendHead } = upstream;
      upstream.sendHead = (head: RequestHead, edits: Edits) => {
        sent.push(`${name} ${edits.values[edits.names.lastIndexOf('host')]} ${edits.path}`);
        sendHead.call(upstream, head, edits);
      };
      return upstream;
    };
  }
  return sent;
}

describe('a request that a route leads', () => {
  it('has the path and host that the route gives it, in every attempt, and its own on record', () => {
    const { script, client } = led(API);
    const sent = tellSent(script, 'a', 'b');
    client.request({ path: '/api/carts?x=1', authority: 'shop' });
    script.endpoint('a').last.handler.onFailure('connect_refused');
    expect(script.endpoint('b').last.sentFields['x-forwarded-host']).toBe('shop');
    script.endpoint('b').last.answer(200);
    expect(sent).toEqual(['a orders.internal /carts?x=1', 'b orders.internal /carts?x=1']);
    expect(script.take()).toContain('0 b send GET /api/carts?x=1');
    expect(script.books()).toEqual(CLOSED);
  });

  it('is given its cookie but where the endpoint sets one of that name itself', () => {
    const { script, client } = led({});
    const { router, plan } = script;
    router.route = (_head, _peer, routed) => {
      routed.setCookie = 'part=1; Path=/';
      return plan;
    };
    for (const fields of [{}, { 'set-cookie': 'part=9' }, { 'set-cookie': 'other=9' }]) {
      client.request();
      script.endpoint('a').last.answer(200, '', fields);
    }
    const heads = script.take().filter((line) => line.includes('client head'));
    expect(heads.map((line) => line.includes('part=1'))).toEqual([true, false, true]);
  });

  it('keeps its target where no rewrite fits', () => {
    const { script, client } = led({ ...API, rewrite: { ...REWRITE, host: null } });
    const sent = tellSent(script, 'a');
    client.request({ path: '/apis' });
    expect(sent).toEqual(['a undefined null']);
  });

  it('gains and loses fields, those of the route first and those of its target over them', () => {
    const { script, client } = led(
      {
        request: changes({
          set: [
            ['x-part', '%route%'],
            ['x-who', '%header(x-user)%'],
          ],
          remove: ['x-forwarded-for'],
        }),
      },
      {
        request: changes({
          set: [['x-part', '%upstream%']],
          add: [
            ['x-tag', '%request_id%'],
            ['x-none', '%header(x-no)%'],
          ],
        }),
      },
    );
    client.request({ fields: { 'x-user': 'eve', 'x-request-id': 'id-1' } });
    const { sentFields } = script.endpoint('a').last;
    expect(sentFields).toMatchObject({ 'x-part': 'orders', 'x-who': 'eve', 'x-tag': 'id-1' });
    expect(Object.keys(sentFields).filter((name) => ['x-forwarded-for', 'x-none'].includes(name))).toEqual([]);
  });

  it('is answered with the fields that the route adds', () => {
    const { script, client } = led({ response: changes({ set: [['server', 'x']], remove: ['x-powered-by'] }) });
    client.request();
    script.endpoint('a').last.answer(200, '', { 'x-powered-by': 'y', server: 'z' });
    expect(script.take()).toContain('0 client head 200 server: x');
    expect(script.removed).toEqual(['x-powered-by', 'server']);
  });

  it('has these fields on failures of our own too, but for what the failure says of its body', () => {
    const response = changes({
      set: [
        ['strict-transport-security', 'max-age=1'],
        ['content-type', 'text/html'],
      ],
    });
    const { script, client } = led({ response }, {}, { endpoints: [] });
    client.request();
    expect(script.take()[0]).toContain('client local 503 no_endpoint');
    expect(script.local).toMatchObject({ 'strict-transport-security': 'max-age=1' });
    expect(script.local).not.toHaveProperty('content-type');
  });

  it('keeps what the route does to it when another upstream stands in', () => {
    const other = new ExchangeScript({ endpoints: ['c'] });
    const { script, client } = led(
      API,
      {},
      {
        endpoints: [],
        clock: other.clock,
        fallback: {
          ...other.plan.fallback,
          covers: () => true,
          choose: (_head, _isGrpc, mayMove) => (mayMove ? 'cluster' : null),
          other: () => other.plan,
          counts: { cluster: 0, stale: 0, static: 0 },
        },
      },
    );
    const sent = tellSent(other, 'c');
    client.request({ path: '/api/x', authority: 'shop' });
    expect(sent).toEqual(['c orders.internal /x']);
    other.endpoint('c').last.answer(200);
    expect(other.records).toHaveLength(1);
    expect(script.records).toHaveLength(1);
  });
});

it('tells the application behind a sidecar that a request is a copy, and nothing else of the kind', () => {
  const { script, client } = led({}, {}, { trustsPeer: false });
  client.request({ fields: { 'x-remora-mirror': 'checkout', 'x-remora-other': 'x' } });
  const { sentFields } = script.endpoint('a').last;
  expect(sentFields['x-remora-mirror']).toBe('checkout');
  expect(sentFields).not.toHaveProperty('x-remora-other');
});

describe('an answer of a route', () => {
  const moved = {
    kind: 'redirect',
    status: 308,
    scheme: 'https',
    host: null,
    port: null,
    path: null,
    prefix: null,
  } as const;
  const redirect: Partial<RouteOptions> = { action: { ...moved, keepsQuery: true } };

  it('ends the exchange before anything else is asked, and is on record', () => {
    const { script, client } = led(redirect);
    client.request({ path: '/a', authority: 'shop' });
    expect(script.take()).toEqual(['0 client local 308', '0 client finish true']);
    expect(script.records).toMatchObject([{ status: 308, code: null, attempts: [] }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is given to a request whose body has not come, and what comes of it goes nowhere', () => {
    const { script, client } = led(redirect);
    client.handler.onRequest(requestHead({ method: 'PUT', body: 'length', contentLength: 4 }));
    expect(client.handler.onRequestBody(Buffer.from('body'))).toBe(true);
    client.handler.onRequestEnd(null);
    expect(script.take()).toEqual(['0 client local 308', '0 client finish true']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is a failure called maintenance, with when to come again', () => {
    const { script, client } = led({ action: { kind: 'maintenance', retryAfterMs: 90_500 } });
    client.request();
    expect(script.take()).toEqual(['0 client local 503 maintenance', '0 client finish true']);
    expect(script.local).toMatchObject({ 'retry-after': '91' });
    expect(script.records).toMatchObject([{ status: 503, code: 'maintenance' }]);
    client.request(GRPC);
    expect(script.local).toMatchObject({ 'grpc-retry-pushback-ms': '90500' });
    expect(script.records[1]).toMatchObject({ status: 200, code: 'maintenance', grpcStatus: 14 });
  });

  it('may be written by hand', () => {
    const action = { kind: 'respond', status: 410, grpcStatus: 5, body: 'gone', contentType: 'text/plain' } as const;
    const { script, client } = led({ action });
    client.request();
    client.request(GRPC);
    expect(script.records).toMatchObject([
      { status: 410, code: null },
      { status: 200, grpcStatus: 5 },
    ]);
  });

  it('is one for preflights, and what follows them goes on', () => {
    const cors = {
      origins: ['https://shop.example'],
      methods: ['PUT'],
      headers: [],
      exposes: [],
      maxAgeMs: null,
      credentials: false,
    };
    const { script, client } = led({ cors });
    const origin = 'https://shop.example';
    client.request({ method: 'OPTIONS', fields: { origin, 'access-control-request-method': 'PUT' } });
    expect(script.take()).toEqual(['0 client local 204', '0 client finish true']);
    expect(script.local).toMatchObject({ 'access-control-allow-origin': origin, vary: 'origin' });
    client.request({ method: 'PUT', fields: { origin } });
    script.endpoint('a').last.answer(200, '', { 'access-control-allow-origin': '*' });
    const head = script.take().find((line) => line.includes('client head'))!;
    expect(head).toContain(`access-control-allow-origin: ${origin}`);
    expect(script.removed).toEqual(['access-control-allow-origin']);
  });
});
