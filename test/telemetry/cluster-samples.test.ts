import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Cell } from '../../src/base/watch.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { Freshness } from '../../src/cluster/freshness.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { clusterSamples, discoverySamples, freshSamples, placeSamples } from '../../src/telemetry/cluster-samples.ts';
import { Registry, type Sample } from '../../src/telemetry/registry.ts';
import { spec } from '../support/endpoint-specs.ts';
import { FAILURE } from '../support/evidence.ts';
import { IdleConnector } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

function lines(samples: Iterable<Sample>): string[] {
  const registry = new Registry(new ManualClock(), () => undefined);
  registry.addCollector(() => samples);
  return registry
    .render()
    .split('\n')
    .filter((line) => line !== '' && !/^#|^remora_metric/.test(line));
}

it('tells the health, the load and the breaker of every endpoint', () => {
  const random = new SeededRandom(1);
  const cluster = new Cluster({
    name: 'orders',
    options: { balancer: { name: 'random' }, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses: [] },
    balancer: makeBalancer({ name: 'random' }, random),
    connectorFactory: () => new IdleConnector(),
    clock: new ManualClock(),
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
  const endpoints = [spec('a'), spec('b', { health: 'warning' }), spec('c', { health: 'critical' })];
  cluster.apply({ service: 'orders', endpoints, source: 'test' });
  const [, b] = cluster.endpoints;
  b!.active = 3;
  for (let i = 0; i < DEFAULT_BREAKER.consecutiveFailures; i++) b!.gate.settle(b!.gate.admit(1000), FAILURE, 1000);

  expect(lines(clusterSamples(cluster))).toEqual([
    'remora_endpoints{upstream="orders",health="passing"} 1',
    'remora_endpoints{upstream="orders",health="warning"} 1',
    'remora_endpoints{upstream="orders",health="critical"} 1',
    'remora_endpoint_active{upstream="orders",endpoint="10.0.0.1:80/a"} 0',
    'remora_endpoint_active{upstream="orders",endpoint="10.0.0.2:80/b"} 3',
    'remora_endpoint_active{upstream="orders",endpoint="10.0.0.3:80/c"} 0',
    'remora_breaker_state{upstream="orders",endpoint="10.0.0.1:80/a"} 0',
    'remora_breaker_state{upstream="orders",endpoint="10.0.0.2:80/b"} 2',
    'remora_breaker_state{upstream="orders",endpoint="10.0.0.3:80/c"} 0',
    'remora_breaker_trips_total{upstream="orders",endpoint="10.0.0.1:80/a"} 0',
    'remora_breaker_trips_total{upstream="orders",endpoint="10.0.0.2:80/b"} 1',
    'remora_breaker_trips_total{upstream="orders",endpoint="10.0.0.3:80/c"} 0',
  ]);
});

it('tells of panic, and of what went elsewhere than home', () => {
  const cluster = { name: 'orders', isPanic: true, spills: { toLevels: 3, toZones: 4 } } as unknown as Cluster;
  expect(lines(placeSamples(cluster))).toEqual([
    'remora_panic{upstream="orders"} 1',
    'remora_spilled_total{upstream="orders",to="level"} 3',
    'remora_spilled_total{upstream="orders",to="zone"} 4',
  ]);
});

it('says that an empty cluster has no healthy endpoint', () => {
  expect(lines(clusterSamples({ name: 'orders', endpoints: [], hashing: null } as unknown as Cluster))).toEqual([
    'remora_endpoints{upstream="orders",health="passing"} 0',
  ]);
});

it('tells the fingerprint of a ring, of the newest alone', () => {
  const random = new SeededRandom(1);
  const cluster = new Cluster({
    name: 'orders',
    options: { balancer: { name: 'maglev' }, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses: [] },
    balancer: makeBalancer({ name: 'maglev' }, random),
    connectorFactory: () => new IdleConnector(),
    clock: new ManualClock(),
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
  const ring = () => lines(clusterSamples(cluster)).filter((line) => line.startsWith('remora_ring'));
  expect(ring()).toEqual([]);
  cluster.apply({ service: 'orders', endpoints: [spec('a')], source: 'test' });
  const before = cluster.hashing!.fingerprint;
  expect(ring()).toEqual([`remora_ring_fingerprint{upstream="orders",fingerprint="${before}"} 1`]);
  cluster.apply({ service: 'orders', endpoints: [spec('a', { weight: 2 })], source: 'test' });
  const after = cluster.hashing!.fingerprint;
  expect(after).not.toBe(before);
  expect(ring()).toEqual([`remora_ring_fingerprint{upstream="orders",fingerprint="${after}"} 1`]);
});

it('tells the age of what discovery said, and whether there is a problem', () => {
  const clock = new ManualClock();
  const cell = new Cell<string>(clock);
  expect(lines(discoverySamples('orders', cell, clock.now()))).toEqual([
    'remora_discovery_problem{upstream="orders"} 0',
  ]);
  cell.set('snapshot');
  cell.fail('no leader');
  clock.advance(2_500);
  expect(lines(discoverySamples('orders', cell, clock.now()))).toEqual([
    'remora_discovery_age_seconds{upstream="orders"} 2.5',
    'remora_discovery_problem{upstream="orders"} 1',
  ]);
});

it('counts load reports of endpoints that are asked for them', () => {
  const reported = { taken: 3, unusable: 2, malformed: 1 };
  const endpoint = { id: 'a', spec: spec('a'), active: 0, gate: { state: 'closed', trips: 0 }, reported };
  const cluster = { name: 'orders', endpoints: [endpoint] } as unknown as Cluster;
  expect(lines(clusterSamples(cluster)).filter((line) => line.startsWith('remora_load'))).toEqual([
    'remora_load_reports_total{upstream="orders",endpoint="a",fate="taken"} 3',
    'remora_load_reports_total{upstream="orders",endpoint="a",fate="unusable"} 2',
    'remora_load_reports_total{upstream="orders",endpoint="a",fate="malformed"} 1',
  ]);
});

it('tells of replicas how late they are, and how often reads passed them over', () => {
  const now = 1_000;
  const replica = (id: string, lagMs?: number) => {
    const own = spec(id, { role: 'replica', ...(lagMs === undefined ? {} : { lagMs }) });
    return { id, spec: own, freshness: new Freshness() };
  };
  const endpoints = [{ ...replica('p'), spec: spec('p', { role: 'primary' }) }, replica('a', 3_000), replica('b')];
  endpoints[1]!.freshness.reportLag(500, now);
  Object.assign(endpoints[2]!.freshness, { tooLate: 2, tooFarBehind: 3 });
  const cluster = (lenses: readonly object[]) => ({ name: 'db', endpoints, options: { lenses } }) as unknown as Cluster;
  expect(lines(freshSamples(cluster([{ key: 'role=replica', revision: 'lag' }]), now))).toEqual([
    'remora_replica_lag_seconds{upstream="db",endpoint="a"} 0.5',
    'remora_replica_passed_over_total{upstream="db",endpoint="a",why="lag"} 0',
    'remora_replica_passed_over_total{upstream="db",endpoint="a",why="position"} 0',
    'remora_replica_passed_over_total{upstream="db",endpoint="b",why="lag"} 2',
    'remora_replica_passed_over_total{upstream="db",endpoint="b",why="position"} 3',
  ]);
  expect(lines(freshSamples(cluster([{ key: 'role=replica' }]), now))).toEqual([]);
});
