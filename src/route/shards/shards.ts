import type { Endpoint } from '../../cluster/endpoint.ts';
import type { PickContext, Picker } from '../../cluster/picker.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Placed, Placement } from '../../proxy/placement.ts';
import { Ledger, type LostWrite } from '../../proxy/places/ledger.ts';
import type { Plan } from '../../proxy/plan.ts';
import type { KeyText } from '../keys/text.ts';
import { type ShardsOptions, shardsOf } from './shard-options.ts';
import type { ShardMap, ShardRange } from './shard-range.ts';

/** A shard map in force. */
export interface Sharding {
  readonly options: ShardsOptions;
  /** Nothing is trusted in what it reads: it is looked up, and names no address. */
  readonly key: KeyText;
  readonly map: ShardMap;
}

/**
 * What one upstream knows of its shards beyond one configuration: its newest plan, for the writes that wait for it, and
 * its counters.
 */
export class Shards {
  /** Null where the configuration has no shards (any more). */
  sharding: Sharding | null = null;
  missingKeys = 0;
  held = 0;
  private plan: Plan | null = null;
  private readonly counts = new Map<string, number>();
  /** Of ranges that move by being asked or written twice. */
  private readonly ledgers = new Map<string, Ledger>();

  constructor(
    /** The first write of a range that the new owner may lack. */
    private readonly onDiverged: (range: ShardRange, loss: LostWrite) => void = () => undefined,
  ) {}

  /** Its plan from now on. What was counted of shards and moves that are no more goes with them. */
  replace(plan: Plan, sharding: Sharding | null): void {
    this.plan = plan;
    this.sharding = sharding;
    const names = new Set(sharding === null ? [] : shardsOf(sharding.options.map));
    for (const name of this.counts.keys()) if (!names.has(name)) this.counts.delete(name);
    const moves = new Set(sharding === null ? [] : sharding.map.ranges.map(moveOf));
    for (const move of this.ledgers.keys()) if (!moves.has(move)) this.ledgers.delete(move);
  }

  get newest(): Plan | null {
    return this.plan;
  }

  count(shard: string): void {
    this.counts.set(shard, (this.counts.get(shard) ?? 0) + 1);
  }

  /** The books of a range that moves, for as long as it is the same range, on the same way. */
  ledgerOf(range: ShardRange): Ledger {
    const move = moveOf(range);
    const ledger = this.ledgers.get(move) ?? new Ledger(range.text, (loss) => this.onDiverged(range, loss));
    this.ledgers.set(move, ledger);
    return ledger;
  }

  /** Requests that were sent there since the start. */
  countOf(shard: string): number {
    return this.counts.get(shard) ?? 0;
  }
}

function moveOf({ text, shard, move }: ShardRange): string {
  return JSON.stringify([text, shard, move]);
}

/**
 * The place of a request that may have to wait for it: for the new owner of its key, or for a primary of its shard. As
 * long as nobody has had it, another plan places it again, so that what waited through a cut-over does not go to the
 * old owner.
 */
export class WaitingPlace implements Picker {
  constructor(
    private readonly shards: Shards,
    private readonly by: Placement,
    /** Where it may go; null: nowhere under this plan. */
    private readonly lens: Picker | null,
    private readonly head: RequestHead,
    private readonly peer: Peer,
    private readonly placed: Placed,
  ) {}

  pick(context: PickContext): Endpoint | null {
    const plan = this.shards.newest;
    if (plan !== null && plan.placement !== this.by && context.avoid.length === 0) return this.pickAgain(plan);
    if (this.lens !== null) return this.lens.pick(context);
    context.refusal = 'shard_held';
    return null;
  }

  private pickAgain(plan: Plan): Endpoint | null {
    const { placed } = this;
    const { heldUntil } = placed;
    placed.reset();
    // Held again: the time is counted from the first.
    placed.heldUntil = heldUntil;
    const misplaced = plan.placement.place(this.head, this.peer, placed);
    if (!(placed.lens instanceof WaitingPlace && placed.lens.lens === null)) placed.heldUntil = 0;
    if (misplaced === null) return plan.cluster.pick(placed);
    placed.refusal = misplaced;
    return null;
  }
}
