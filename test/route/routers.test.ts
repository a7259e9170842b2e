import { describe, expect, it } from 'vitest';
import type { Plan } from '../../src/proxy/plan.ts';
import { Routed } from '../../src/proxy/routed.ts';
import { type Declared, HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import { NO_ROUTES } from '../../src/route/table/table.ts';
import { ExchangeScript, PEER, requestHead } from '../support/exchange-script.ts';

const orders = new ExchangeScript().plan;
const other = new ExchangeScript().plan;

function routerOf(entries: Record<string, Declared>): HostRouter {
  const router = new HostRouter(NOTHING_UNDECLARED);
  router.replace(new Map(Object.entries(entries)));
  return router;
}

function planOf(router: HostRouter, authority: string): Plan | null {
  return router.route(requestHead({ authority }), PEER, new Routed());
}

describe('the shared port', () => {
  const plain = { plan: orders, tag: null, datacenter: null, leads: NO_ROUTES };

  it('finds a declared upstream by any form of its name, again and again', () => {
    const router = routerOf({ orders: plain });
    for (const host of ['orders', 'ORDERS:80', 'orders.mesh', 'orders.service.consul', 'orders']) {
      expect(planOf(router, host)).toBe(orders);
    }
  });

  it('knows nobody else', () => {
    const router = routerOf({ orders: plain });
    expect(planOf(router, 'payments')).toBeNull();
    expect(planOf(router, 'example.com')).toBeNull();
    expect(planOf(router, '')).toBeNull();
  });

  it('finds an upstream for TLS by the name of its server as by a Host, and none without a name', () => {
    const router = routerOf({ orders: plain });
    expect(router.routeTunnel('orders.mesh')).toBe(orders);
    expect(router.routeTunnel('Orders.service.consul')).toBe(orders);
    expect(router.routeTunnel('payments.mesh')).toBeNull();
    expect(router.routeTunnel(null)).toBeNull();
  });

  it('takes a tag or a datacenter only where the upstream is declared with it', () => {
    expect(planOf(routerOf({ orders: plain }), 'v2.orders.service.consul')).toBeNull();
    expect(planOf(routerOf({ orders: plain }), 'orders.service.dc2.consul')).toBeNull();
    const exact = routerOf({ orders: { ...plain, tag: 'v2', datacenter: 'dc2' } });
    expect(planOf(exact, 'v2.orders.service.dc2.consul')).toBe(orders);
    expect(planOf(exact, 'orders')).toBe(orders);
  });

  it('forgets what it remembered when the upstreams change', () => {
    const router = routerOf({ orders: plain });
    planOf(router, 'orders');
    router.replace(new Map([['orders', { ...plain, plan: other }]]));
    expect(planOf(router, 'orders')).toBe(other);
  });

  it('asks for what is not declared, whole name and all', () => {
    const asked: unknown[] = [];
    const router = new HostRouter({
      find: (name) => {
        asked.push(name);
        return other;
      },
    });
    expect(planOf(router, 'v1.carts.service.dc3.consul')).toBe(other);
    expect(asked).toEqual([{ service: 'carts', tag: 'v1', datacenter: 'dc3' }]);
  });
});
