/** One stretch of time, or one exchange, as far as it says how many at once are too many. Lent for the call. */
export interface LimitSample {
  /**
   * From the end of the request to the head of its answer, in microseconds, so that it is a whole number; 0: none came.
   */
  rttUs: number;
  /** In flight when it was admitted, itself included. */
  inFlight: number;
  /** It was refused for want of capacity, or timed out. */
  didDrop: boolean;
}

/**
 * How many may be in flight, learned from how those that are fare. A law is told of every exchange that is over, and
 * moves its limit when it has seen enough; where it stands is a whole number at any time. Nothing here allocates.
 */
export interface LimitLaw {
  /** A whole number within the bounds of its options. */
  readonly limit: number;
  /** What the last step multiplied the limit by: 1 as long as nothing queues. For operators. */
  readonly gradient: number;
  observe(sample: LimitSample, now: number): void;
}

/** Between which bounds a law moves, and where it begins. */
export interface LimitBounds {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}
