import type { Problem } from './problems.ts';

/** One layer as operators see it. */
export interface LayerState {
  readonly name: string;
  /** Of the document in force; null when none ever was. */
  readonly revision: string | null;
  /** Since its source last vouched for it; null before the first time. */
  readonly ageMs: number | null;
  /** Why the newest document is not in force; empty when it is. */
  readonly problems: readonly Problem[];
  /** Why its source cannot be asked whether there is a newer one; null when it can. */
  readonly unreachable: string | null;
}
