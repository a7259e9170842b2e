import { expect, it } from 'vitest';
import { clusterView } from '../../src/agent/views.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Cell } from '../../src/base/watch.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { lensesInside } from '../../src/cluster/lens.ts';
import { roleLenses } from '../../src/cluster/role-lenses.ts';
import type { ClusterSnapshot, EndpointSpec } from '../../src/cluster/snapshot.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { NO_FAULTS } from '../../src/policy/fault.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { shardLenses } from '../../src/route/shards/shard-lenses.ts';
import { spec, specs } from '../support/endpoint-specs.ts';
import { evidence } from '../support/evidence.ts';
import { ManualClock } from '../support/manual-clock.ts';

const NO_RELIEF = { faults: NO_FAULTS };

it('shows no latency of an endpoint that has not answered yet', () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const options = {
    balancer: { name: 'round_robin' },
    breaker: DEFAULT_BREAKER,
    tree: DEFAULT_TREE,
    lenses: [],
  } as const;
  const cluster = new Cluster({
    name: 'orders',
    options,
    balancer: makeBalancer(options.balancer, random),
    connectorFactory: () => ({ acquire: never, dial: never, retire: () => undefined }),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
  const discovery = new Cell<ClusterSnapshot>(clock);
  discovery.subscribe((snapshot) => cluster.apply(snapshot));
  discovery.set({ service: 'orders', source: 'consul', endpoints: specs('a') });
  const latency = (): number | null =>
    clusterView({ cluster, discovery, protocol: 'grpc', levelNames: [], plan: NO_RELIEF }, false, clock.now())
      .endpoints[0]!.latencyMs;
  expect(latency()).toBe(null);

  const [endpoint] = [...cluster.endpoints];
  endpoint!.learn(evidence('failure', { startedAt: 1000 }), 1010);
  expect(latency()).toBe(null);
  endpoint!.learn(evidence('success', { startedAt: 1000, firstByteAt: 1007 }), 1010);
  expect(latency()).toBeGreaterThan(0);
});

it('says that all endpoints are critical, after what discovery has to say', () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const cluster = new Cluster({
    name: 'orders',
    options: { balancer: { name: 'round_robin' }, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses: [] },
    balancer: makeBalancer({ name: 'round_robin' }, random),
    connectorFactory: () => ({ acquire: never, dial: never, retire: () => undefined }),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
  const discovery = new Cell<ClusterSnapshot>(clock);
  discovery.subscribe((snapshot) => cluster.apply(snapshot));
  const problem = (): string | null =>
    clusterView({ cluster, discovery, protocol: 'grpc', levelNames: [], plan: NO_RELIEF }, false, clock.now()).problem;
  discovery.set({ service: 'orders', source: 'consul', endpoints: [spec('a', { health: 'critical' })] });
  expect(problem()).toContain('all endpoints are critical');
  discovery.fail('Consul is away');
  expect(problem()).toBe('Consul is away');
  discovery.set({ service: 'orders', source: 'consul', endpoints: specs('a') });
  expect(problem()).toBe(null);

  const lenses = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({
    key: `shard=${key}`,
    matches: ({ id }: { id: string }) => id.endsWith(`/${key}`),
    otherwise: null,
    balancer: null,
  }));
  cluster.reconfigure({ ...cluster.options, lenses }, null);
  const sick = (...ids: string[]) => ids.map((id) => spec(id, { health: 'critical' }));
  discovery.set({ service: 'orders', source: 'consul', endpoints: [...specs('acdef'), ...sick('b')] });
  expect(problem()).toBe('all endpoints of shard=b are critical; they are used all the same');
  discovery.set({ service: 'orders', source: 'consul', endpoints: [spec('z'), ...sick('a', 'b', 'c', 'd', 'e', 'f')] });
  expect(problem()).toContain('shard=a, shard=b, shard=c and 3 more are critical');
});

it('names levels where failover makes them, and says that a level is in panic', () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const cluster = new Cluster({
    name: 'orders',
    options: {
      balancer: { name: 'random' },
      breaker: DEFAULT_BREAKER,
      tree: { ...DEFAULT_TREE, panic: 0.9 },
      lenses: [],
    },
    balancer: makeBalancer({ name: 'random' }, random),
    connectorFactory: () => ({ acquire: never, dial: never, retire: () => undefined }),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
  const discovery = new Cell<ClusterSnapshot>(clock);
  const view = (levelNames: readonly string[]) =>
    clusterView({ cluster, discovery, protocol: 'http', levelNames, plan: NO_RELIEF }, false, clock.now());
  expect(view([]).places).toEqual([]);
  const endpoints = [
    spec('a', { health: 'critical', zone: 'eu' }),
    spec('b', { priority: 1 }),
    spec('c', { priority: 1, health: 'critical' }),
  ];
  cluster.apply({ service: 'orders', source: 'consul', endpoints });
  expect(view(['orders', 'orders@dc2'])).toMatchObject({
    problem: expect.stringMatching(/^panic: /),
    places: [
      { level: 0, name: 'orders', zone: 'eu', healthy: 0, total: 1, share: 34, isPanic: true },
      { level: 1, name: 'orders@dc2', zone: null, healthy: 1, total: 2, share: 66, isPanic: true },
    ],
  });
  expect(view(['orders']).places.map(({ name }) => name)).toEqual([null, null]);
});

function never(): never {
  throw new Error('nobody sends anything here');
}

it('names the roles and shards that nobody serves, each once, and those alone that nobody stands in for', () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const ofRoles = roleLenses('prefer_replica', null, null);
  const names = ['a', 'b', 'c', 'd', 'e'];
  const ofShards = shardLenses({
    version: 1,
    key: [{ kind: 'header', name: 'x' }],
    absent: 'reject',
    by: { kind: 'meta', key: 'shard' },
    holdMs: 10_000,
    map: { kind: 'consistent', names },
  });
  const cluster = new Cluster({
    name: 'orders',
    options: {
      balancer: { name: 'random' },
      breaker: DEFAULT_BREAKER,
      tree: DEFAULT_TREE,
      lenses: [...ofRoles, ...ofShards, ...ofShards.flatMap((shard) => lensesInside(shard, ofRoles))],
    },
    balancer: makeBalancer({ name: 'random' }, random),
    connectorFactory: () => ({ acquire: never, dial: never, retire: () => undefined }),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
  const discovery = new Cell<ClusterSnapshot>(clock);
  discovery.subscribe((snapshot) => cluster.apply(snapshot));
  const problem = (): string | null =>
    clusterView({ cluster, discovery, protocol: 'http', levelNames: [], plan: NO_RELIEF }, false, clock.now()).problem;
  const show = (endpoints: readonly EndpointSpec[]): string | null => {
    discovery.set({ service: 'orders', source: 'consul', endpoints });
    return problem();
  };
  expect(problem()).toBe(null);
  expect(show([])).toBe(null);
  const whole = names.map((shard) => spec(shard, { role: 'primary', meta: { shard } }));
  expect(show(whole)).toBe(null);
  const down = whole.map((one) => (one.meta['shard'] === 'b' ? { ...one, health: 'maintenance' as const } : one));
  expect(show(down)).toBe('no usable endpoint of shard=b (meta.shard)');
  expect(show(whole.map((one) => (one.meta['shard'] === 'b' ? { ...one, role: 'replica' as const } : one)))).toBe(
    'no usable endpoint of shard=b (meta.shard)/role=primary',
  );
  expect(show(whole.map((one) => ({ ...one, role: 'replica' as const })))).toBe('no usable endpoint of role=primary');
  expect(show(specs('a'))).toBe('no usable endpoint of role=primary, role=replica, shard=a (meta.shard) and 4 more');
  discovery.fail('Consul is away');
  expect(problem()).toBe('Consul is away');
});

it('says what does not suit a balancer that hashes, when there is nothing worse, and shows its fingerprint', () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const balancer = { name: 'maglev', maglev: { tableSize: 199 } } as const;
  const cluster = new Cluster({
    name: 'orders',
    options: { balancer, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses: [] },
    balancer: makeBalancer(balancer, random),
    connectorFactory: () => ({ acquire: never, dial: never, retire: () => undefined }),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
  const discovery = new Cell<ClusterSnapshot>(clock);
  discovery.subscribe((snapshot) => cluster.apply(snapshot));
  const view = () =>
    clusterView({ cluster, discovery, protocol: 'http', levelNames: [], plan: NO_RELIEF }, false, clock.now());
  expect([view().fingerprint, view().problem]).toEqual([null, null]);
  discovery.set({ service: 'orders', source: 'consul', endpoints: specs('a') });
  expect(view()).toMatchObject({ fingerprint: cluster.hashing!.fingerprint, problem: null });
  discovery.set({ service: 'orders', source: 'consul', endpoints: [spec('a'), spec('b')] });
  expect(view().problem).toContain('set maglev.tableSize to 211');
  discovery.fail('Consul is away');
  expect(view().problem).toBe('Consul is away');
});
