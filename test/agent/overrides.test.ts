import { describe, expect, it } from 'vitest';
import { RoutedSubsets } from '../../src/agent/routed-subsets.ts';
import { Upstreams } from '../../src/agent/upstreams.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { Edits } from '../../src/http/edits.ts';
import { Placed } from '../../src/proxy/placement.ts';
import { Routed } from '../../src/proxy/routed.ts';
import { type Override, writeOverride } from '../../src/route/overrides/override.ts';
import { Overrides } from '../../src/route/overrides/overrides.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import { agentConfig, agentParts, upstreamConfig } from '../support/agent-parts.ts';
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
  return { ...made, overrides, upstreams, ask, planOf, signed };
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

  it('ends when it says, though it was verified before', async () => {
    const { ask, signed, clock } = await open();
    const text = signed();
    expect(ask('orders', text)).toBe('null orders two');
    clock.advance(HOUR_S * 1000 + 1);
    expect(ask('orders', text)).toBe('override_refused');
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
