/** Why an endpoint is left out: what found it, in which numbers, for how long still. */
export interface EjectionView {
  readonly detector: string;
  readonly figures: Readonly<Record<string, number>>;
  /** Until it is let in again. */
  readonly leftMs: number;
  /** Ejections in a row, this one included. */
  readonly count: number;
}

/** Something that happened to an endpoint, of the last hundred of its cluster. */
export interface EjectionEventView {
  readonly agoMs: number;
  readonly endpoint: string;
  /** `ejected`; `observed` or `capped`, when it would have been; `returned`. */
  readonly kind: string;
  readonly detector: string;
  /** Empty of a return. */
  readonly figures: Readonly<Record<string, number>>;
  /** For how long it was to be out; of a return, for how long it was. */
  readonly forMs: number;
  /** Why it returned; null of anything else. */
  readonly why: string | null;
}

/** For people: `latency (medianMs 412, peersMs 11), back in 23.1s`. */
export function ejectionWords({ detector, figures, count }: EjectionView, left: string): string {
  const told = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  const times = count > 1 ? `, ${count} times in a row` : '';
  return `${detector} (${told.join(', ')})${times}, back in ${left}`;
}

/** As it comes from the wire: what is not said is undefined. */
export interface EjectionEventMessage extends Omit<EjectionEventView, 'why'> {
  readonly why?: string;
}

export function decodeEjectionEvent({ why, ...event }: EjectionEventMessage): EjectionEventView {
  return { ...event, why: why ?? null };
}
