import { expect, it } from 'vitest';
import { clusterView } from '../../src/agent/views.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { DEFAULT_BREAKER, DEFAULT_LIMITS } from '../../src/policy/options.ts';
import { specs } from '../support/endpoint-specs.ts';
import { evidence } from '../support/evidence.ts';
import { ManualClock } from '../support/manual-clock.ts';

it('shows no latency of an endpoint that has not answered yet', () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const options = { balancer: 'round_robin', breaker: DEFAULT_BREAKER, limits: DEFAULT_LIMITS } as const;
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
  cluster.apply({ service: 'orders', source: 'consul', endpoints: specs('a') });
  const latency = (): number | null => clusterView(cluster, null, clock.now()).endpoints[0]!.latencyMs;
  expect(latency()).toBe(null);

  const [endpoint] = [...cluster.endpoints];
  endpoint!.learn(evidence('failure', { startedAt: 1000 }), 1010);
  expect(latency()).toBe(null);
  endpoint!.learn(evidence('success', { startedAt: 1000, firstByteAt: 1007 }), 1010);
  expect(latency()).toBeGreaterThan(0);
});

function never(): never {
  throw new Error('nobody sends anything here');
}
