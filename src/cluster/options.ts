import type { BreakerOptions } from '../policy/options.ts';
import type { EjectionOptions } from '../policy/outlier/options.ts';
import type { FreshFields } from './freshness.ts';
import { HASHING_NAMES, type HashingOptions } from './hashing-options.ts';
import type { LensSpec } from './lens.ts';
import type { FirstOptions } from './pickers/first-fit.ts';
import type { LeastRequestOptions } from './pickers/least-request.ts';
import type { ReportedWeightsOptions } from './reported-weight.ts';
import type { SlowStartOptions } from './slow-start.ts';
import type { TreeOptions } from './tree/options.ts';

export const BALANCER_NAMES = [
  'p2c_ewma',
  'least_request',
  'round_robin',
  'random',
  'first',
  'client_side_wrr',
  ...HASHING_NAMES,
] as const;
export type BalancerName = (typeof BALANCER_NAMES)[number];

/** Those that give everyone a share by weight: only they can be slow to start with one, or be given a subset. */
export const SHARING_BALANCERS: readonly BalancerName[] = [
  'p2c_ewma',
  'least_request',
  'round_robin',
  'random',
  'client_side_wrr',
];

/**
 * An algorithm with all that is said of it. Options of an algorithm are there beside its name, and mean its defaults
 * when they are not.
 */
export interface BalancerOptions extends HashingOptions {
  readonly name: BalancerName;
  readonly leastRequest?: LeastRequestOptions;
  readonly first?: FirstOptions;
  readonly reportedWeights?: ReportedWeightsOptions;
  /** Absent: everyone has the whole weight at once. */
  readonly slowStart?: SlowStartOptions;
  /** How many endpoints this sidecar uses at most; absent: all. */
  readonly subsetSize?: number;
}

/** See `p2c_ewma`: no single slow endpoint survives it long. */
export const DEFAULT_BALANCER: BalancerName = 'p2c_ewma';

export interface ClusterOptions {
  readonly balancer: BalancerOptions;
  readonly breaker: BreakerOptions;
  /** Where a balancer's endpoints come from: levels and zones. */
  readonly tree: TreeOptions;
  /** The parts of it that plans ask for. */
  readonly lenses: readonly LensSpec[];
  /** Which fields of answers tell how fresh an endpoint is; absent or null: none. */
  readonly fresh?: FreshFields | null;
  /** How endpoints are judged against each other; absent or null: not at all. */
  readonly ejection?: EjectionOptions | null;
  /** New endpoints are down until a check has passed; absent: they are used at once. */
  readonly waitsForChecks?: boolean;
}
