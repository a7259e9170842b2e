import type { FailureCode } from '../base/failure.ts';
import { invariant } from '../base/invariant.ts';
import type { AdaptiveLimit } from './adaptive-limit.ts';
import type { Criticality } from './criticality.ts';
import type { Evidence } from './evidence.ts';
import { type Gate, REFUSED, type Ticket } from './gate.ts';

/**
 * The one gate before a cluster: at most `maxRequests` exchanges in flight, and no more than the endpoints are found to
 * bear (see `AdaptiveLimit`). One ticket for both, which is how many were in flight with it: what a latency says of a
 * limit depends on how many there were when it began.
 *
 * It does not queue: who is refused may have a place in the cluster's line.
 */
export class Admission implements Gate {
  refusal: FailureCode = 'overloaded';
  private admitted = 0;
  private refused = 0;
  private total = 0;

  constructor(
    private max: number,
    readonly adaptive: AdaptiveLimit,
  ) {}

  get inFlight(): number {
    return this.admitted;
  }

  get maxRequests(): number {
    return this.max;
  }

  /** How many were admitted since the start. */
  get admissions(): number {
    return this.total;
  }

  /** How many asked in vain since the start; those who wait ask again. */
  get refusals(): number {
    return this.refused;
  }

  /** Those that are in flight stay so, also when there are more of them now than may be. */
  reconfigure(max: number): void {
    this.max = max;
  }

  canAdmit(_now: number, criticality?: Criticality): boolean {
    return this.admitted < this.max && this.adaptive.hasRoom(this.admitted, criticality);
  }

  admit(_now: number, criticality?: Criticality): Ticket {
    if (this.admitted >= this.max) return this.refuse('overloaded');
    if (!this.adaptive.admits(this.admitted, criticality)) return this.refuse('concurrency_limited');
    this.admitted += 1;
    this.total += 1;
    return this.admitted;
  }

  settle(ticket: Ticket, evidence: Evidence, now: number): void {
    if (ticket === REFUSED) return;
    invariant(this.admitted > 0, 'an admission is settled once');
    this.admitted -= 1;
    this.adaptive.learn(ticket, evidence, now);
  }

  private refuse(why: FailureCode): Ticket {
    this.refusal = why;
    this.refused += 1;
    return REFUSED;
  }
}
