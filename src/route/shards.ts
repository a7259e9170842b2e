import type { Endpoint } from '../cluster/endpoint.ts';
import type { PickContext, Picker } from '../cluster/picker.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import type { Placed, Placement } from '../proxy/placement.ts';
import type { Plan } from '../proxy/plan.ts';
import { type ShardsOptions, shardsOf } from './shard-options.ts';
import type { ShardMap } from './shard-range.ts';

/** A shard map in force. */
export interface Sharding {
  readonly options: ShardsOptions;
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

  /** Its plan from now on. Counters of shards that are no more go with them. */
  replace(plan: Plan, sharding: Sharding | null): void {
    this.plan = plan;
    this.sharding = sharding;
    const names = new Set(sharding === null ? [] : shardsOf(sharding.options.map));
    for (const name of this.counts.keys()) if (!names.has(name)) this.counts.delete(name);
  }

  get newest(): Plan | null {
    return this.plan;
  }

  count(shard: string): void {
    this.counts.set(shard, (this.counts.get(shard) ?? 0) + 1);
  }

  /** Requests that were sent there since the start. */
  countOf(shard: string): number {
    return this.counts.get(shard) ?? 0;
  }
}

/**
 * The place of a write whose key moves: nowhere, until there is another plan. Then it is placed again, by that plan alone,
 * so that nothing goes to the old owner after the change.
 */
export class HeldWrite implements Picker {
  constructor(
    private readonly shards: Shards,
    private readonly by: Placement,
    private readonly head: RequestHead,
    private readonly peer: Peer,
    private readonly placed: Placed,
  ) {}

  pick(context: PickContext): Endpoint | null {
    const { shards, placed } = this;
    const plan = shards.newest;
    if (plan === null || plan.placement === this.by) {
      context.refusal = 'shard_held';
      return null;
    }
    const { heldUntil } = placed;
    placed.reset();
    // Held again: the time is counted from the first.
    placed.heldUntil = heldUntil;
    const misplaced = plan.placement.place(this.head, this.peer, placed);
    if (!(placed.lens instanceof HeldWrite)) placed.heldUntil = 0;
    if (misplaced !== null) {
      context.refusal = misplaced;
      return null;
    }
    return plan.cluster.pick(placed);
  }
}
