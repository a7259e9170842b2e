import type { FailureCode } from '../base/failure.ts';
import type { Endpoint } from './endpoint.ts';

/** A question to a picker and, when it finds nothing, its answer. One object per exchange, reused. */
export interface PickContext {
  now: number;
  /** The 64-bit hash of the exchange's key, in two unsigned halves; meaningless unless `hasHash`. */
  hasHash: boolean;
  hashHigh: number;
  hashLow: number;
  /** Which part of the cluster is wanted (role, shard, subset), a `Lens` of it; null for all of it. */
  lens: Picker | null;
  /**
   * Only replicas that have said to be at least this far in their primary's history: 0 for any, `Infinity` for none of
   * them, since only the primary itself will do. See `FreshReplicas`.
   */
  minPosition: number;
  /** Endpoints already tried. Avoiding them degrades and never vetoes: one of them is better than none. */
  readonly avoid: readonly Endpoint[];
  /** Out: why, when `pick` answers null. */
  refusal: FailureCode;
}

/** What a picker that hashes says of itself. */
export interface HashingFacts {
  /**
   * Of algorithm, members and weights: two sidecars with the same one send a key to the same endpoint. 16 hex digits.
   */
  readonly fingerprint: string;
  /** What is amiss with so many members, and what would be better; null when nothing is. */
  readonly advice: string | null;
}

/** The state of a balancer at one moment: a fixed set, replaced and never updated. Allocates nothing. */
export interface Picker {
  /** Only of pickers that hash. */
  readonly facts?: HashingFacts | undefined;
  /** An endpoint whose gate would admit now, or null. */
  pick(context: PickContext): Endpoint | null;
}

export interface Balancer {
  readonly name: string;
  /**
   * Builds a picker in slices, so that a large ring does not stall the loop; the old picker answers meanwhile. Only
   * endpoints that may get traffic are given.
   */
  build(endpoints: readonly Endpoint[]): Generator<void, Picker>;
}
