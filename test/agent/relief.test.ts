import { expect, it } from 'vitest';
import { faultWords, makeFaults } from '../../src/agent/relief.ts';
import { Upstreams } from '../../src/agent/upstreams.ts';
import type { Log } from '../../src/base/log.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { DEFAULT_STALE, type FallbackOptions } from '../../src/policy/fallback.ts';
import { type FaultOptions, NO_FAULTS } from '../../src/policy/fault.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import { agentConfig, agentParts, upstreamConfig } from '../support/agent-parts.ts';

const TO_SPARE: FallbackOptions = {
  codes: ['no_endpoint'],
  statuses: [],
  upstream: 'spare',
  stale: DEFAULT_STALE,
  answer: null,
};

it('finds the plan that another upstream has now, and none of one that is gone', async () => {
  const { parts } = agentParts();
  const upstreams = new Upstreams(parts, new HostRouter(NOTHING_UNDECLARED), NO_LOG, () => undefined);
  const orders = upstreamConfig('orders', { fallback: TO_SPARE });
  const spare = upstreamConfig('spare');
  await upstreams.open(agentConfig([orders, spare]));
  const planOf = (name: string) => upstreams.all.find(({ declared }) => declared.name === name)!.plan;
  const first = planOf('orders').fallback;
  expect(first.other()).toBe(planOf('spare'));
  await upstreams.apply(agentConfig([orders, { ...spare, timeouts: { ...spare.timeouts, requestMs: 7 } }]));
  expect(first.other()!.timeouts.requestMs).toBe(7);
  expect(first.other()).toBe(planOf('spare'));
  await upstreams.apply(agentConfig([orders]));
  expect(first.other()).toBe(null);
  // What it has kept stays with the upstream.
  expect(planOf('orders').fallback.stale).toBe(first.stale);
  upstreams.close();
});

it('says when faults begin and are taken out, and not with every change of something else', () => {
  const { parts } = agentParts();
  const said: string[] = [];
  const log = {
    ...NO_LOG,
    warn: (event: string, fields: object) => said.push(`${event} ${JSON.stringify(fields)}`),
    info: (event: string) => said.push(event),
  } as unknown as Log;
  const make = (list: readonly FaultOptions[], before = NO_FAULTS) =>
    makeFaults(list, 'orders', { clock: parts.clock, log }, before);
  const match = { path: null, headers: [], callers: [] };
  const untilMs = parts.clock.wallMs() + 1_000;
  const reset = { effect: { kind: 'reset' as const }, share: 500, match, maxActive: 1, untilMs };
  expect(make([])).toBe(NO_FAULTS);
  const first = make([reset]);
  const second = make([{ ...reset }], first);
  make([], second);
  make([{ ...reset, untilMs: untilMs - 1_000 }]);
  expect(said).toEqual([
    `fault_in_force {"upstream":"orders","fault":"reset of 5 % of requests until ${new Date(untilMs).toISOString()}"}`,
    'faults_over',
  ]);
  expect(
    faultWords({ ...reset, share: 10_000, untilMs: 0, effect: { kind: 'delay', delayMs: 5, header: 'x-d' } }),
  ).toBe('delay as x-d says until 1970-01-01T00:00:00.000Z');
});
