import { expect, it } from 'vitest';
import { UndeclaredServices } from '../../src/agent/undeclared-services.ts';
import { agentParts } from '../support/agent-parts.ts';
import { SUCCESS } from '../support/evidence.ts';

const MINUTE = 60_000;

function setUp(options: { hasConsul?: boolean } = {}) {
  const made = agentParts(options);
  const undeclared = new UndeclaredServices(made.parts);
  const find = (service: string) => undeclared.find({ service, tag: null, datacenter: null });
  return { ...made, undeclared, find };
}

it('follows a service once, from its first use', () => {
  const { find, consul } = setUp();
  const plan = find('orders');
  expect(find('orders') === plan).toBe(true);
  expect(consul.asked.map(({ query }) => query.service)).toEqual(['orders']);
});

it('lets one go that nobody has asked for in ten minutes', () => {
  const { find, consul, clock, undeclared } = setUp();
  find('orders');
  consul.answer(0, 'a');
  clock.advance(9 * MINUTE);
  find('orders');
  clock.advance(9.5 * MINUTE);
  expect(undeclared.upstreams).toHaveLength(1);
  clock.advance(MINUTE);
  expect(undeclared.upstreams).toHaveLength(0);
  expect(consul.asked[0]!.signal.aborted).toBe(true);
  expect(clock.armed).toBe(0);
});

it('lets one without endpoints go in a minute', () => {
  const { find, clock, undeclared } = setUp();
  find('typo');
  clock.advance(1.5 * MINUTE);
  expect(undeclared.upstreams).toHaveLength(0);
});

it('keeps one that is in use, however long ago it was asked for', () => {
  const { find, clock, undeclared } = setUp();
  const plan = find('orders')!;
  const ticket = plan.admission.admit(clock.now());
  clock.advance(30 * MINUTE);
  expect(undeclared.upstreams).toHaveLength(1);
  plan.admission.settle(ticket, SUCCESS, clock.now());
  clock.advance(MINUTE);
  expect(undeclared.upstreams).toHaveLength(0);
});

it('follows 64 at most, and has room again when some are gone', () => {
  const { find, clock, undeclared } = setUp();
  for (let i = 0; i < 64; i++) expect(find(`s${i}`) === null).toBe(false);
  expect(find('one-more') === null).toBe(true);
  expect(find('s0') === null).toBe(false);
  expect(undeclared.upstreams).toHaveLength(64);
  clock.advance(2 * MINUTE);
  expect(find('one-more') === null).toBe(false);
});

it('finds nothing where there is no source', () => {
  expect(setUp({ hasConsul: false }).find('orders')).toBe(null);
});

it('leaves nothing behind when it is closed', () => {
  const { find, clock, consul, undeclared } = setUp();
  find('orders');
  undeclared.close();
  expect(clock.armed).toBe(0);
  expect(consul.asked[0]!.signal.aborted).toBe(true);
});
