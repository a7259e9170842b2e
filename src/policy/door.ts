import type { FailureCode } from '../base/failure.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead } from '../http/head.ts';
import { type Criticality, DEFAULT_CRITICALITY } from './criticality.ts';
import type { Evidence } from './evidence.ts';
import { REFUSED, type Ticket } from './gate.ts';

/**
 * What one request is to the doors it comes to, and what they found. One object per exchange, reset for each request.
 */
export class Visit {
  criticality: Criticality = DEFAULT_CRITICALITY;
  /** The request came with a word on it. */
  isCriticalitySaid = false;
  /** When who was turned away may come again; -1 when nobody knows. */
  retryAfterMs = -1;
  /** The answer has to tell the client how it stands with its limits: `mark` is asked. */
  isMarked = false;
  /** Of the door that hears how it ended. */
  ticket: Ticket = REFUSED;
  /**
   * The rate limit that refused it, or else the nearest of those that are told, by its place in their list; -1: none.
   */
  limit = -1;
  /** How many more that limit would let in, and in how many ms it has more. */
  limitLeft = 0;
  limitResetMs = 0;

  reset(): void {
    this.criticality = DEFAULT_CRITICALITY;
    this.isCriticalitySaid = false;
    this.retryAfterMs = -1;
    this.isMarked = false;
    this.ticket = REFUSED;
    this.limit = -1;
  }
}

/**
 * What a request passes before it costs anything: rate limits, this sidecar's own overload, the share of requests that
 * is held back from a cluster that fails. A door answers at once, and never lets wait: places are the business of
 * `Plan.admission`.
 */
export interface Door {
  /** Null: come in. Else why not. `head` is null of an opaque connection. */
  enter(head: RequestHead | null, peer: Peer, visit: Visit, now: number): FailureCode | null;
  /** Once for each that came in, however it ended: what its last attempt showed, or `NO_EVIDENCE`. */
  leave(visit: Visit, evidence: Evidence, now: number): void;
  /** Adds to an answer what its client should know. Only where `visit.isMarked`. */
  mark(visit: Visit, edits: Edits): void;
}

export const OPEN_DOOR: Door = { enter: () => null, leave: () => undefined, mark: () => undefined };
