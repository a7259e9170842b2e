import type { Move, ShardBy, ShardMapOptions, ShardsOptions } from '../route/shards/shard-options.ts';
import { encodeSource, sourceOf } from './hash.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

export type WrittenShards = NonNullable<Written['upstreams'][string]['shards']>;
type WrittenMap = WrittenShards['map'];

/** From the words of the file to those of the program, and back. */
export function buildShards(written: WrittenShards | null): ShardsOptions | null {
  if (written === null) return null;
  const { version, key, absent, by, hold, map } = written;
  return {
    version,
    key: key.map((source) => sourceOf(source, null)),
    absent,
    by: byOf(by),
    holdMs: hold,
    map: mapOf(map),
  };
}

function byOf({ meta, tag }: WrittenShards['by']): ShardBy {
  return tag === null ? { kind: 'meta', key: meta ?? '' } : { kind: 'tag', pattern: tag };
}

/** What a kind does not know is left out, which `shardRules` has refused. */
export function mapOf({ kind, slots, keys, ranges, otherwise, shards: names }: WrittenMap): ShardMapOptions {
  switch (kind) {
    case 'slots':
      return { kind, names, slots, ranges: ranges.map((range) => ({ ...slotsOf(range.slots), ...ownerOf(range) })) };
    case 'ranges':
      return {
        kind,
        names,
        keys,
        ranges: ranges.map((range) => ({ from: range.from, to: range.to, ...ownerOf(range) })),
      };
    case 'list':
      return { kind, names, otherwise, ranges: ranges.map((range) => ({ keys: range.keys ?? [], ...ownerOf(range) })) };
    case 'consistent':
      return { kind, names };
  }
}

function slotsOf(written: string | null): { readonly first: number; readonly last: number } {
  const [first = '', last = first] = (written ?? '').split('-');
  return { first: Number(first), last: Number(last) };
}

function ownerOf({ shard, move }: { readonly shard: string; readonly move: Move | null }) {
  return { shard, move };
}

export function encodeShards(shards: ShardsOptions | null): unknown {
  if (shards === null) return null;
  const { version, key, absent, by, holdMs, map } = shards;
  return {
    version,
    key: key.map(encodeSource),
    absent,
    by: by.kind === 'meta' ? { meta: by.key } : { tag: by.pattern },
    hold: formatDuration(holdMs),
    map: encodeMap(map),
  };
}

function encodeMap({ names: shards, ...map }: ShardMapOptions): unknown {
  if (map.kind !== 'slots') return { ...map, shards };
  const ranges = map.ranges.map(({ first, last, ...owner }) => ({ slots: `${first}-${last}`, ...owner }));
  return { ...map, ranges, shards };
}
