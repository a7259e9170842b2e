import { invariant } from '../base/invariant.ts';
import type { Evidence } from './evidence.ts';
import { type Gate, REFUSED, type Ticket } from './gate.ts';

const ADMITTED: Ticket = 1;

/**
 * At most so many exchanges in flight. It does not queue: under overload a refusal at once is worth more to the caller
 * than an answer after its patience has ended.
 */
export class ConcurrencyLimit implements Gate {
  readonly refusal = 'overloaded';
  private admitted = 0;
  private refused = 0;
  private total = 0;

  constructor(private max: number) {}

  get inFlight(): number {
    return this.admitted;
  }

  /** How many were admitted since the start. */
  get admissions(): number {
    return this.total;
  }

  /** How many were refused since the start. */
  get refusals(): number {
    return this.refused;
  }

  /** Those that are in flight stay so, also when there are more of them now than may be. */
  reconfigure(max: number): void {
    this.max = max;
  }

  canAdmit(_now: number): boolean {
    return this.admitted < this.max;
  }

  admit(now: number): Ticket {
    if (!this.canAdmit(now)) {
      this.refused += 1;
      return REFUSED;
    }
    this.admitted += 1;
    this.total += 1;
    return ADMITTED;
  }

  settle(ticket: Ticket, _evidence: Evidence, _now: number): void {
    if (ticket === REFUSED) return;
    invariant(this.admitted > 0, 'a concurrency limit is settled once per admission');
    this.admitted -= 1;
  }
}
