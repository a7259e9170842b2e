import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeShardMap, slotOf } from '../../../src/route/shards/shard-map.ts';
import { shardMapFlaws } from '../../../src/route/shards/shard-map-flaws.ts';
import type { KeyRange, ShardMapOptions, SlotRange } from '../../../src/route/shards/shard-options.ts';

const SHARDS = ['a', 'b', 'c', 'd'];

function shardOf(options: ShardMapOptions, key: string): string | undefined {
  return makeShardMap(options).find(key)?.shard;
}

/** Neighbours from bound to bound, in any order. */
function cover(bounds: readonly string[], shuffle: readonly number[]): KeyRange[] {
  const ends = [null, ...bounds, null];
  const ranges = ends.slice(1).map((to, i) => ({ from: ends[i]!, to, shard: SHARDS[i % 4]!, move: null }));
  return ranges
    .map((range, i) => [shuffle[i] ?? 0, range] as const)
    .sort(([a], [b]) => a - b)
    .map(([, range]) => range);
}

const order = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 12, maxLength: 12 });
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const texts = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4, unit: 'grapheme' }), {
  minLength: 1,
  maxLength: 8,
});
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

describe('a map of text ranges', () => {
  it('gives every key to the one range that holds it, byte by byte, in whatever order it is written', () => {
    fc.assert(
      fc.property(texts, order, fc.string({ minLength: 1, maxLength: 5, unit: 'grapheme' }), (bounds, shuffle, key) => {
        const ranges = cover([...bounds].sort(byBytes), shuffle);
        const options: ShardMapOptions = { kind: 'ranges', keys: 'text', names: null, ranges };
        expect(shardMapFlaws(options)).toEqual([]);
        const holders = ranges.filter(
          ({ from, to }) => (from === null || byBytes(from, key) <= 0) && (to === null || byBytes(key, to) < 0),
        );
        expect(holders).toHaveLength(1);
        expect(shardOf(options, latin1(key))).toBe(holders[0]!.shard);
      }),
      { numRuns: 500 },
    );
  });

  it('is none without any one of its ranges, or with one of them twice', () => {
    fc.assert(
      fc.property(texts, order, fc.nat(), (bounds, shuffle, pick) => {
        const ranges = cover([...bounds].sort(byBytes), shuffle);
        const at = pick % ranges.length;
        const flawsOf = (changed: KeyRange[]) =>
          shardMapFlaws({ kind: 'ranges', keys: 'text', names: null, ranges: changed });
        expect(flawsOf(ranges.filter((_, i) => i !== at)).map(({ found }) => found)).toEqual([
          `no shard for keys [${ranges[at]!.from ?? '..'}, ${ranges[at]!.to ?? '..'})`,
        ]);
        const twice = flawsOf([...ranges, { ...ranges[at]!, shard: 'e' }]);
        expect(twice.map(({ found }) => found)).toEqual([
          `keys [${ranges[at]!.from ?? '..'}, ${ranges[at]!.to ?? '..'}) a second time`,
        ]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a map of integer ranges', () => {
  const bounds = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 8 });

  it('compares numbers and not digits', () => {
    fc.assert(
      fc.property(bounds, order, fc.integer({ min: -60, max: 60 }), (numbers, shuffle, key) => {
        const ranges = cover([...numbers].sort((a, b) => a - b).map(String), shuffle);
        const options: ShardMapOptions = { kind: 'ranges', keys: 'integer', names: null, ranges };
        expect(shardMapFlaws(options)).toEqual([]);
        const holder = ranges.find(
          ({ from, to }) => (from === null || Number(from) <= key) && (to === null || key < Number(to)),
        );
        expect(shardOf(options, String(key))).toBe(holder!.shard);
      }),
      { numRuns: 300 },
    );
  });

  it('knows no shard for what is no whole number', () => {
    const options: ShardMapOptions = {
      kind: 'ranges',
      keys: 'integer',
      names: null,
      ranges: [{ from: null, to: null, shard: 'a', move: null }],
    };
    for (const key of ['', 'x', '1.5', '1e3', '0x10', ' 1', '1234567890123456', '-']) {
      expect(shardOf(options, key)).toBeUndefined();
    }
    expect(shardOf(options, '-007')).toBe('a');
  });
});

describe('a map of slots', () => {
  const slots = 1000;
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: slots - 1 }), { maxLength: 8 });
  const rangesOf = (at: readonly number[]): SlotRange[] => {
    const ends = [0, ...[...at].sort((a, b) => a - b), slots];
    return ends.slice(1).map((end, i) => ({ first: ends[i]!, last: end - 1, shard: SHARDS[i % 4]!, move: null }));
  };

  it('gives every key to the range of its slot', () => {
    fc.assert(
      fc.property(cuts, fc.string(), (at, key) => {
        const ranges = rangesOf(at).reverse();
        const options: ShardMapOptions = { kind: 'slots', slots, names: null, ranges };
        expect(shardMapFlaws(options)).toEqual([]);
        const slot = slotOf(key, slots);
        expect(shardOf(options, key)).toBe(ranges.find(({ first, last }) => first <= slot && slot <= last)!.shard);
      }),
      { numRuns: 300 },
    );
  });

  it('names what is missing or there twice', () => {
    fc.assert(
      fc.property(cuts, fc.nat(), (at, pick) => {
        const ranges = rangesOf(at);
        const one = ranges[pick % ranges.length]!;
        const text = one.first === one.last ? `${one.first}` : `${one.first}-${one.last}`;
        const flawsOf = (changed: SlotRange[]) => shardMapFlaws({ kind: 'slots', slots, names: null, ranges: changed });
        expect(flawsOf(ranges.filter((range) => range !== one)).map(({ found }) => found)).toEqual([
          `no shard for slots ${text}`,
        ]);
        expect(flawsOf([one, ...ranges]).map(({ found }) => found)).toEqual([`slots ${text} a second time`]);
      }),
      { numRuns: 300 },
    );
  });

  it('takes the whole 64-bit hash, modulo the slots', () => {
    // xxHash64 of these texts as its reference says: 0xef46db3751d8e999, 0xd24ec4f1a98c6e5b.
    expect(slotOf('', 16_384)).toBe(Number(0xef46db3751d8e999n % 16_384n));
    expect(slotOf('', 1000)).toBe(Number(0xef46db3751d8e999n % 1000n));
    expect(slotOf('a', 65_521)).toBe(Number(0xd24ec4f1a98c6e5bn % 65_521n));
  });
});

describe('a list', () => {
  const ranges = [
    { keys: ['x', 'zürich'], shard: 'a', move: null },
    { keys: ['y'], shard: 'b', move: null },
  ];

  it('knows the keys it names, as their bytes', () => {
    const options: ShardMapOptions = { kind: 'list', names: null, ranges, otherwise: null };
    expect(['x', latin1('zürich'), 'y', 'z', 'toString'].map((key) => shardOf(options, key))).toEqual([
      'a',
      'a',
      'b',
      undefined,
      undefined,
    ]);
  });

  it('has one shard for all others, if any', () => {
    expect(shardOf({ kind: 'list', names: null, ranges, otherwise: 'c' }, 'z')).toBe('c');
  });
});

describe('a ring of shards', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `key-${i}`);
  const owners = (names: readonly string[]): (string | undefined)[] => {
    const map = makeShardMap({ kind: 'consistent', names });
    return keys.map((key) => map.find(key)?.shard);
  };

  it('does not care for the order of the names', () => {
    expect(owners(['a', 'b', 'c'])).toEqual(owners(['c', 'a', 'b']));
  });

  it('moves keys only to the shard that comes, and about its share of them', () => {
    const before = owners(['a', 'b', 'c']);
    const after = owners(['a', 'b', 'c', 'd']);
    const moved = after.filter((owner, i) => owner !== before[i]);
    expect(new Set(moved)).toEqual(new Set(['d']));
    expect(moved.length / keys.length).toBeGreaterThan(0.2);
    expect(moved.length / keys.length).toBeLessThan(0.3);
  });

  it('is the whole of one shard', () => {
    expect(new Set(owners(['only']))).toEqual(new Set(['only']));
  });
});
