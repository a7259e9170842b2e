import type { FailureCode } from '../base/failure.ts';
import { CHECK_FIELD, SERVICE_FIELD } from '../cluster/checks/prober.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { Placed, Placement } from '../proxy/placement.ts';

/** Says in the answer to a health check whose application has answered. Else it places as the one inside. */
export class Identified implements Placement {
  constructor(
    private readonly inner: Placement,
    private readonly service: string,
  ) {}

  place(head: RequestHead | null, peer: Peer, placed: Placed): FailureCode | null {
    if (head !== null && head.get(CHECK_FIELD) !== null) placed.isMarked = true;
    return this.inner.place(head, peer, placed);
  }

  mark(placed: Placed, answer: ResponseHead, edits: Edits): void {
    edits.set(SERVICE_FIELD, this.service);
    this.inner.mark(placed, answer, edits);
  }
}
