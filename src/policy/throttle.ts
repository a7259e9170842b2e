import type { FailureCode } from '../base/failure.ts';
import type { Random } from '../base/random.ts';
import { SlidingSum } from '../base/window.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { RequestHead } from '../http/head.ts';
import type { Door, Visit } from './door.ts';
import type { Evidence } from './evidence.ts';

export interface ThrottleOptions {
  readonly mode: 'off' | 'observe' | 'enforce';
  readonly windowMs: number;
  /** 1: the share held back grows as fast as that of failures; more: it grows faster. */
  readonly aggression: number;
  /** From this share of successes up nothing is held back. */
  readonly successThreshold: number;
  /** With fewer requests per second within the window, failures mean nothing. */
  readonly minPerSecond: number;
  /** The most that is held back: what is left is how recovery is noticed. */
  readonly maxRatio: number;
}

/**
 * Envoy's numbers, and Finagle's for the least load. It observes: where one broken route of a service answers 500 to
 * everything, holding back a share of all requests would harm the good ones, and only the operator knows the service.
 */
export const DEFAULT_THROTTLE: ThrottleOptions = {
  mode: 'observe',
  windowMs: 30_000,
  aggression: 1,
  successThreshold: 0.95,
  minPerSecond: 5,
  maxRatio: 0.8,
};

/** How many were held back, and how many would have been while it only observed. */
export class ThrottleCounts {
  enforced = 0;
  observed = 0;
}

const BUCKETS = 10;
/** Chance is drawn as one of so many, which is a small whole number and costs no memory. */
const GRAIN = 1_000_000;
const TOO_MANY_REQUESTS = 429;

/**
 * By criticality, the threshold is raised to this power: 0.95 is 0.81 for the most important requests, which are held
 * back last, and 0.99 for those that are the first to go.
 */
const POWERS = [4, 1, 1 / 2, 1 / 4] as const;

/**
 * Holds back a share of the requests to a cluster that refuses or fails them anyway, so that the rest has a chance:
 * what is held back costs the endpoints nothing, where even a refusal costs them something.
 *
 *     held back = ((n - s / threshold) / (n + 1)) ^ (1 / aggression), at most `maxRatio`
 *
 * where n requests ended within the window and s of them well (Site Reliability Engineering, chapter 21, with Envoy's
 * threshold). An exchange counts once, as its last attempt went: what a retry has saved is a success. An answer that
 * says "too many" (429, RESOURCE_EXHAUSTED) is none, though it speaks against no endpoint. Whatever shows nothing of
 * the endpoints (refusals of this sidecar, clients that left) does not count at all.
 *
 * Nor does what is held back here, as in Envoy and other than in that chapter: counted as requests without a success,
 * it would with a threshold near 1 hold itself up, and a cluster that is well again would wait minutes for its load. So
 * one window after the last failure nothing is held back any more, whatever was before.
 */
export class Throttle implements Door {
  readonly counts: ThrottleCounts;
  private readonly ended: SlidingSum;
  private readonly succeeded: SlidingSum;
  private readonly least: number;
  private readonly thresholds: Float64Array;

  /** `before`: of the same cluster. Its counts go on; what it knows of the window does where that is as long. */
  constructor(
    readonly options: ThrottleOptions,
    private readonly random: Random,
    before: Throttle | null = null,
  ) {
    const { windowMs, minPerSecond, successThreshold } = options;
    const keeps = before !== null && before.options.windowMs === windowMs;
    this.counts = before?.counts ?? new ThrottleCounts();
    this.ended = keeps ? before.ended : new SlidingSum(windowMs, BUCKETS);
    this.succeeded = keeps ? before.succeeded : new SlidingSum(windowMs, BUCKETS);
    this.least = (minPerSecond * windowMs) / 1000;
    this.thresholds = Float64Array.from(POWERS, (power) => successThreshold ** power);
  }

  enter(_head: RequestHead | null, _peer: Peer, visit: Visit, now: number): FailureCode | null {
    const { mode } = this.options;
    if (mode === 'off') return null;
    const grains = this.grains(visit.criticality, now);
    if (grains === 0 || this.random.below(GRAIN) >= grains) return null;
    if (mode === 'observe') {
      this.counts.observed += 1;
      return null;
    }
    this.counts.enforced += 1;
    return 'throttled';
  }

  leave(_visit: Visit, { outcome, status, grpcStatus }: Evidence, now: number): void {
    if (outcome === 'ignored' || this.options.mode === 'off') return;
    this.ended.add(1, now);
    const isRefused = status === TOO_MANY_REQUESTS || grpcStatus === GRPC_STATUSES.resource_exhausted;
    if (outcome === 'success' && !isRefused) this.succeeded.add(1, now);
  }

  mark(_visit: Visit, _edits: Edits): void {}

  /** The share of usual requests that is, or would be, held back now. */
  ratio(now: number): number {
    return this.options.mode === 'off' ? 0 : this.grains(1, now) / GRAIN;
  }

  private grains(criticality: number, now: number): number {
    const ended = this.ended.at(now);
    if (ended === 0 || ended < this.least) return 0;
    const excess = ended - this.succeeded.at(now) / this.thresholds[criticality]!;
    if (excess <= 0) return 0;
    const { aggression, maxRatio } = this.options;
    return Math.round(GRAIN * Math.min(maxRatio, (excess / (ended + 1)) ** (1 / aggression)));
  }
}
