import { describe } from 'vitest';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { DEFAULT_ENVOY_RING } from '../../src/cluster/hashing-options.ts';
import { BALANCER_NAMES, type BalancerName, type BalancerOptions } from '../../src/cluster/options.ts';
import { balancerContract } from '../contract/balancer.ts';

/** 2000 random picks lie within 10 % of their mean in all but one of 100,000 runs; a ring's shares are coarser. */
const SLACK: Partial<Record<BalancerName, number | null>> = { first: null, ring_hash: 0.25 };

function runContract(options: BalancerOptions): void {
  const slack = SLACK[options.name];
  const make = (random: Parameters<typeof makeBalancer>[1]) => makeBalancer(options, random);
  balancerContract(options.name, make, { slack: slack === undefined ? 0.1 : slack });
}

for (const name of BALANCER_NAMES) runContract({ name });

const leastRequest = { selection: 'two_choices', choices: 2, bias: 1 } as const;
runContract({ name: 'least_request', leastRequest: { ...leastRequest, choices: 5 } });
runContract({ name: 'least_request', leastRequest: { ...leastRequest, selection: 'full_scan' } });
runContract({ name: 'least_request', leastRequest: { ...leastRequest, bias: 2 } });
runContract({ name: 'p2c_ewma', slowStart: { windowMs: 60_000, aggression: 1, minWeight: 0.1 }, subsetSize: 1_000 });
describe.each([
  ["in Envoy's sizing", 'ring_hash', { ring: DEFAULT_ENVOY_RING }, 0.25],
  ['with bounded load', 'ring_hash', { boundedLoad: 1.5 }, 0.25],
  ['with bounded load', 'maglev', { boundedLoad: 1.5 }, 0.1],
] as const)('%s', (_how, name, options, slack) => {
  balancerContract(name, (random) => makeBalancer({ name, ...options }, random), { slack });
});
