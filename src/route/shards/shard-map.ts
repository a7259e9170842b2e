import { type Hash64, hashText } from '../../cluster/hash.ts';
import { ConsistentMap } from './consistent-map.ts';
import type { ListMapOptions, RangeMapOptions, ShardMapOptions, SlotMapOptions } from './shard-options.ts';
import type { ShardMap, ShardRange } from './shard-range.ts';

/** The map a configuration means. */
export function makeShardMap(map: ShardMapOptions): ShardMap {
  switch (map.kind) {
    case 'slots':
      return new SlotMap(map);
    case 'ranges':
      return map.keys === 'text' ? new TextMap(map) : new IntegerMap(map);
    case 'list':
      return new ListMap(map);
    case 'consistent':
      return new ConsistentMap(map.names ?? []);
  }
}

const WORD = 2 ** 32;
const hash: Hash64 = { hashHigh: 0, hashLow: 0 };

/** xxHash64 of a key, modulo the slots. Exact, since slots are few enough for products of two of them. */
export function slotOf(key: string, slots: number): number {
  hashText(key, hash);
  return ((hash.hashHigh % slots) * (WORD % slots) + hash.hashLow) % slots;
}

class SlotMap implements ShardMap {
  readonly ranges: readonly ShardRange[];
  /** Slot to the index of its range. */
  private readonly owners: Uint16Array;

  constructor({ slots, ranges }: SlotMapOptions) {
    this.owners = new Uint16Array(slots);
    for (const [i, { first, last }] of ranges.entries()) this.owners.fill(i, first, last + 1);
    this.ranges = ranges.map(({ first, last, shard, move }) => ({ text: slotText(first, last), shard, move }));
  }

  find(key: string): ShardRange {
    const { owners, ranges } = this;
    return ranges[owners[slotOf(key, owners.length)]!]!;
  }
}

class TextMap implements ShardMap {
  readonly ranges: readonly ShardRange[];
  /** Where each range but the first begins. */
  private readonly starts: readonly string[];

  constructor({ ranges }: RangeMapOptions) {
    const sorted = [...ranges].sort((a, b) => (bytesOf(a.from ?? '') < bytesOf(b.from ?? '') ? -1 : 1));
    this.ranges = sorted.map(({ from, to, shard, move }) => ({ text: rangeText(from, to), shard, move }));
    this.starts = sorted.slice(1).map(({ from }) => bytesOf(from!));
  }

  find(key: string): ShardRange {
    const { starts } = this;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= key) low = middle + 1;
      else high = middle;
    }
    return this.ranges[low]!;
  }
}

class IntegerMap implements ShardMap {
  readonly ranges: readonly ShardRange[];
  private readonly starts: Float64Array;

  constructor({ ranges }: RangeMapOptions) {
    const sorted = [...ranges].sort((a, b) => (lowEnd(a.from) < lowEnd(b.from) ? -1 : 1));
    this.ranges = sorted.map(({ from, to, shard, move }) => ({ text: rangeText(from, to), shard, move }));
    this.starts = Float64Array.from(sorted.slice(1), ({ from }) => Number(from));
  }

  find(key: string): ShardRange | null {
    if (!isInteger(key)) return null;
    const number = Number(key);
    const { starts } = this;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= number) low = middle + 1;
      else high = middle;
    }
    return this.ranges[low]!;
  }
}

class ListMap implements ShardMap {
  readonly ranges: readonly ShardRange[];
  private readonly byKey = new Map<string, ShardRange>();
  private readonly others: ShardRange | null;

  constructor({ ranges, otherwise }: ListMapOptions) {
    const listed = ranges.map(({ keys, shard, move }) => ({ text: listText(keys), shard, move }));
    for (const [i, { keys }] of ranges.entries()) for (const key of keys) this.byKey.set(bytesOf(key), listed[i]!);
    this.others = otherwise === null ? null : { text: 'otherwise', shard: otherwise, move: null };
    this.ranges = this.others === null ? listed : [...listed, this.others];
  }

  find(key: string): ShardRange | null {
    return this.byKey.get(key) ?? this.others;
  }
}

/** A text of the configuration as it stands on the wire: its bytes in UTF-8, one character each. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

const DIGITS = /^-?[0-9]{1,15}$/;

/** Whole numbers that a Number holds exactly. */
export function isInteger(key: string): boolean {
  return DIGITS.test(key);
}

function lowEnd(from: string | null): number {
  return from === null ? Number.NEGATIVE_INFINITY : Number(from);
}

export function slotText(first: number, last: number): string {
  return first === last ? String(first) : `${first}-${last}`;
}

export function rangeText(from: string | null, to: string | null): string {
  return `[${from ?? '..'}, ${to ?? '..'})`;
}

const KEYS_SHOWN = 3;

/** Keys are in one list only, so the first of them name it. */
function listText(keys: readonly string[]): string {
  const more = keys.length > KEYS_SHOWN ? `, and ${keys.length - KEYS_SHOWN} more` : '';
  return `${keys.slice(0, KEYS_SHOWN).join(', ')}${more}`;
}
