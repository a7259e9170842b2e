import type { Criticality } from '../policy/criticality.ts';
import type { Parked } from './parking.ts';

/** Where exchanges wait for a place in their cluster's limits: bounded in number, each stay bounded in time. */
export interface Line {
  readonly size: number;
  /** Waits for a place; its timer fires when it has waited too long. False: there is no line, or it is full. */
  enter(parked: Parked, criticality: Criticality, bytes: number, now: number): boolean;
  /** More of its body came while it waits. */
  grow(parked: Parked, bytes: number, now: number): void;
  /** Its time is up, or it is gone. Harmless for who is not here. */
  leave(parked: Parked): void;
  /** A place became free: whoever is next is woken when this turn is over, never inside this call. */
  roomMade(): void;
}

/** Nobody waits. */
export const NO_LINE: Line = {
  size: 0,
  enter: () => false,
  grow: () => undefined,
  leave: () => undefined,
  roomMade: () => undefined,
};
