import { describe, expect, it } from 'vitest';
import { routesText } from '../../src/admin/routes-report.ts';
import { routeSamples, routesView } from '../../src/agent/routes-view.ts';
import type { Upstream } from '../../src/agent/upstream.ts';
import { Upstreams } from '../../src/agent/upstreams.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Endpoint } from '../../src/cluster/endpoint.ts';
import type { Config, UpstreamConfig } from '../../src/config/config.ts';
import { DEFAULT_RETRY } from '../../src/policy/options.ts';
import { Placed } from '../../src/proxy/placement.ts';
import type { Plan } from '../../src/proxy/plan.ts';
import { Routed } from '../../src/proxy/routed.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import type { RouteOptions } from '../../src/route/table/options.ts';
import { agentConfig, agentParts, listen, upstreamConfig } from '../support/agent-parts.ts';
import { PEER, requestHead } from '../support/exchange-script.ts';
import { spec } from '../support/fake-endpoint.ts';
import { matchOf, routeOf, targetOf } from '../support/route.ts';

async function open(first: readonly UpstreamConfig[], more: Partial<Config> = {}) {
  const made = agentParts();
  const shared = new HostRouter(NOTHING_UNDECLARED);
  const upstreams = new Upstreams(made.parts, shared, NO_LOG, () => undefined);
  await upstreams.open(agentConfig(first, more));
  const routed = new Routed();
  const planOf = (authority: string, path = '/', fields: Record<string, string> = {}): Plan | null => {
    routed.reset();
    return shared.route(requestHead({ authority, path, fields }), PEER, routed);
  };
  /** Where a request would go: route, upstream, and the endpoint, or why there is none. */
  const ask = (authority: string, path = '/'): string => {
    const plan = planOf(authority, path);
    if (plan === null) return routed.refusal;
    return `${plan.effects.route} ${plan.labels.upstream} ${pickOf(plan)}`;
  };
  const find = (name: string): Upstream => upstreams.all.find(({ declared }) => declared.name === name)!;
  const apply = (configs: readonly UpstreamConfig[], others: Partial<Config> = {}) =>
    upstreams.apply(agentConfig(configs, others));
  return { ...made, upstreams, shared, routed, planOf, ask, find, apply };
}

function pickOf(plan: Plan): string {
  const placed = new Placed([] as Endpoint[]);
  const misplaced = plan.placement.place(requestHead(), PEER, placed);
  return misplaced ?? plan.cluster.pick(placed)?.spec.id ?? placed.refusal;
}

const TO_V2 = routeOf({
  name: 'beta',
  hosts: ['shop'],
  matches: [matchOf({ kind: 'prefix', value: '/beta' })],
  action: { kind: 'forward', targets: [targetOf({ subset: 'v2' })], sticky: null },
});
const SUBSETS = { v1: { tags: ['v1'], meta: {} }, v2: { tags: ['v2'], meta: {} } };
const ENDPOINTS = [spec('one', { tags: ['v1'] }), spec('two', { tags: ['v2'] }), spec('other', { tags: ['x'] })];

describe('the shared port', () => {
  it('asks its routes, then the upstream that the Host names and the routes of that', async () => {
    const own = routeOf({
      name: 'admin',
      matches: [matchOf({ kind: 'prefix', value: '/admin' })],
      action: { kind: 'forward', targets: [targetOf({ upstream: 'stock' })], sticky: null },
    });
    const shop = routeOf({ name: 'shop', hosts: ['shop'] });
    const { ask, consul } = await open([upstreamConfig('orders', { routes: [own] }), upstreamConfig('stock')], {
      routes: [shop],
    });
    consul.tell(0, [spec('a')]);
    consul.tell(1, [spec('b')]);
    expect([ask('shop'), ask('orders'), ask('orders', '/admin'), ask('stock'), ask('nobody')]).toEqual([
      'shop orders a',
      'null orders a',
      'admin stock b',
      'null stock b',
      'no_route',
    ]);
  });

  it('has a plan for what it answers itself, of no upstream', async () => {
    const action = { kind: 'maintenance', retryAfterMs: 1000 } as const;
    const { planOf } = await open([], { routes: [routeOf({ name: 'closed', hosts: ['shop'], action })] });
    const plan = planOf('shop')!;
    expect(plan.labels.upstream).toBe('-');
    expect(plan.effects.answer(requestHead(), PEER)).toMatchObject({ status: 503 });
  });

  it('knows nothing of routes that are for the sidecars of others', async () => {
    const { ask } = await open([upstreamConfig('orders')], {
      routes: [routeOf({ name: 'theirs', hosts: ['shop'], callers: ['batch'] })],
    });
    expect(ask('shop')).toBe('no_route');
  });
});

describe('what a route leads', () => {
  it('has the plan of its upstream but for what the route says, and counts with it', async () => {
    const policy = { timeouts: { requestMs: 77, connectMs: 1 }, retry: { maxAttempts: 9 }, hash: null };
    const { planOf, find } = await open([upstreamConfig('orders')], { routes: [routeOf({ hosts: ['shop'], policy })] });
    const [plan, whole] = [planOf('shop')!, find('orders').plan];
    expect(plan.timeouts).toEqual({ ...whole.timeouts, requestMs: 77 });
    expect(plan.retry).toEqual({ ...DEFAULT_RETRY, maxAttempts: 9 });
    for (const shared of ['budget', 'admission', 'line', 'parking', 'pace', 'hedge', 'cluster', 'observer'] as const)
      expect(plan[shared] === whole[shared]).toBe(true);
    expect(plan.retrying.slots === whole.retrying.slots).toBe(true);
    expect(planOf('shop') === plan).toBe(true);
  });

  it('follows its upstream to another plan, another cluster and another upstream of that name', async () => {
    const routes = [routeOf({ name: 'r', hosts: ['shop'] })];
    const { ask, planOf, apply, find, consul } = await open([upstreamConfig('orders')], { routes });
    consul.tell(0, [spec('a')]);
    const before = planOf('shop')!;
    await apply([upstreamConfig('orders', { retry: { ...DEFAULT_RETRY, maxAttempts: 1 } })], { routes });
    expect(planOf('shop')!.retry.maxAttempts).toBe(1);
    expect(planOf('shop')!.cluster === before.cluster).toBe(true);

    await apply([upstreamConfig('orders', { service: 'orders-2' })], { routes });
    expect(ask('shop')).toBe('r orders a');
    consul.tell(1, [spec('b')]);
    expect(ask('shop')).toBe('r orders b');

    await apply([], { routes: [] });
    expect(ask('shop')).toBe('no_route');
    await apply([upstreamConfig('orders')], { routes });
    consul.tell(2, [spec('c')]);
    expect(ask('shop')).toBe('r orders c');
    expect(planOf('shop')!.cluster === find('orders').cluster).toBe(true);
  });

  it('keeps its table when its list is as it was, and its counts as long as it is there', async () => {
    const routes = (): RouteOptions[] => [routeOf({ name: 'r', hosts: ['shop'] })];
    const { upstreams, planOf, apply } = await open([upstreamConfig('orders')], { routes: routes() });
    const { shared } = upstreams.tables;
    planOf('shop');
    await apply([upstreamConfig('orders'), upstreamConfig('stock')], { routes: routes() });
    expect(upstreams.tables.shared === shared).toBe(true);
    await apply([upstreamConfig('orders')], { routes: [...routes(), routeOf({ name: 's', hosts: ['x'] })] });
    expect(upstreams.tables.shared === shared).toBe(false);
    planOf('shop');
    const [list] = upstreams.tables.lists;
    expect(list!.entries.map(({ lead }) => lead.count.requests)).toEqual([2, 0]);
  });

  it('leads to an upstream whose own port cannot be opened', async () => {
    const { ask, apply, ports, consul, clock } = await open([]);
    ports.open.add(9);
    await apply([upstreamConfig('orders', { listen: listen(9) })], {
      routes: [routeOf({ name: 'r', hosts: ['shop'] })],
    });
    consul.tell(0, [spec('a')]);
    expect([ask('shop'), ask('orders')]).toEqual(['r orders a', 'no_route']);
    ports.open.delete(9);
    clock.advance(5_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect([ask('shop'), ask('orders')]).toEqual(['r orders a', 'null orders a']);
  });
});

describe('routes for operators', () => {
  it('are shown with what they match, where they lead and how often, and counted', async () => {
    const targets = [targetOf({ weight: 9 }), targetOf({ subset: 'v2', weight: 1 })];
    const split = routeOf({
      name: 'split',
      hosts: ['shop'],
      matches: [{ ...matchOf({ kind: 'segments', value: '/cart' }), methods: ['GET', 'HEAD'] }],
      action: { kind: 'forward', targets, sticky: null },
    });
    const own = routeOf({ name: 'own', action: { kind: 'maintenance', retryAfterMs: 1000 } });
    const { upstreams, planOf, parts } = await open([upstreamConfig('orders', { subsets: SUBSETS, routes: [own] })], {
      routes: [split],
    });
    for (const host of ['shop', 'shop', 'orders']) planOf(host, '/cart/1');
    const { total, routes } = routesView(upstreams.tables);
    expect(total).toBe(2);
    expect(routes.map(({ route: _route, ...rest }) => rest)).toEqual([
      {
        upstream: null,
        name: 'split',
        hosts: ['shop'],
        match: 'GET|HEAD /cart/...',
        does: 'orders 90%, orders/v2 10%',
        requests: 2,
      },
      { upstream: 'orders', name: 'own', hosts: [], match: 'everything', does: 'maintenance', requests: 1 },
    ]);
    expect(routesText({ total: 1_500, routes })).toBe(
      [
        'ASKED FOR        ROUTE  MATCHES             LEADS TO                      REQUESTS',
        'shop             split  GET|HEAD /cart/...  -> orders 90%, orders/v2 10%  2',
        'upstream orders  own    everything          -> maintenance                1',
        'and 1498 more',
        '',
      ].join('\n'),
    );
    const samples = [...routeSamples(upstreams.tables, parts.overrides)];
    expect(samples.map(({ name, labels, value }) => [name, ...labels, value].join(' '))).toEqual([
      'remora_route_requests_total /split 2',
      'remora_route_requests_total orders/own 1',
      'remora_routes 2',
    ]);
  });

  it('beyond a bound are one line', async () => {
    const many = Array.from({ length: 1_200 }, (_, i) => routeOf({ name: `r${i}`, hosts: [`h${i}`] }));
    const { upstreams, planOf, parts } = await open([upstreamConfig('orders')], { routes: many });
    for (const i of [0, 300, 1_100]) planOf(`h${i}`);
    expect([routesView(upstreams.tables).total, routesView(upstreams.tables).routes.length]).toEqual([1_200, 1_000]);
    const samples = [...routeSamples(upstreams.tables, parts.overrides)];
    expect(samples).toHaveLength(202);
    expect(samples.find(({ labels }) => labels[0] === 'other')!.value).toBe(2);
  });
});

describe('a subset that a route names', () => {
  it('is a part of the cluster that all of the service is in', async () => {
    const { ask, consul, find } = await open([upstreamConfig('orders', { subsets: SUBSETS })], { routes: [TO_V2] });
    consul.tell(0, ENDPOINTS);
    expect(ask('shop', '/beta')).toBe('beta orders two');
    expect(consul.asked).toHaveLength(1);
    expect(find('orders').cluster.size).toBe(3);
    consul.tell(0, ENDPOINTS.slice(0, 1));
    expect(ask('shop', '/beta')).toBe('beta orders no_endpoint');
    expect(find('orders').cluster.emptyParts).toEqual(['subset=v2 (tag v2)']);
  });

  it('comes and goes with the route, and nothing else is lost', async () => {
    const orders = upstreamConfig('orders', { subsets: SUBSETS });
    const { ask, consul, apply, find } = await open([orders]);
    consul.tell(0, ENDPOINTS);
    const { cluster } = find('orders');
    await apply([orders], { routes: [TO_V2] });
    expect(ask('shop', '/beta')).toBe('beta orders two');
    await apply([orders], { routes: [] });
    expect(find('orders').cluster === cluster).toBe(true);
    expect(cluster.options.lenses).toEqual([]);
  });

  it('stands beside the subset that the upstream has for all others', async () => {
    const orders = upstreamConfig('orders', { subsets: SUBSETS, subset: 'v1' });
    const { ask, planOf, consul, apply, find } = await open([orders]);
    consul.tell(0, ENDPOINTS);
    expect(find('orders').cluster.size).toBe(1);
    await apply([orders], { routes: [TO_V2] });
    expect(consul.asked).toHaveLength(2);
    // Nobody knows yet who has v2, and a request waits.
    expect([ask('orders'), ask('shop', '/beta')]).toEqual(['null orders one', 'beta orders discovery_pending']);
    const waiting = new Placed([]);
    planOf('shop', '/beta')!.placement.place(requestHead(), PEER, waiting);
    consul.tell(1, ENDPOINTS);
    expect([ask('orders'), ask('shop', '/beta')]).toEqual(['null orders one', 'beta orders two']);
    expect(waiting.lens!.pick(waiting)?.spec.id).toBe('two');
  });

  it('is the whole of an upstream that is asked for it alone', async () => {
    const orders = upstreamConfig('orders', { subsets: SUBSETS, subset: 'v2' });
    const { ask, consul, find } = await open([orders], { routes: [TO_V2] });
    consul.tell(0, ENDPOINTS);
    expect([ask('orders'), ask('shop', '/beta')]).toEqual(['null orders two', 'beta orders two']);
    expect(find('orders').cluster.size).toBe(1);
  });

  it('has its failover levels: of the same subset, of the one they name, or all of another service', async () => {
    const failover = [
      { subset: null, service: null, datacenter: 'dc2' },
      { subset: null, service: 'spare', datacenter: null },
    ];
    const { ask, consul } = await open([upstreamConfig('orders', { subsets: SUBSETS, failover })], { routes: [TO_V2] });
    const dead = ENDPOINTS.map((one) => ({ ...one, health: 'critical' as const }));
    consul.tell(0, ENDPOINTS);
    consul.tell(1, [spec('far-1', { tags: ['v1'] }), spec('far-2', { tags: ['v2'] })]);
    consul.tell(2, [spec('spare')]);
    expect(ask('shop', '/beta')).toBe('beta orders two');
    consul.tell(0, dead);
    expect(ask('shop', '/beta')).toBe('beta orders far-2');
    consul.tell(1, [spec('far-1', { tags: ['v1'] })]);
    expect(ask('shop', '/beta')).toBe('beta orders spare');
  });

  it('is passed over by a split while nobody has it', async () => {
    const targets = [targetOf({ subset: 'v1', weight: 1 }), targetOf({ subset: 'v2', weight: 99 })];
    const routes = [routeOf({ name: 'r', hosts: ['shop'], action: { kind: 'forward', targets, sticky: null } })];
    const { ask, consul } = await open([upstreamConfig('orders', { subsets: SUBSETS })], { routes });
    consul.tell(0, [ENDPOINTS[0]!]);
    expect(new Set(Array.from({ length: 50 }, () => ask('shop')))).toEqual(new Set(['r orders one']));
    consul.tell(0, ENDPOINTS);
    expect(new Set(Array.from({ length: 50 }, () => ask('shop')))).toContain('r orders two');
  });
});

describe('many changes in a row', () => {
  /**
   * The law: whatever changes, and whenever a request comes, it is led by the routes of one configuration to an upstream
   * that is there in that configuration.
   */
  it('never lead a request by half a configuration', async () => {
    const { upstreams, planOf, routed, consul, apply, ports } = await open([]);
    const random = new SeededRandom(11);
    const wrong: string[] = [];
    let asked = 0;
    /** Of each generation, where its route leads: another upstream each time. */
    const look = (): void => {
      asked += 1;
      const plan = planOf('shop');
      if (plan === null) {
        if (routed.refusal !== 'no_route' || generation > 0) wrong.push(`refused in ${generation}`);
        return;
      }
      const { upstream } = plan.labels;
      if (plan.effects.route !== `to-${upstream}`) wrong.push(`${plan.effects.route} led to ${upstream}`);
      const owner = upstreams.all.find(({ declared }) => declared.name === upstream);
      if (owner !== undefined && owner.cluster !== plan.cluster) wrong.push(`${upstream} by a plan that is past`);
      if (pickOf(plan) === 'no_endpoint') wrong.push(`${upstream} was closed`);
    };
    let generation = 0;
    const { listen: bind } = ports;
    // A port takes its time, as with a kernel.
    ports.listen = async (address, port) => {
      await new Promise((resolve) => setImmediate(resolve));
      return bind.call(ports, address, port);
    };
    for (let i = 1; i <= 400; i++) {
      const name = `u${random.below(5)}`;
      const ported = random.below(3) === 0 ? { listen: listen(10 + random.below(4)) } : {};
      const configs = [upstreamConfig(name, { ...ported, retry: { ...DEFAULT_RETRY, maxAttempts: 1 + (i % 5) } })];
      if (random.below(2) === 0) configs.push(upstreamConfig(`x${random.below(3)}`));
      const action = { kind: 'forward', targets: [targetOf({ upstream: name })], sticky: null } as const;
      const change = apply(configs, { routes: [routeOf({ name: `to-${name}`, hosts: ['shop'], action })] });
      let isDone = false;
      void change.then(() => (isDone = true));
      while (!isDone) {
        look();
        await (random.below(4) === 0 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve());
      }
      generation = i;
      look();
      for (const [n, { signal }] of consul.asked.entries()) if (!signal.aborted) consul.tell(n, [spec(`e${n}`)]);
      look();
    }
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(1200);
  });
});
