import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../../base/random.ts';
import { type Hash64, hashText } from '../../cluster/hash.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import { TokenBuckets } from '../../policy/token-buckets.ts';
import { makeKeyText } from '../hash-keys.ts';
import type { KeyText } from '../keys/text.ts';
import { PathPattern } from '../path-pattern.ts';
import { KeySlots } from './key-slots.ts';
import type { RateLimitOptions } from './options.ts';

/** What a limit has counted since it was first configured. */
export class RateCounts {
  /** Refused. */
  enforced = 0;
  /** Let through, where it only observes. */
  observed = 0;
  /** Buckets that were given to another key before they were full again: their keys may come in too often. */
  evicted = 0;
}

/** Whose a request is: by identity where callers have one, else by the address it comes from. */
const CALLER: KeyText = { read: (_head, peer) => peer.identity ?? peer.address };

/** The place of a request that a limit does not concern. */
export const UNCONCERNED = -1;

const SEED_BITS = 2 ** 31;

/**
 * One rate limit: which requests it concerns, and the bucket of each. Those without the key that it goes by have one
 * bucket together, since leaving a field out must not be a way around it.
 */
export class RateLimit {
  readonly counts: RateCounts;
  private readonly buckets: TokenBuckets;
  private readonly key: KeyText | null;
  private readonly path: PathPattern | null;
  private readonly slots: KeySlots;
  private readonly seeds: readonly [low: number, high: number];
  private readonly hash: Hash64 = { hashHigh: 0, hashLow: 0 };

  /** `before`: of the same name. Its buckets are kept as they are, as long as they are the buckets of the same keys. */
  constructor(
    readonly options: RateLimitOptions,
    random: Random,
    before: RateLimit | null,
  ) {
    const { by, maxKeys, path } = options;
    this.key = by === null ? null : by.kind === 'caller' ? CALLER : makeKeyText(by);
    this.path = path === null ? null : new PathPattern(path);
    this.counts = before?.counts ?? new RateCounts();
    const keeps = before !== null && isDeepStrictEqual([by, maxKeys], [before.options.by, before.options.maxKeys]);
    this.seeds = keeps ? before.seeds : [random.below(SEED_BITS), random.below(SEED_BITS)];
    this.slots = keeps ? before.slots : new KeySlots(by === null ? 1 : maxKeys);
    this.buckets = keeps ? before.buckets : new TokenBuckets(options, this.slots.capacity);
    this.buckets.reconfigure(options);
  }

  get keys(): number {
    return this.slots.size;
  }

  /** Where the bucket of a request is. */
  slotOf(head: RequestHead | null, peer: Peer, now: number): number {
    const { methods } = this.options;
    if (methods !== null && (head === null || !methods.includes(head.method))) return UNCONCERNED;
    if (this.path !== null && (head === null || !this.path.matches(head.path))) return UNCONCERNED;
    const { key, hash, seeds, slots, buckets } = this;
    if (key !== null) hashText(key.read(head, peer) ?? '', hash, seeds[0], seeds[1]);
    const slot = slots.find(hash);
    if (!slots.isNew) return slot;
    if (slots.isTaken && buckets.left(slot, now) < this.options.burst) this.counts.evicted += 1;
    buckets.grow(slots.capacity);
    buckets.fill(slot, now);
    return slot;
  }

  left(slot: number, now: number): number {
    return this.buckets.left(slot, now);
  }

  take(slot: number): void {
    this.buckets.take(slot);
  }

  waitMs(slot: number): number {
    return this.buckets.waitMs(slot);
  }

  fillMs(slot: number): number {
    return this.buckets.fillMs(slot);
  }
}
