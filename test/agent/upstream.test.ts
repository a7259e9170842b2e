import { describe, expect, it } from 'vitest';
import { NO_OWNER, Upstream, type UpstreamOwner } from '../../src/agent/upstream.ts';
import { Timer } from '../../src/base/clock.ts';
import type { Pool } from '../../src/net/pool.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { agentParts, upstreamConfig } from '../support/agent-parts.ts';
import { namesOf } from '../support/endpoint-specs.ts';
import { FAILURE } from '../support/evidence.ts';
import { pickContext } from '../support/fake-endpoint.ts';

function setUp(owner: UpstreamOwner = NO_OWNER) {
  const made = agentParts();
  const config = upstreamConfig('orders');
  const upstream = new Upstream(config, made.parts, owner);
  const names = (): string => namesOf(upstream.cluster.snapshot?.endpoints);
  return { ...made, config, upstream, names };
}

function pickFrom(upstream: { plan: Upstream['plan'] }): string {
  const context = pickContext();
  return upstream.plan.cluster.pick(context)?.id ?? context.refusal;
}

describe('failover targets', () => {
  const target = (more: object) => ({ subset: null, service: null, datacenter: null, ...more });

  it('are questions of their own, whose answers are levels', () => {
    const { parts, consul } = agentParts();
    const subsets = { v1: { tags: ['v1'], meta: {} }, v2: { tags: ['v2'], meta: {} } };
    const failover = [target({ subset: 'v2' }), target({ datacenter: 'dc2' }), target({ service: 'orders-eu' })];
    const words = { tag: 'live', filter: 'x == y', subsets, subset: 'v1', failover };
    const upstream = new Upstream(upstreamConfig('orders', words), parts, NO_OWNER);
    expect(
      consul.asked.map(({ query: { service, datacenter, tag, filter } }) => [service, datacenter, tag, filter]),
    ).toEqual([
      ['orders', null, 'live', 'x == y'],
      ['orders', null, 'live', 'x == y'],
      ['orders', 'dc2', 'live', 'x == y'],
      ['orders-eu', null, null, null],
    ]);
    expect(upstream.levelNames).toEqual(['orders/v1', 'orders/v2', 'orders/v1@dc2', 'orders-eu']);
    const [v1, v2] = [{ tags: ['v1'] }, { tags: ['v2'] }];
    consul.answer(0, 'ab', [v1, v2]);
    consul.answer(1, 'ab', [v1, v2]);
    consul.answer(2, 'cd', [v1, v2]);
    consul.answer(3, 'e');
    const levels = [...upstream.cluster.endpoints].map(({ id, spec }) => `${id.at(-1)} ${spec.priority}`);
    expect(levels).toEqual(['a 0', 'b 1', 'c 2', 'e 3']);
    upstream.close();
    expect(consul.asked.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it('are asked beside the old ones when they change, and other words about the upstream leave them', () => {
    const { upstream, consul, config, names } = setUp();
    consul.answer(0, 'ab');
    upstream.reconfigure({ ...config, failover: [target({ service: 'orders-eu' })] });
    expect(consul.asked.length).toBe(3);
    expect(names()).toBe('ab');
    consul.answer(1, 'ab');
    consul.answer(2, 'c');
    expect(names()).toBe('abc');
    upstream.reconfigure({ ...config, failover: [target({ service: 'orders-eu' })], panic: 0.5 });
    expect([consul.asked.length, names()]).toEqual([3, 'abc']);
  });
});

describe('the own zone', () => {
  const zoned = { zones: { mode: null, minEndpoints: 2 } };
  const picked = (upstream: Upstream): string =>
    [...new Set(Array.from({ length: 60 }, () => pickFrom(upstream).at(-1)))].sort().join('');

  it('is used as soon as it is known, by upstreams that may use it', () => {
    const { parts, place, consul } = agentParts();
    const names = ['orders', 'spread', 'hashed'] as const;
    const more = {
      orders: {},
      spread: { zones: { mode: 'off', minEndpoints: 2 } as const },
      hashed: { balancer: { name: 'ring_hash' } as const },
    };
    const upstreams = names.map(
      (name) => new Upstream(upstreamConfig(name, { ...zoned, ...more[name] }), parts, NO_OWNER),
    );
    for (const i of names.keys())
      consul.answer(i, 'abcd', [{ zone: 'eu' }, { zone: 'eu' }, { zone: 'us' }, { zone: 'us' }]);
    expect(upstreams.map(picked)).toEqual(['abcd', 'abcd', 'abcd']);
    place.set({ zone: 'eu', callers: null });
    expect(upstreams.map(picked)).toEqual(['ab', 'abcd', 'abcd']);
  });

  it('that is told again costs no build, and is heard no more when the upstream is closed', () => {
    const { parts, place, consul } = agentParts();
    const upstream = new Upstream(upstreamConfig('orders', zoned), parts, NO_OWNER);
    consul.answer(0, 'ab', [{ zone: 'eu' }, { zone: 'us' }]);
    place.set({ zone: 'eu', callers: null });
    const { tree } = upstream.cluster.options;
    place.set({ zone: 'eu', callers: null });
    expect(upstream.cluster.options.tree).toBe(tree);
    upstream.close();
    place.set({ zone: 'us', callers: null });
    expect(upstream.cluster.options.tree).toBe(tree);
  });
});

describe('a question that changes', () => {
  it('is asked beside the old one, whose endpoints serve until the first answer', () => {
    let switches = 0;
    const { upstream, consul, config, names } = setUp({ ...NO_OWNER, onSwitch: () => void switches++ });
    consul.answer(0, 'ab');
    const before = upstream.plan;
    upstream.reconfigure({ ...config, tag: 'v2' });
    expect(consul.asked.map(({ query, signal }) => [query.tag, signal.aborted])).toEqual([
      [null, false],
      ['v2', false],
    ]);
    consul.answer(0, 'abc');
    expect(names()).toBe('abc');
    expect(upstream.discovery.problem).toMatch(/until discovery answers/);
    expect(switches).toBe(0);

    consul.answer(1, 'd');
    expect(names()).toBe('d');
    expect(upstream.discovery.problem).toBe(null);
    expect(consul.asked[0]!.signal.aborted).toBe(true);
    expect(switches).toBe(1);
    expect(pickFrom(upstream)).toMatch(/d$/);
    // An exchange that began before may try again, and where it began.
    expect(pickFrom({ plan: before })).toMatch(/[abc]$/);
  });

  it('keeps the old endpoints while it is answered with nothing', () => {
    const { upstream, consul, config, names } = setUp();
    consul.answer(0, 'ab');
    upstream.reconfigure({ ...config, tag: 'v2' });
    consul.answer(1, '');
    expect(names()).toBe('ab');
    expect(upstream.discovery.problem).toMatch(/until discovery answers/);
    consul.answer(1, 'd');
    expect(names()).toBe('d');
  });

  it('is not answered by what an earlier run left on the disk, unless there is nothing better', () => {
    const { upstream, consul, config } = setUp();
    upstream.reconfigure({ ...config, tag: 'v2' });
    consul.answer(1, 'a');
    upstream.reconfigure({ ...config, tag: 'v3' });
    expect(consul.asked.map(({ start }) => start)).toEqual(['cold', 'cold', 'warm']);
  });

  it('is dropped when it changes back', () => {
    const { upstream, consul, config, names } = setUp();
    consul.answer(0, 'a');
    upstream.reconfigure({ ...config, tag: 'v2' });
    upstream.reconfigure({ ...config, tag: 'v2', balancer: { name: 'random' } });
    expect(consul.asked).toHaveLength(2);
    upstream.reconfigure(config);
    expect(consul.asked.map(({ signal }) => signal.aborted)).toEqual([false, true]);
    consul.answer(1, 'd');
    consul.answer(0, 'ab');
    expect(names()).toBe('ab');
    expect(upstream.discovery.problem).toBe(null);
  });

  it('is answered at once from the file, and back from Consul when it has answered', () => {
    const { upstream, consul, config, services, names } = setUp();
    consul.answer(0, 'a');
    const endpoint = { host: '10.0.0.9', port: 80, weight: 1, tags: [], meta: {}, zone: null, priority: 0 };
    services.set(new Map([['orders', [endpoint]]]));
    upstream.reconfigure(config);
    expect(names()).toBe('orders');
    services.set(new Map());
    upstream.reconfigure(config);
    expect(names()).toBe('orders');
    consul.answer(1, 'b');
    expect(names()).toBe('b');
  });

  it('sends who waited for the first answer to the new endpoints', () => {
    const { upstream, consul, config, clock } = setUp();
    const { plan } = upstream;
    const woken: string[] = [];
    const parked = {
      parkTimer: new Timer({ onTimer: () => void woken.push('timeout') }),
      onWake: () => void woken.push(pickFrom({ plan })),
    };
    plan.parking.wait(parked, clock.now());
    upstream.reconfigure({ ...config, tag: 'v2', limits: { ...config.limits, maxParked: 7 } });
    expect(woken).toEqual([]);
    consul.answer(1, 'n');
    expect(woken).toEqual(['10.0.0.14:80/n']);
    expect(clock.armed).toBe(0);
  });
});

describe('policies that change', () => {
  it('keep the cluster and all that is known of its endpoints', () => {
    const { upstream, consul, config } = setUp();
    consul.answer(0, 'ab');
    const { cluster } = upstream;
    const [endpoint] = [...cluster.endpoints];
    for (let i = 0; i < 5; i++) endpoint!.gate.settle(endpoint!.gate.admit(1000), FAILURE, 1000);
    upstream.reconfigure({
      ...config,
      balancer: { name: 'round_robin' },
      breaker: { ...DEFAULT_BREAKER, consecutiveFailures: 2 },
      timeouts: { ...config.timeouts, connectMs: 77 },
    });
    expect(upstream.cluster === cluster).toBe(true);
    expect([...cluster.endpoints][0] === endpoint).toBe(true);
    expect(endpoint!.gate.state).toBe('open');
    expect(cluster.options.balancer.name).toBe('round_robin');
    expect((endpoint!.connector as Pool).options.connectTimeoutMs).toBe(77);
    expect(consul.asked).toHaveLength(1);
  });

  it('leave retries that run where they are, under the new bound', () => {
    const { upstream, config } = setUp();
    const { slots } = upstream.plan.retrying;
    slots.tryTake();
    upstream.reconfigure({ ...config, retry: { ...config.retry, maxConcurrent: 1, statuses: [418] } });
    expect(upstream.plan.retrying.slots).toBe(slots);
    expect(slots.tryTake()).toBe(false);
    slots.giveBack();
    expect(slots.tryTake()).toBe(true);
  });

  it('do not make breakers forget what they have counted when they say nothing of breakers', () => {
    const { upstream, consul, config } = setUp();
    consul.answer(0, 'a');
    const { gate } = [...upstream.cluster.endpoints][0]!;
    for (let i = 0; i < 4; i++) gate.settle(gate.admit(1000), FAILURE, 1000);
    upstream.reconfigure({ ...config, balancer: { name: 'random' }, breaker: { ...DEFAULT_BREAKER } });
    gate.settle(gate.admit(1000), FAILURE, 1000);
    expect(gate.state).toBe('open');
  });

  it('go on counting what is in flight, under the new limit', () => {
    const { upstream, config } = setUp();
    const { admission } = upstream.plan;
    admission.admit(1000);
    upstream.reconfigure({ ...config, limits: { ...config.limits, maxRequests: 1 } });
    expect(upstream.plan.admission).toBe(admission);
    expect(admission.canAdmit(1000)).toBe(false);
  });

  it('are seen by telemetry as the same upstream, but for another protocol', () => {
    const { upstream, config, followed } = setUp();
    upstream.reconfigure({ ...config, balancer: { name: 'random' } });
    expect(followed).toEqual(['orders http']);
    upstream.reconfigure({ ...config, protocol: 'tcp' });
    expect(followed).toEqual(['orders http', 'orders tcp']);
  });
});

it('samples by the ratio of the moment', () => {
  const { upstream, parts } = setUp();
  const { plan } = upstream;
  parts.sampling.ratio = 0.5;
  expect(plan.sampleRatio).toBe(0.5);
});

it('lets who waits for its endpoints go when it is closed', () => {
  const { upstream, clock } = setUp();
  const { plan } = upstream;
  const woken: string[] = [];
  plan.parking.wait(
    { parkTimer: new Timer({ onTimer: () => undefined }), onWake: () => void woken.push(pickFrom({ plan })) },
    clock.now(),
  );
  upstream.close();
  expect(woken).toEqual(['no_endpoint']);
});

it('asks nothing any more when it is closed', () => {
  const { upstream, consul, config } = setUp();
  upstream.reconfigure({ ...config, tag: 'v2' });
  upstream.close();
  expect(consul.asked.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});
