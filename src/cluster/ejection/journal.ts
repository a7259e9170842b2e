import type { Figures } from '../../policy/outlier/judgements.ts';
import type { Detector } from '../../policy/outlier/options.ts';

/** Older ones are in the log, if anywhere. */
const MAX_EVENTS = 100;

/**
 * `ejected`: it is out. `observed`: it would be, but its detector only observes. `capped`: it would be, but as many as
 * may be are out, or nobody would be left.
 */
export type Verdict = 'ejected' | 'observed' | 'capped';

/**
 * Why it is back. `time`: its time was up. `needed`: the circuits of all others are open. `surplus`: fewer may be out,
 * for there are fewer. `options`: what it was out for is no reason any more.
 */
export type ReturnReason = 'time' | 'needed' | 'surplus' | 'options';

export type EjectionEvent = {
  /** Monotonic ms. */
  readonly at: number;
  readonly endpoint: string;
  readonly detector: Detector;
} & (
  | { readonly kind: Verdict; readonly figures: Figures; readonly forMs: number; readonly count: number }
  | { readonly kind: 'returned'; readonly why: ReturnReason; readonly afterMs: number }
);

export interface EjectionListener {
  onEjectionEvent(event: EjectionEvent): void;
}

export const NOBODY_LISTENS: EjectionListener = { onEjectionEvent: () => undefined };

/** The last of what happened, and how often each has. */
export class EjectionJournal {
  private readonly last: EjectionEvent[] = [];
  private readonly counts = new Map<Detector, Record<Verdict, number>>();

  constructor(private readonly listener: EjectionListener) {}

  /** Oldest first. */
  get events(): readonly EjectionEvent[] {
    return this.last;
  }

  count(detector: Detector, verdict: Verdict): void {
    let of = this.counts.get(detector);
    if (of === undefined) this.counts.set(detector, (of = { ejected: 0, observed: 0, capped: 0 }));
    of[verdict] += 1;
  }

  countOf(detector: Detector, verdict: Verdict): number {
    return this.counts.get(detector)?.[verdict] ?? 0;
  }

  write(event: EjectionEvent): void {
    this.last.push(event);
    if (this.last.length > MAX_EVENTS) this.last.shift();
    this.listener.onEjectionEvent(event);
  }
}
