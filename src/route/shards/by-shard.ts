import type { FailureCode } from '../../base/failure.ts';
import { invariant } from '../../base/invariant.ts';
import type { Peer } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import { isSafe } from '../../policy/classify.ts';
import type { Placed, Placement } from '../../proxy/placement.ts';
import type { AtShard } from './at-shard.ts';
import { type Sharding, type Shards, WaitingPlace } from './shards.ts';

/**
 * Each request to the shard that has its key, and inside the shard to where the placement of that shard says: by a
 * hash, or to a role.
 *
 * A request is placed once, by the map in force when it came, and its later attempts stay there; only writes of a range
 * that is held are placed when they stop waiting. Nothing is ever sent to a shard because another has no endpoint.
 */
export class ByShard implements Placement {
  constructor(
    private readonly sharding: Sharding,
    private readonly shards: Shards,
    /** By the name of the shard. */
    private readonly inside: ReadonlyMap<string, AtShard>,
    /** In the whole cluster, for what has no key where that is allowed. */
    private readonly anywhere: Placement,
  ) {}

  place(head: RequestHead | null, peer: Peer, placed: Placed): FailureCode | null {
    const { key: text, map } = this.sharding;
    const key = head === null ? null : text.read(head, peer);
    if (key === null || head === null) return this.placeWithoutKey(head, peer, placed);
    const range = map.find(key);
    if (range === null) return 'shard_unknown';
    if (range.move !== null && range.move.state === 'hold' && !isSafe(head.method)) {
      placed.shard = range.shard;
      this.hold(head, peer, placed);
      return null;
    }
    const misplaced = this.at(range.shard).place(head, peer, placed);
    if (placed.hold !== null) placed.lens = new WaitingPlace(this.shards, this, placed.lens, head, peer, placed);
    return misplaced;
  }

  mark(placed: Placed, answer: ResponseHead, edits: Edits): void {
    if (placed.within !== null) placed.within.mark(placed, answer, edits);
  }

  /** The placement of what goes to a shard, whatever it is. */
  at(shard: string): Placement {
    const placement = this.inside.get(shard);
    invariant(placement !== undefined, `no placement in shard ${shard}`);
    return placement;
  }

  private placeWithoutKey(head: RequestHead | null, peer: Peer, placed: Placed): FailureCode | null {
    this.shards.missingKeys += 1;
    // What may go to every shard does not come here: it is spread before it is placed.
    if (this.sharding.options.absent !== 'any') return 'shard_key_missing';
    placed.within = this.anywhere;
    return this.anywhere.place(head, peer, placed);
  }

  private hold(head: RequestHead, peer: Peer, placed: Placed): void {
    if (placed.heldUntil === 0) {
      this.shards.held += 1;
      placed.heldUntil = placed.now + this.sharding.options.holdMs;
    }
    placed.lens = new WaitingPlace(this.shards, this, null, head, peer, placed);
  }
}
