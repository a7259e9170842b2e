import type { FailureCode } from '../base/failure.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import { Visit } from '../policy/door.ts';
import type { Evidence } from '../policy/evidence.ts';
import { NO_EVIDENCE } from '../policy/evidence.ts';
import { REFUSED, type Ticket } from '../policy/gate.ts';
import type { Plan } from './plan.ts';

/**
 * By what one exchange was let in: the door of its plan, passed once, and a place within the limits of its cluster,
 * which is given back whenever the exchange waits for something else. Both books close in `leave`.
 */
export class Admitted {
  readonly visit = new Visit();
  private hasEntered = false;
  private ticket: Ticket = REFUSED;

  /** Under another plan, or of another request: by nothing yet. */
  reset(): void {
    this.visit.reset();
    this.hasEntered = false;
  }

  /** Null: come in. Else why not. */
  enter(head: RequestHead, peer: Peer, { criticality, door }: Plan, now: number): FailureCode | null {
    criticality.read(head, this.visit);
    const refusal = door.enter(head, peer, this.visit, now);
    this.hasEntered = refusal === null;
    return refusal;
  }

  /** True: it has its place. Nobody passes those who stand in line for one. */
  takeRoom({ admission, line }: Plan, now: number): boolean {
    const { criticality } = this.visit;
    if (this.ticket === REFUSED && !line.isBefore(criticality, now)) this.ticket = admission.admit(now, criticality);
    return this.ticket !== REFUSED;
  }

  /** Whoever waits is not in flight; others may be in its place. */
  giveRoomBack({ admission, line }: Plan, evidence: Evidence, now: number): void {
    if (this.ticket === REFUSED) return;
    admission.settle(this.ticket, evidence, now);
    this.ticket = REFUSED;
    line.roomMade();
  }

  /** The same of one who is about to wait for what those in line need, too: it makes no room for them. */
  giveUpRoom({ admission }: Plan, now: number): void {
    admission.settle(this.ticket, NO_EVIDENCE, now);
    this.ticket = REFUSED;
  }

  leave(plan: Plan, evidence: Evidence, now: number): void {
    this.giveRoomBack(plan, evidence, now);
    if (this.hasEntered) plan.door.leave(this.visit, evidence, now);
  }
}
