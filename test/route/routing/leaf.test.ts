import { expect, it } from 'vitest';
import type { Plan } from '../../../src/proxy/plan.ts';
import { DerivedLeaf, Destination } from '../../../src/route/routing/leaf.ts';
import { ExchangeScript } from '../../support/exchange-script.ts';

const [first, second] = [new ExchangeScript().plan, new ExchangeScript().plan];

function leafOf() {
  const to = new Destination<Plan>('orders');
  const made: Plan[] = [];
  const leaf = new DerivedLeaf(to, (plan) => {
    made.push(plan);
    return { plan: { ...plan }, part: { isDeserted: plan === second } };
  });
  return { to, made, leaf };
}

it('derives a plan with the first request, and again when the plan of its upstream is another', () => {
  const { to, made, leaf } = leafOf();
  const upstream = { plan: first };
  to.upstream = upstream;
  expect(made).toEqual([]);
  const { plan } = leaf;
  expect([leaf.plan === plan, leaf.isDeserted, made.length]).toEqual([true, false, 1]);
  upstream.plan = second;
  expect([leaf.plan === plan, leaf.isDeserted, made.length]).toEqual([false, true, 2]);
});

it('has no plan while nobody is called so', () => {
  const { to, leaf } = leafOf();
  expect([leaf.plan, leaf.isDeserted]).toEqual([null, true]);
  to.upstream = { plan: first };
  expect(leaf.plan).not.toBeNull();
  to.upstream = null;
  expect(leaf.plan).toBeNull();
});

it('lets go of a plan that is past, and of no other', () => {
  const { to, made, leaf } = leafOf();
  const upstream = { plan: first };
  to.upstream = upstream;
  const { plan } = leaf;
  leaf.letGo();
  expect([leaf.plan === plan, made.length]).toEqual([true, 1]);
  upstream.plan = second;
  leaf.letGo();
  upstream.plan = first;
  expect([leaf.plan === plan, made.length]).toEqual([false, 2]);
});
