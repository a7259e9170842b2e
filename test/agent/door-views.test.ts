import { expect, it } from 'vitest';
import { Upstream } from '../../src/agent/upstream.ts';
import { clusterView, overloadView } from '../../src/agent/views.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Visit } from '../../src/policy/door.ts';
import { DEFAULT_OVERLOAD, OverloadGuard } from '../../src/policy/overload-guard.ts';
import { DEFAULT_THROTTLE } from '../../src/policy/throttle.ts';
import { agentParts, upstreamConfig } from '../support/agent-parts.ts';
import { evidence } from '../support/evidence.ts';
import { PEER } from '../support/exchange-script.ts';

const OWNER = { onSwitch: () => undefined, onEndpoints: () => undefined };

it('says what is held back from an upstream, as long as something is', () => {
  const { parts, clock } = agentParts();
  const throttle = { ...DEFAULT_THROTTLE, minPerSecond: 0 };
  const upstream = new Upstream(upstreamConfig('orders', { throttle }), parts, OWNER);
  const view = () => clusterView(upstream, false, clock.now(), upstream.plan.door.throttle).throttled;
  expect(view()).toBe(null);
  for (let i = 0; i < 99; i++) upstream.plan.door.leave(new Visit(), evidence('failure'), clock.now());
  expect(view()).toEqual({ percent: 80, isEnforced: false });

  upstream.reconfigure(upstreamConfig('orders', { throttle: { ...throttle, mode: 'enforce' } }));
  expect(view()).toEqual({ percent: 80, isEnforced: true });
  upstream.reconfigure(upstreamConfig('orders', { throttle: { ...throttle, mode: 'off' } }));
  expect(view()).toBe(null);
});

it('counts on in the doors of a plan that replaces another', () => {
  const { parts, clock } = agentParts();
  const limit = {
    name: 'all',
    requests: 1,
    windowMs: 1000,
    burst: 1,
    by: null,
    maxKeys: 1,
    path: null,
    methods: null,
    mode: 'enforce',
    tells: 'limited',
  } as const;
  const upstream = new Upstream(upstreamConfig('orders', { rateLimits: [limit] }), parts, OWNER);
  const enter = () => upstream.plan.door.enter(null, PEER, new Visit(), clock.now());
  expect([enter(), enter()]).toEqual([null, 'rate_limited']);
  upstream.reconfigure(upstreamConfig('orders', { rateLimits: [limit], tag: 'v2' }));
  expect(enter()).toBe('rate_limited');
  expect(upstream.plan.door.limits.all[0]!.counts.enforced).toBe(2);
});

it('says what the process is short of', () => {
  const guard = new OverloadGuard(DEFAULT_OVERLOAD, new SeededRandom(1), { onPressure: () => undefined });
  expect(overloadView(guard)).toEqual([]);
  for (let i = 0; i < 5; i++) guard.sample(600, 0.95, 0, 1000 + i);
  expect(overloadView(guard)).toEqual([
    { resource: 'loop', percent: 50, isEnforced: false },
    { resource: 'heap', percent: 100, isEnforced: true },
  ]);
});
