import { describe, expect, it } from 'vitest';
import { Upstreams } from '../../src/agent/upstreams.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { DEFAULT_STALE } from '../../src/policy/fallback.ts';
import type { Plan } from '../../src/proxy/plan.ts';
import { Routed } from '../../src/proxy/routed.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import type { RouteOptions } from '../../src/route/table/options.ts';
import { agentConfig, agentParts, upstreamConfig } from '../support/agent-parts.ts';
import { PEER, requestHead, responseHead } from '../support/exchange-script.ts';
import { spec } from '../support/fake-endpoint.ts';
import { changes, matchOf, routeOf, targetOf } from '../support/route.ts';

const FALLBACK = { codes: ['no_endpoint'], statuses: [], upstream: null, stale: DEFAULT_STALE, answer: null } as const;
const SUBSETS = { v1: { tags: ['v1'], meta: {} }, v2: { tags: ['v2'], meta: {} } };
const ASKED = requestHead({ path: '/api/x' });

/** Routes that are told apart by a header, so that all are asked for one and the same. */
async function open(routes: readonly Partial<RouteOptions>[]) {
  const { parts, consul } = agentParts();
  const shared = new HostRouter(NOTHING_UNDECLARED);
  const upstreams = new Upstreams(parts, shared, NO_LOG, () => undefined);
  const orders = upstreamConfig('orders', { subsets: SUBSETS, fallback: FALLBACK });
  const named = routes.map((route, i) => routeOf({ name: `r${i}`, hosts: [`host${i}`], ...route }));
  await upstreams.open(agentConfig([orders], { routes: named }));
  consul.tell(0, [spec('one', { tags: ['v1'] }), spec('two', { tags: ['v2'] })]);
  const planOf = (authority: string): Plan =>
    shared.route(requestHead({ authority, path: '/api/x' }), PEER, new Routed())!;
  return {
    planOf,
    apply: (others: readonly RouteOptions[]) => upstreams.apply(agentConfig([orders], { routes: others })),
  };
}

function keep({ fallback }: Plan): void {
  const copy = fallback.stale.copy(ASKED, responseHead(200, 'length', 4), 0);
  copy.add(Buffer.from('good'));
  copy.finish(0);
}

const has = ({ fallback }: Plan): boolean => fallback.choose(ASKED, false, false, 0) === 'stale';

function to(subset: string | null): Partial<RouteOptions> {
  return { action: { kind: 'forward', targets: [targetOf({ subset })], sticky: null } };
}

describe('a kept answer', () => {
  it('of one subset is never given in place of another', async () => {
    const { planOf } = await open([to('v1'), to('v2'), to('v1'), to(null)]);
    keep(planOf('host0'));
    expect(['host0', 'host1', 'host2', 'host3', 'orders'].map((host) => has(planOf(host)))).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it('of what a route asks otherwise is none of what others ask', async () => {
    const under = (prefix: string) => ({
      matches: [matchOf({ kind: 'prefix', value: prefix })],
      rewrite: { prefix: '/v2', path: null, regex: null, host: null },
    });
    const { planOf } = await open([
      { response: changes({ set: [['x-a', 'b']] }) },
      under('/'),
      under('/a'),
      { request: changes({ set: [['x-tenant', 'a']] }) },
      { action: { kind: 'forward', targets: [targetOf({ request: changes({ remove: ['x-a'] }) })], sticky: null } },
    ]);
    const hosts = ['orders', 'host0', 'host1', 'host2', 'host3', 'host4'];
    const found = hosts.map((kept) => {
      keep(planOf(kept));
      return hosts.filter((host) => has(planOf(host)));
    });
    expect(found.map((all) => all.join(' '))).toEqual([
      'orders host0',
      'orders host0',
      'orders host0 host1',
      'orders host0 host1 host2',
      'orders host0 host1 host2 host3',
      'orders host0 host1 host2 host3 host4',
    ]);
  });

  it('is not that of a route which asks for something else by now', async () => {
    const rewrite = (path: string) => ({ rewrite: { prefix: null, path, regex: null, host: null } });
    const { planOf, apply } = await open([rewrite('/old')]);
    keep(planOf('host0'));
    await apply([routeOf({ name: 'other', hosts: ['host0'], ...rewrite('/old') })]);
    expect(has(planOf('host0'))).toBe(true);
    await apply([routeOf({ name: 'other', hosts: ['host0'], ...rewrite('/new') })]);
    expect(has(planOf('host0'))).toBe(false);
  });

  it('counts with those of its upstream, and is bounded with them', async () => {
    const { planOf } = await open([to('v1'), to('v2')]);
    keep(planOf('host0'));
    keep(planOf('host1'));
    const whole = planOf('orders').fallback;
    expect(whole.stale.size).toBe(2);
    expect(planOf('host0').fallback.counts === whole.counts).toBe(true);
  });
});
