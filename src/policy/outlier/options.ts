/** What an endpoint can be ejected for, in the order in which it is looked at. */
export const DETECTORS = [
  'consecutive_5xx',
  'consecutive_gateway',
  'consecutive_local',
  'success_rate',
  'failure_percentage',
  'latency',
] as const;
export type Detector = (typeof DETECTORS)[number];

/** `observe`: counts what it would do, and does nothing. */
export const DETECTOR_MODES = ['off', 'observe', 'enforce'] as const;
export type DetectorMode = (typeof DETECTOR_MODES)[number];

/** So many in a row, told by the one that completes the row. */
export interface RowOptions {
  readonly mode: DetectorMode;
  readonly count: number;
}

/** A rate is compared where so many peers have had so many requests within an interval. */
interface Volume {
  readonly mode: DetectorMode;
  readonly minHosts: number;
  readonly minRequests: number;
}

/** Out: whose rate is below mean - factor x standard deviation of its peers' rates, and by `margin` below the mean. */
export interface SuccessRateOptions extends Volume {
  readonly factor: number;
  readonly margin: number;
}

/** Out: of whose requests at least this share fails. */
export interface FailurePercentageOptions extends Volume {
  readonly share: number;
}

/** Out: whose median is above `factor` times the median of its peers' medians, and by `floorMs` above it. */
export interface LatencyOptions extends Volume {
  readonly factor: number;
  readonly floorMs: number;
}

/**
 * How endpoints are judged against their peers, and how long those that do not pass stay out. Times in ms, shares in 0
 * .. 1.
 */
export interface EjectionOptions {
  /** Rates and medians are of this stretch of time, and judged at its end. */
  readonly intervalMs: number;
  /** The n-th ejection in a row lasts n times as long, up to the maximum, and a random time up to `jitterMs`. */
  readonly baseMs: number;
  readonly maxMs: number;
  readonly jitterMs: number;
  /** Of the endpoints that may be picked; at most half. One may be out however few they are, if there are two. */
  readonly maxShare: number;
  /** Answers that speak against the endpoint, and attempts without an answer. */
  readonly consecutive5xx: RowOptions;
  /** 502, 503, 504 and what gRPC has for them, and attempts without an answer. */
  readonly consecutiveGateway: RowOptions;
  /** Attempts without an answer: not connected, reset, timed out. */
  readonly consecutiveLocal: RowOptions;
  readonly successRate: SuccessRateOptions;
  readonly failurePercentage: FailurePercentageOptions;
  readonly latency: LatencyOptions;
}

/**
 * Envoy's times and volumes. What is otherwise, and why:
 *
 * - What the breaker of each endpoint does as well is off: rows of failures, and shares of them. It is quicker, does
 * not
 *   need peers, and lets an endpoint back after a second. Its row of five comes before any of Envoy's five, so that the
 *   rows here are of three.
 * - The success rate also has to be five points below the mean. Among endpoints that hardly ever fail the deviation is
 *   next to nothing, and Envoy's would eject one for a single failure more than the others have.
 * - Half of the endpoints may be out, and one in any case: of Envoy's tenth nothing is left where there are fewer than
 * ten.
 *   Both rates are told against peers, of which half must be well to compare with.
 * - The median latency is enforced. It takes four times the time of its peers and a tenth of a second more, over thirty
 *   requests: no endpoint is like that by chance.
 */
export const DEFAULT_EJECTION: EjectionOptions = {
  intervalMs: 10_000,
  baseMs: 30_000,
  maxMs: 300_000,
  jitterMs: 3_000,
  maxShare: 0.5,
  consecutive5xx: { mode: 'off', count: 3 },
  consecutiveGateway: { mode: 'off', count: 3 },
  consecutiveLocal: { mode: 'off', count: 3 },
  successRate: { mode: 'enforce', minHosts: 5, minRequests: 100, factor: 1.9, margin: 0.05 },
  failurePercentage: { mode: 'off', minHosts: 5, minRequests: 50, share: 0.85 },
  latency: { mode: 'enforce', minHosts: 3, minRequests: 30, factor: 4, floorMs: 100 },
};

export function modeOf(detector: Detector, options: EjectionOptions): DetectorMode {
  switch (detector) {
    case 'consecutive_5xx':
      return options.consecutive5xx.mode;
    case 'consecutive_gateway':
      return options.consecutiveGateway.mode;
    case 'consecutive_local':
      return options.consecutiveLocal.mode;
    case 'success_rate':
      return options.successRate.mode;
    case 'failure_percentage':
      return options.failurePercentage.mode;
    case 'latency':
      return options.latency.mode;
  }
}

export function isAnyOn(options: EjectionOptions): boolean {
  return DETECTORS.some((detector) => modeOf(detector, options) !== 'off');
}
