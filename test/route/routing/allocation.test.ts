import { expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Plan } from '../../../src/proxy/plan.ts';
import { Routed } from '../../../src/proxy/routed.ts';
import { FixedRouter, HostRouter, NOTHING_UNDECLARED } from '../../../src/route/routers.ts';
import { Direct, type Lead, type Leads } from '../../../src/route/routing/lead.ts';
import { DerivedLeaf, Destination } from '../../../src/route/routing/leaf.ts';
import { Split } from '../../../src/route/routing/split.ts';
import { makeStickyKey } from '../../../src/route/routing/sticky.ts';
import { compileRoutes } from '../../../src/route/table/compile.ts';
import type { StickyOptions } from '../../../src/route/table/options.ts';
import { NO_ROUTES } from '../../../src/route/table/table.ts';
import { allocatedPer } from '../../support/allocated.ts';
import { ExchangeScript, PEER, requestHead } from '../../support/exchange-script.ts';
import { matchOf, routeOf } from '../../support/route.ts';

const PLAN = new ExchangeScript().plan;
const NOTHING = 1;
const random = new SeededRandom(5);

function leaf() {
  const to = new Destination<Plan>('orders');
  to.upstream = { plan: PLAN };
  return new DerivedLeaf(to, (plan) => ({ plan: { ...plan }, part: { isDeserted: false } }));
}

function splitBy(sticky: StickyOptions | null): Lead {
  const branches = [90, 10].map((weight, i) => ({ leaf: leaf(), weight, name: `orders/v${i}` }));
  return new Split({ requests: 0 }, branches, makeStickyKey(sticky, random), random);
}

function leadsTo(lead: Lead): Leads {
  const routes = ['/cart', '/pay'].map((value) => {
    return routeOf({ name: value, hosts: ['shop'], matches: [matchOf({ kind: 'segments', value })] });
  });
  const work = compileRoutes(routes, () => lead);
  while (true) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

const KINDS: readonly (readonly [string, Leads])[] = [
  ['none', NO_ROUTES],
  ['one that leads to one place', leadsTo(new Direct({ requests: 0 }, leaf()))],
  ['one that splits by chance', leadsTo(splitBy(null))],
  ['one that splits by a header', leadsTo(splitBy({ kind: 'header', name: 'x-user' }))],
];

it.each(KINDS)('a request allocates nothing on its way past or by routes: %s', (_title, leads) => {
  const shared = new HostRouter(NOTHING_UNDECLARED);
  shared.replace(new Map([['orders', { plan: PLAN, tag: null, datacenter: null, leads: NO_ROUTES }]]));
  shared.lead(leads);
  const own = new FixedRouter(PLAN, leads);
  // A field of a real head is found without an allocation but for its text, which is here already.
  const ofUser = Object.assign(requestHead({ authority: 'shop', path: '/pay/now?a=b' }), { get: () => 'somebody' });
  // A Host that names nobody is read anew each time.
  const heads = [requestHead(), leads.size === 0 ? requestHead() : ofUser];
  const routed = new Routed();
  let found = 0;
  const bytes = allocatedPer((times) => {
    for (let i = 0; i < times; i++) {
      for (const head of heads) {
        if (shared.route(head, PEER, routed) !== null) found += 1;
        if (own.route(head, PEER, routed) !== null) found += 1;
      }
    }
  });
  expect(bytes).toBeLessThan(NOTHING);
  expect(found).toBeGreaterThan(0);
});
