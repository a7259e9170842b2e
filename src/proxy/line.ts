import type { FailureCode } from '../base/failure.ts';
import type { Criticality } from '../policy/criticality.ts';
import type { LinePlace } from './line-place.ts';

/** Where exchanges wait for a place in their cluster's limits: bounded in number, each stay bounded in time. */
export interface Line {
  readonly size: number;
  /** Is somebody here whose turn is before that of one who comes now? */
  isBefore(criticality: Criticality, now: number): boolean;
  /** Waits for a place; its timer fires when it has waited too long. False: there is no line, or it is full. */
  enter(place: LinePlace, criticality: Criticality, bytes: number, now: number): boolean;
  /** More of its body came while it waits. */
  grow(place: LinePlace, bytes: number, now: number): void;
  /** Its timer has fired: why it is refused. */
  end(place: LinePlace, now: number): FailureCode;
  /** It is gone. Harmless for who is not here. */
  leave(place: LinePlace): void;
  /** A place became free: whoever is next is woken when this turn is over, never inside this call. */
  roomMade(): void;
}
