import type { BreakerOptions } from '../policy/options.ts';

export const BALANCER_NAMES = ['p2c_ewma', 'least_request', 'round_robin', 'random', 'ring_hash'] as const;
export type BalancerName = (typeof BALANCER_NAMES)[number];

export interface ClusterOptions {
  readonly balancer: BalancerName;
  readonly breaker: BreakerOptions;
}
