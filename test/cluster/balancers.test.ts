import { makeBalancer } from '../../src/cluster/balancers.ts';
import { BALANCER_NAMES } from '../../src/cluster/options.ts';
import { balancerContract } from '../contract/balancer.ts';

// 2000 random picks lie within 10 % of their mean in all but one of 100,000 runs; a ring's shares are coarser.
for (const name of BALANCER_NAMES) {
  balancerContract(name, (random) => makeBalancer({ name }, random), { slack: name === 'ring_hash' ? 0.25 : 0.1 });
}
