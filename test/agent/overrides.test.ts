import { describe, expect, it } from 'vitest';
import { RoutedSubsets } from '../../src/agent/routed-subsets.ts';
import { Upstreams } from '../../src/agent/upstreams.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { Edits } from '../../src/http/edits.ts';
import { DEFAULT_HOLD } from '../../src/proxy/hold.ts';
import { Placed } from '../../src/proxy/placement.ts';
import type { Plan, Router } from '../../src/proxy/plan.ts';
import { Routed } from '../../src/proxy/routed.ts';
import { type Override, writeOverride } from '../../src/route/overrides/override.ts';
import { Overrides } from '../../src/route/overrides/overrides.ts';
import { DEFAULT_READS } from '../../src/route/roles.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import { agentConfig, agentParts, listen, upstreamConfig } from '../support/agent-parts.ts';
import { ExchangeScript, PEER, requestHead } from '../support/exchange-script.ts';
import { spec } from '../support/fake-endpoint.ts';
import { changes, routeOf, targetOf } from '../support/route.ts';

const KEY = 'not a secret, of 32 letters or more';
const HOUR_S = 3_600;

async function open() {
  const made = agentParts();
  const { clock, consul } = made;
  const overrides = new Overrides({ key: KEY, header: 'x-remora-route', maxAgeMs: 2 * HOUR_S * 1000 }, clock);
  const parts = { ...made.parts, overrides, subsets: new RoutedSubsets(true) };
  const shared = new HostRouter(NOTHING_UNDECLARED);
  const upstreams = new Upstreams(parts, shared, NO_LOG, () => undefined);
  const subsets = { v1: { tags: ['v1'], meta: {} }, v2: { tags: ['v2'], meta: {} } };
  const policy = { timeouts: { requestMs: 77 }, retry: {}, hash: null };
  const request = changes({ set: [['x-shop', 'yes']] });
  const shop = routeOf({ name: 'shop', hosts: ['shop'], policy, request, action: toOrders() });
  await upstreams.open(
    agentConfig(
      [
        upstreamConfig('orders', { subsets, subset: 'v1' }),
        upstreamConfig('orders-pr-7'),
        upstreamConfig('cache', { protocol: 'tcp' }),
      ],
      { routes: [shop] },
    ),
  );
  consul.tell(0, [spec('one', { tags: ['v1'] }), spec('two', { tags: ['v2'] })]);
  consul.tell(1, [spec('seven')]);
  const router = overrides.before(shared);
  const nowS = (): number => Math.floor(clock.wallMs() / 1000);
  const routed = new Routed();
  const planOf = (host: string, text: string | null) => {
    routed.reset();
    const fields: Record<string, string> = text === null ? {} : { 'x-remora-route': text };
    return router.route(requestHead({ authority: host, fields }), PEER, routed);
  };
  const ask = (host: string, text: string | null): string => {
    const plan = planOf(host, text);
    if (plan === null) return routed.refusal;
    const placed = new Placed([]);
    plan.placement.place(requestHead(), PEER, placed);
    return `${plan.effects.route} ${plan.labels.upstream} ${plan.cluster.pick(placed)?.spec.id}`;
  };
  const signed = (more: Partial<Override> = {}, key = KEY): string =>
    writeOverride({ of: 'orders', upstream: 'orders', subset: 'v2', expiresAtS: nowS() + HOUR_S, ...more }, key);
  return { ...made, overrides, upstreams, routed, ask, planOf, signed };
}

function toOrders() {
  return { kind: 'forward', targets: [targetOf()], sticky: null } as const;
}

describe('an override', () => {
  it('sends what would go to one upstream to a subset of it, or to another, under the route it came by', async () => {
    const { ask, planOf, signed, overrides } = await open();
    expect([ask('orders', null), ask('shop', null)]).toEqual(['null orders one', 'shop orders one']);
    expect([ask('orders', signed()), ask('shop', signed())]).toEqual(['null orders two', 'shop orders two']);
    const elsewhere = signed({ upstream: 'orders-pr-7', subset: null });
    expect([ask('orders', elsewhere), ask('shop', elsewhere)]).toEqual([
      'null orders-pr-7 seven',
      'shop orders-pr-7 seven',
    ]);
    expect(planOf('shop', elsewhere)!.timeouts.requestMs).toBe(77);
    const edits = new Edits();
    planOf('shop', elsewhere)!.effects.editRequest({ head: requestHead(), peer: PEER, requestId: 'r' } as never, edits);
    expect(edits.names.slice(0, edits.addedCount)).toContain('x-shop');
    expect(overrides.counts).toEqual({ taken: 6, refused: 0 });
  });

  it('says nothing of requests to others', async () => {
    const { ask, signed } = await open();
    expect(ask('orders-pr-7', signed())).toBe('null orders-pr-7 seven');
    expect(ask('orders-pr-7', signed({}, 'another key, of 32 letters or more'))).toBe('null orders-pr-7 seven');
    expect(ask('nobody', signed())).toBe('no_route');
    const several = `${signed({ of: 'stock', upstream: 'stock' })}, ${signed()}`;
    expect(ask('orders', several)).toBe('null orders two');
  });

  it('is obeyed or refused, and never sent where it would go without', async () => {
    const { ask, signed, clock, overrides } = await open();
    const nowS = Math.floor(clock.wallMs() / 1000);
    const refused = [
      'orders/v2',
      signed({}, 'another key, of 32 letters or more'),
      signed().replace('/v2', '/v1'),
      signed({ expiresAtS: nowS - 1 }),
      signed({ expiresAtS: nowS + 3 * HOUR_S }),
      signed({ subset: 'v3' }),
      signed({ upstream: 'nobody', subset: null }),
      signed({ upstream: 'cache', subset: null }),
    ];
    expect(refused.map((text) => ask('orders', text))).toEqual(refused.map(() => 'override_refused'));
    expect(overrides.counts).toEqual({ taken: 0, refused: refused.length });
    expect(ask('shop', 'nonsense')).toBe('override_refused');
  });

  it('is not remembered when it is too long to be one', async () => {
    const { ask, overrides } = await open();
    for (let i = 0; i < 9; i++) expect(ask('orders', `${i}`.repeat(3_000))).toBe('override_refused');
    expect(ask('orders', 'short')).toBe('override_refused');
    expect((overrides as unknown as { read: Map<string, unknown> }).read.size).toBe(1);
  });

  it('ends when it says, though it was verified before', async () => {
    const { ask, signed, clock } = await open();
    const text = signed();
    expect(ask('orders', text)).toBe('null orders two');
    clock.advance(HOUR_S * 1000 + 1);
    expect(ask('orders', text)).toBe('override_refused');
  });

  it('leaves what a route answers itself to the route, whoever is asked else', async () => {
    const { upstreams, planOf, signed } = await open();
    const move = {
      kind: 'redirect',
      status: 308,
      scheme: null,
      host: null,
      port: null,
      path: '/new',
      prefix: null,
    } as const;
    const action = { ...move, keepsQuery: true };
    await upstreams.apply(
      agentConfig([
        upstreamConfig('orders', { routes: [routeOf({ name: 'moved', action })] }),
        upstreamConfig('orders-pr-7'),
      ]),
    );
    const elsewhere = signed({ upstream: 'orders-pr-7', subset: null });
    for (const text of [null, elsewhere]) {
      const plan = planOf('orders', text)!;
      expect(plan.effects.answer(requestHead(), PEER)).toMatchObject({ kind: 'redirect', status: 308 });
    }
  });

  it('is looked at on every port of its upstream, those of roles too', async () => {
    const made = agentParts();
    const overrides = new Overrides({ key: KEY, header: 'x-remora-route', maxAgeMs: HOUR_S * 1000 }, made.clock);
    const routers: Router[] = [];
    const seen = Object.assign(Object.create(overrides), {
      before(router: Router): Router {
        const looking = overrides.before(router);
        routers.push(looking);
        return looking;
      },
    });
    const parts = { ...made.parts, overrides: seen, subsets: new RoutedSubsets(true) };
    const upstreams = new Upstreams(parts, new HostRouter(NOTHING_UNDECLARED), NO_LOG, () => undefined);
    const words = { primary: 'primary', replica: 'replica' };
    const rule = { kind: 'primary_replica', from: { kind: 'tag' }, words, lag: null } as const;
    const rest = { reads: DEFAULT_READS, hold: DEFAULT_HOLD, lag: null, readYourWrites: null };
    const ports = { primary: listen(2), replica: listen(3) };
    const roles = { rule, read: 'prefer_replica', ...rest, listen: ports } as const;
    await upstreams.open(agentConfig([upstreamConfig('db', { listen: listen(1), roles })]));
    expect(routers).toHaveLength(3);
    const head = requestHead({ fields: { 'x-remora-route': 'db/v2; exp=1; sig=made-up' } });
    const refusals = routers.map((router) => {
      const routed = new Routed();
      return router.route(head, PEER, routed) === null && routed.refusal;
    });
    expect(refusals).toEqual(['override_refused', 'override_refused', 'override_refused']);
  });

  it('has nobody stand in for whom it asks for', async () => {
    const { upstreams, planOf, signed } = await open();
    const answer = {
      status: 200,
      grpcStatus: -1,
      contentType: 'text/plain',
      fields: {},
      body: 'later',
      anyMethod: false,
    };
    const rest = { codes: ['no_endpoint'], statuses: [], stale: null, answer } as const;
    await upstreams.apply(
      agentConfig([
        upstreamConfig('orders'),
        upstreamConfig('orders-pr-7', { fallback: { ...rest, upstream: 'orders' } }),
      ]),
    );
    const elsewhere = signed({ upstream: 'orders-pr-7', subset: null });
    const kindOf = ({ fallback }: Plan) => fallback.choose(requestHead(), false, true, 0);
    expect(kindOf(planOf('orders-pr-7', null)!)).toBe('cluster');
    expect(kindOf(planOf('orders', elsewhere)!)).toBe('static');
  });

  it('is on record with the upstream that it is an override of', async () => {
    const { planOf, routed, signed } = await open();
    planOf('orders', signed({ upstream: 'orders-pr-7', subset: null }));
    expect(routed.overrideOf).toBe('orders');
    planOf('orders', null);
    expect(routed.overrideOf).toBe(null);

    const script = new ExchangeScript();
    script.router.route = (_head, _peer, into) => {
      into.overrideOf = 'orders';
      return script.plan;
    };
    const client = script.open();
    client.request();
    script.endpoint('a').last.answer(200, 'good');
    script.router.route = () => script.plan;
    client.request();
    script.endpoint('a').last.answer(200, 'good');
    expect(script.records.map(({ overrideOf }) => overrideOf)).toEqual(['orders', undefined]);
  });

  it('follows the configuration, and keeps no plan that is past', async () => {
    const { ask, signed, upstreams } = await open();
    const elsewhere = signed({ upstream: 'orders-pr-7', subset: null });
    expect(ask('orders', elsewhere)).toBe('null orders-pr-7 seven');
    await upstreams.apply(agentConfig([upstreamConfig('orders')]));
    expect(ask('orders', elsewhere)).toBe('override_refused');
    expect(ask('orders', signed())).toBe('override_refused');
  });

  it('is passed on to the application, which the sidecar before it knows nothing else of', async () => {
    const { overrides } = await open();
    const edits = new Edits();
    const head = requestHead({ fields: { 'x-remora-route': 'orders/v2' } });
    overrides.passing.editRequest({ head, peer: PEER, requestId: 'r' } as never, edits);
    expect([edits.names[0], edits.values[0]]).toEqual(['x-remora-route', 'orders/v2']);
  });

  it('that is refused ends its request with 403, on record at the listener', () => {
    const script = new ExchangeScript();
    const overrides = new Overrides({ key: KEY, header: 'x-remora-route', maxAgeMs: 1000 }, script.clock);
    Object.assign(script.router, overrides.before({ ...script.router }));
    const client = script.open();
    client.request({ fields: { 'x-remora-route': 'orders/v2' } });
    expect(script.rejects).toEqual(['orders override_refused']);
    expect(script.take().join('\n')).toContain('403');
  });
});
