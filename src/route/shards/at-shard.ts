import type { FailureCode } from '../../base/failure.ts';
import type { Peer } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import type { Placed, Placement } from '../../proxy/placement.ts';
import type { Shards } from './shards.ts';

/** One shard, whatever the request, which counts as one of the shard's. Inside it as `inside` says. */
export class AtShard implements Placement {
  constructor(
    private readonly name: string,
    private readonly shards: Shards,
    private readonly inside: Placement,
  ) {}

  place(head: RequestHead | null, peer: Peer, placed: Placed): FailureCode | null {
    this.shards.count(this.name);
    placed.shard = this.name;
    placed.within = this.inside;
    return this.inside.place(head, peer, placed);
  }

  mark(placed: Placed, answer: ResponseHead, edits: Edits): void {
    this.inside.mark(placed, answer, edits);
  }
}
