/**
 * How much it matters that a request is answered, when not all can be. The most important is 0: what a user waits for
 * and nothing can stand in for. The four levels are those of Google's RPC systems (Site Reliability Engineering,
 * chapter 21).
 */
export type Criticality = 0 | 1 | 2 | 3;

export const CRITICALITY_NAMES = ['critical_plus', 'critical', 'sheddable_plus', 'sheddable'] as const;
export type CriticalityName = (typeof CRITICALITY_NAMES)[number];

/** What a request is that does not say: all others are measured against it. */
export const DEFAULT_CRITICALITY: Criticality = 1;

/** The level of that name, or null. Case does not matter. */
export function criticalityOf(name: string): Criticality | null {
  const index = CRITICALITY_NAMES.indexOf(name as CriticalityName);
  if (index >= 0) return index as Criticality;
  // Nearly all write it as it is, for whom no string is made.
  const found = CRITICALITY_NAMES.indexOf(name.trim().toLowerCase() as CriticalityName);
  return found < 0 ? null : (found as Criticality);
}
