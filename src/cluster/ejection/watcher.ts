import type { BreakerState } from '../../policy/breaker.ts';
import type { Evidence } from '../../policy/evidence.ts';
import type { Figures } from '../../policy/outlier/judgements.ts';
import type { Detector } from '../../policy/outlier/options.ts';

/** Why an endpoint is out, and until when. */
export interface Ejection {
  readonly detector: Detector;
  readonly figures: Figures;
  /** Monotonic ms. */
  readonly at: number;
  readonly until: number;
  /** How many there have been in a row, this one included. */
  readonly count: number;
}

/** Who looks at an endpoint beside its breaker, and compares it with others. */
export interface Watcher {
  /** Null: it is not out. */
  readonly ejection: Ejection | null;
  /** An attempt has ended; its breaker has been told already. */
  onSettled(evidence: Evidence, now: number): void;
  onBreakerChange(from: BreakerState, to: BreakerState, now: number): void;
}

export const UNWATCHED: Watcher = { ejection: null, onSettled: () => undefined, onBreakerChange: () => undefined };
