import type { KeySource } from '../keys/options.ts';

/**
 * What happens with a key that moves from one shard to another. Until the shard itself is another, the old one is the
 * owner whatever stands here; `hold` keeps its writes waiting meanwhile, the other two tell the new one.
 */
export type MoveState = 'hold' | 'dual_read' | 'dual_write';

export interface Move {
  readonly to: string;
  readonly state: MoveState;
}

interface Owned {
  readonly shard: string;
  readonly move: Move | null;
}

/** Both ends belong to it. */
export interface SlotRange extends Owned {
  readonly first: number;
  readonly last: number;
}

/** `from` belongs to it and `to` does not; null is an open end. */
export interface KeyRange extends Owned {
  readonly from: string | null;
  readonly to: string | null;
}

export interface ListRange extends Owned {
  readonly keys: readonly string[];
}

/** The 64-bit hash of a key, modulo the number of slots: a key never changes its slot, slots change their shard. */
export interface SlotMapOptions {
  readonly kind: 'slots';
  readonly slots: number;
  readonly ranges: readonly SlotRange[];
}

/** Keys in their order, byte by byte or as whole numbers. Bounds of numbers are their digits. */
export interface RangeMapOptions {
  readonly kind: 'ranges';
  readonly keys: 'text' | 'integer';
  readonly ranges: readonly KeyRange[];
}

/** Keys one by one; `otherwise` is the shard of all others, null for none. */
export interface ListMapOptions {
  readonly kind: 'list';
  readonly ranges: readonly ListRange[];
  readonly otherwise: string | null;
}

/**
 * Keys on a ring of the shards' names: nobody says which key is where, and a new shard takes its share from all others.
 */
export interface ConsistentMapOptions {
  readonly kind: 'consistent';
}

export type ShardMapOptions = (SlotMapOptions | RangeMapOptions | ListMapOptions | ConsistentMapOptions) & {
  /** Names that may be used; null: those that are. Never null of a consistent map. */
  readonly names: readonly string[] | null;
};

/** How the shard of an endpoint is known: a tag made of the shard's name, or a key of its metadata. */
export type ShardBy =
  | { readonly kind: 'tag'; readonly pattern: string }
  | { readonly kind: 'meta'; readonly key: string };

/** For a request without a key. `first` and `all`: asked of every shard, where its method is safe. */
export type AbsentKey = 'reject' | 'any' | 'first' | 'all';

export interface ShardsOptions {
  /** Of the map, for operators: which one a sidecar has. */
  readonly version: number;
  /** The key is that of the first of them which a request has. A cookie is never made. */
  readonly key: readonly KeySource[];
  readonly absent: AbsentKey;
  readonly by: ShardBy;
  /** How long a write of a held range waits for its new owner. */
  readonly holdMs: number;
  readonly map: ShardMapOptions;
}

/** As many pickers, and as many values of a metric's label. */
export const MAX_SHARDS = 256;

/** Redis Cluster's number: enough for a thousand shards, and a map that a person can read. */
export const DEFAULT_SLOTS = 16_384;
export const MAX_SLOTS = 65_536;

/** What stands in a tag's pattern for the name of the shard. */
export const SHARD_MARK = '{shard}';

/** Every shard a map speaks of, in the order it does so. */
export function shardsOf(map: ShardMapOptions): readonly string[] {
  if (map.kind === 'consistent') return map.names ?? [];
  const named = map.ranges.flatMap(({ shard, move }) => (move === null ? [shard] : [shard, move.to]));
  const otherwise = map.kind === 'list' && map.otherwise !== null ? [map.otherwise] : [];
  return [...new Set([...(map.names ?? []), ...named, ...otherwise])];
}
