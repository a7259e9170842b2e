import type { BreakerOptions } from '../policy/options.ts';
import type { LensSpec } from './lens.ts';

export const BALANCER_NAMES = ['p2c_ewma', 'least_request', 'round_robin', 'random', 'ring_hash'] as const;
export type BalancerName = (typeof BALANCER_NAMES)[number];

/** An algorithm with all that is said of it. Of the options, an algorithm reads its own. */
export interface BalancerOptions {
  readonly name: BalancerName;
}

/** See `p2c_ewma`: no single slow endpoint survives it long. */
export const DEFAULT_BALANCER: BalancerOptions = { name: 'p2c_ewma' };

export interface ClusterOptions {
  readonly balancer: BalancerOptions;
  readonly breaker: BreakerOptions;
  /** The parts of it that plans ask for. */
  readonly lenses: readonly LensSpec[];
}
