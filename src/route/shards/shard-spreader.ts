import { type Hash64, hashText } from '../../cluster/hash.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import { isSafe } from '../../policy/classify.ts';
import type { Ledger } from '../../proxy/places/ledger.ts';
import type { Broadcast, Move, Plan, Spread, Spreader } from '../../proxy/plan.ts';
import type { ShardRange } from './shard-range.ts';
import type { Sharding, Shards } from './shards.ts';

/** A range whose requests go to its new owner too: all of a `Move` but the key. */
type Pair = Omit<Move, 'keyHash'>;

const hash: Hash64 = { hashHigh: 0, hashLow: 0 };

/**
 * Which requests more than one shard gets: reads without a key where they are asked of all, and those of a range that
 * moves by `dual_read` or `dual_write`. A dual read is only made of what is safe by its method: of a gRPC call nobody
 * knows.
 *
 * What goes to two shards goes to those two, whatever becomes of the map while it waits: placed anew in the new owner,
 * it would be done there twice.
 */
export class ShardSpreader implements Spreader {
  private readonly broadcast: Broadcast | null;
  private readonly pairs: ReadonlyMap<ShardRange, Pair>;

  constructor(
    private readonly sharding: Sharding,
    private readonly shards: Shards,
    /** The plan of what goes to one shard, whatever the request. */
    planAt: (shard: string) => Plan,
  ) {
    const { options, map } = sharding;
    const [main, ...others] = [...new Set(map.ranges.map(({ shard }) => shard))].map(planAt);
    const { absent } = options;
    this.broadcast =
      (absent === 'first' || absent === 'all') && main !== undefined ? { kind: absent, main, others } : null;
    this.pairs = new Map(map.ranges.flatMap((range) => pairOf(range, shards, planAt)));
  }

  /** Is there anything that it would spread? */
  get isNeeded(): boolean {
    return this.broadcast !== null || this.pairs.size > 0;
  }

  get ledgers(): Iterable<Ledger> {
    return [...this.pairs.values()].map(({ watch }) => watch);
  }

  spread(head: RequestHead, peer: Peer): Spread | null {
    const { key: text, map } = this.sharding;
    if (head.upgrade !== null) return null;
    const key = text.read(head, peer);
    if (key === null) return this.spreadToAll(head);
    const range = map.find(key);
    const pair = range === null ? undefined : this.pairs.get(range);
    if (pair === undefined || (pair.kind === 'dual_read') !== isSafe(head.method)) return null;
    hashText(key, hash);
    return { ...pair, keyHash: hash.hashLow };
  }

  private spreadToAll(head: RequestHead): Spread | null {
    if (this.broadcast === null || !isSafe(head.method) || head.body !== 'none') return null;
    this.shards.missingKeys += 1;
    return this.broadcast;
  }
}

function pairOf(
  range: ShardRange,
  shards: Shards,
  planAt: (shard: string) => Plan,
): readonly (readonly [ShardRange, Pair])[] {
  const { shard, move } = range;
  if (move === null || move.state === 'hold') return [];
  const [main, others] = [planAt(shard), [planAt(move.to)] as const];
  return [[range, { kind: move.state, main, others, watch: shards.ledgerOf(range) }]];
}
