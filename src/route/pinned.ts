import type { FailureCode } from '../base/failure.ts';
import type { Picker } from '../cluster/picker.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { Placed, Placement } from '../proxy/placement.ts';

/** One part of a cluster, whatever the request says; within it, where `inner` puts it. */
export class Pinned implements Placement {
  constructor(
    private readonly lens: Picker,
    private readonly inner: Placement,
  ) {}

  place(head: RequestHead | null, peer: Peer, placed: Placed): FailureCode | null {
    const refusal = this.inner.place(head, peer, placed);
    placed.lens = this.lens;
    return refusal;
  }

  mark(placed: Placed, answer: ResponseHead, edits: Edits): void {
    this.inner.mark(placed, answer, edits);
  }
}
