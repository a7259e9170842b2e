import { bytesOf, isInteger, rangeText, slotText } from './shard-map.ts';
import {
  type KeyRange,
  type ListMapOptions,
  MAX_SHARDS,
  type RangeMapOptions,
  type ShardMapOptions,
  type SlotMapOptions,
  shardsOf,
} from './shard-options.ts';

/** One thing wrong with a map: where in it, what is there, and what would be right. */
export interface ShardMapFlaw {
  readonly at: readonly (string | number)[];
  readonly found: string;
  readonly expected: string;
}

const ONCE = 'each key in one range';

/**
 * What makes a map none: a key without a shard or with two. Judged before a map is used, since a request would be lost,
 * or written where nobody looks for it. Each flaw names the range it is about.
 */
export function shardMapFlaws(map: ShardMapOptions): readonly ShardMapFlaw[] {
  return [...unknownShards(map), ...tooManyShards(map), ...uselessMoves(map), ...coverage(map)];
}

function coverage(map: ShardMapOptions): readonly ShardMapFlaw[] {
  switch (map.kind) {
    case 'slots':
      return slotFlaws(map);
    case 'ranges':
      return rangeFlaws(map);
    case 'list':
      return listFlaws(map);
    case 'consistent':
      return nameFlaws(map.names);
  }
}

function unknownShards(map: ShardMapOptions): readonly ShardMapFlaw[] {
  if (map.names === null || map.kind === 'consistent') return [];
  const known = new Set(map.names);
  const expected = `one of the shards ${[...known].slice(0, 10).join(', ')}`;
  const flaws: ShardMapFlaw[] = [];
  const check = (name: string, at: readonly (string | number)[]): void => {
    if (!known.has(name)) flaws.push({ at, found: `the unknown shard ${name}`, expected });
  };
  for (const [i, { shard, move }] of map.ranges.entries()) {
    check(shard, ['ranges', i, 'shard']);
    if (move !== null) check(move.to, ['ranges', i, 'move', 'to']);
  }
  if (map.kind === 'list' && map.otherwise !== null) check(map.otherwise, ['otherwise']);
  return flaws;
}

function tooManyShards(map: ShardMapOptions): readonly ShardMapFlaw[] {
  const { length } = shardsOf(map);
  if (length <= MAX_SHARDS) return [];
  return [{ at: [], found: `${length} shards`, expected: `at most ${MAX_SHARDS}` }];
}

function uselessMoves(map: ShardMapOptions): readonly ShardMapFlaw[] {
  if (map.kind === 'consistent') return [];
  return map.ranges.flatMap(({ shard, move }, i) => {
    if (move === null || move.to !== shard) return [];
    const found = `a move from ${shard} to itself`;
    return [{ at: ['ranges', i, 'move', 'to'], found, expected: 'another shard, or no move' }];
  });
}

function slotFlaws({ slots, ranges }: SlotMapOptions): readonly ShardMapFlaw[] {
  const flaws: ShardMapFlaw[] = [];
  for (const [i, { first, last }] of ranges.entries()) {
    const at = ['ranges', i, 'slots'];
    const found = slotText(first, last);
    if (last < first) flaws.push({ at, found: `${first}-${last}`, expected: 'the lower slot first' });
    else if (last >= slots) flaws.push({ at, found, expected: `slots from 0 to ${slots - 1}` });
  }
  if (flaws.length > 0) return flaws;
  const sorted = [...ranges.entries()].sort(([, a], [, b]) => a.first - b.first);
  let next = 0;
  for (const [i, { first, last }] of sorted) {
    if (first > next) flaws.push(hole(`slots ${slotText(next, first - 1)}`));
    if (first < next) {
      const both = slotText(first, Math.min(last, next - 1));
      flaws.push({ at: ['ranges', i, 'slots'], found: `slots ${both} a second time`, expected: 'each slot once' });
    }
    next = Math.max(next, last + 1);
  }
  if (next < slots) flaws.push(hole(`slots ${slotText(next, slots - 1)}`));
  return flaws;
}

function rangeFlaws({ keys, ranges }: RangeMapOptions): readonly ShardMapFlaw[] {
  const flaws = keys === 'integer' ? ranges.flatMap(wordBounds) : [];
  if (flaws.length > 0) return flaws;
  const compare = keys === 'integer' ? byNumber : byBytes;
  for (const [i, { from, to }] of ranges.entries()) {
    if (from === null || to === null || compare(from, to) < 0) continue;
    flaws.push({ at: ['ranges', i], found: `the empty range ${rangeText(from, to)}`, expected: 'from below to' });
  }
  if (flaws.length > 0) return flaws;
  return orderFlaws(ranges, compare);
}

type Compare = (a: string, b: string) => number;

function orderFlaws(ranges: readonly KeyRange[], compare: Compare): readonly ShardMapFlaw[] {
  const flaws: ShardMapFlaw[] = [];
  const lowest = ({ from: a }: KeyRange, { from: b }: KeyRange): number =>
    a === null || b === null ? Number(b === null) - Number(a === null) : compare(a, b);
  const sorted = [...ranges.entries()].sort(([, a], [, b]) => lowest(a, b));
  // Where the next range has to begin; null before the first of them, and `isEnded` after one with an open end.
  let next: string | null = null;
  let isBegun = false;
  let isEnded = false;
  for (const [i, { from, to }] of sorted) {
    const order = from === null || next === null ? Number(from !== null) - Number(next !== null) : compare(from, next);
    if (isEnded || (isBegun && order < 0)) {
      const end = isEnded ? to : to === null || (next !== null && compare(next, to) < 0) ? next : to;
      flaws.push({ at: ['ranges', i], found: `keys ${rangeText(from, end)} a second time`, expected: ONCE });
    } else if (order > 0) flaws.push(hole(`keys ${rangeText(next, from)}`));
    isBegun = true;
    if (to === null) isEnded = true;
    else if (!isEnded && (next === null || compare(next, to) < 0)) next = to;
  }
  if (isBegun && !isEnded) flaws.push(hole(`keys ${rangeText(next, null)}`));
  if (!isBegun) flaws.push({ at: ['ranges'], found: 'an empty map', expected: 'at least one range' });
  return flaws;
}

function wordBounds({ from, to }: KeyRange, i: number): ShardMapFlaw[] {
  return Object.entries({ from, to }).flatMap(([end, value]) => {
    if (value === null || isInteger(value)) return [];
    return [{ at: ['ranges', i, end], found: JSON.stringify(value), expected: 'a whole number of at most 15 digits' }];
  });
}

function listFlaws({ ranges, otherwise }: ListMapOptions): readonly ShardMapFlaw[] {
  if (ranges.length === 0 && otherwise === null) {
    return [{ at: ['ranges'], found: 'an empty map', expected: 'at least one key, or otherwise' }];
  }
  const seen = new Set<string>();
  return ranges.flatMap(({ keys }, i) =>
    keys.flatMap((key, k) => {
      if (!seen.has(key)) {
        seen.add(key);
        return [];
      }
      return [{ at: ['ranges', i, 'keys', k], found: `the key ${key} a second time`, expected: ONCE }];
    }),
  );
}

function nameFlaws(names: readonly string[] | null): readonly ShardMapFlaw[] {
  if (names === null || names.length === 0) {
    return [{ at: ['shards'], found: 'no shards', expected: 'the names of all shards' }];
  }
  return names.flatMap((name, i) => {
    if (names.indexOf(name) === i) return [];
    return [{ at: ['shards', i], found: `the shard ${name} a second time`, expected: 'each shard once' }];
  });
}

function hole(what: string): ShardMapFlaw {
  return { at: ['ranges'], found: `no shard for ${what}`, expected: 'a shard for every key' };
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}

function byBytes(a: string, b: string): number {
  const [x, y] = [bytesOf(a), bytesOf(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
