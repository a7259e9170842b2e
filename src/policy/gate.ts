import type { FailureCode } from '../base/failure.ts';
import type { Criticality } from './criticality.ts';
import type { Evidence } from './evidence.ts';

/** Proof of an admission, to be settled once. Carries the era that issued it; 0 is a refusal. */
export type Ticket = number;
export const REFUSED: Ticket = 0;

/**
 * A policy that admits attempts or refuses them. Whoever was admitted settles its ticket exactly once, on every way
 * out. Nothing here waits, throws or reads a clock.
 */
export interface Gate {
  /** The failure of an exchange that this gate refused last. */
  readonly refusal: FailureCode;
  /** Would `admit` succeed now? Changes nothing. */
  canAdmit(now: number, criticality?: Criticality): boolean;
  /** Only gates before a whole cluster look at criticality; without it a request is like most others. */
  admit(now: number, criticality?: Criticality): Ticket;
  settle(ticket: Ticket, evidence: Evidence, now: number): void;
}

/** Admits everything and learns nothing. */
export const OPEN_GATE: Gate = {
  refusal: 'overloaded',
  canAdmit: () => true,
  admit: () => 1,
  settle: () => undefined,
};
