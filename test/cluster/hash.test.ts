import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashBytes, hashText, mix, remainder } from '../../src/cluster/hash.ts';
import vectors from '../fixtures/hashing/xxhash64.json' with { type: 'json' };

const MASK = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

function hex(text: string, seed = 0): string {
  const into = { hashHigh: 0, hashLow: 0 };
  hashText(text, into, seed);
  return word(into);
}

function word({ hashHigh, hashLow }: { hashHigh: number; hashLow: number }): string {
  return hashHigh.toString(16).padStart(8, '0') + hashLow.toString(16).padStart(8, '0');
}

/** xxHash64 from its description, in whole 64-bit numbers. */
function model(bytes: Buffer, seed = 0n): string {
  const rotate = (x: bigint, by: bigint) => ((x << by) | (x >> (64n - by))) & MASK;
  const round = (acc: bigint, input: bigint) => (rotate((acc + input * P2) & MASK, 31n) * P1) & MASK;
  let at = 0;
  let h: bigint;
  if (bytes.length >= 32) {
    const v = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK];
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) v[i] = round(v[i]!, bytes.readBigUInt64LE(at + 8 * i));
    h = (rotate(v[0]!, 1n) + rotate(v[1]!, 7n) + rotate(v[2]!, 12n) + rotate(v[3]!, 18n)) & MASK;
    for (const x of v) h = ((h ^ round(0n, x)) * P1 + P4) & MASK;
  } else {
    h = (seed + P5) & MASK;
  }
  h = (h + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) h = (rotate(h ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK;
  if (at + 4 <= bytes.length) {
    h = (rotate(h ^ ((BigInt(bytes.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) h = (rotate(h ^ ((BigInt(bytes[at]!) * P5) & MASK), 11n) * P1) & MASK;
  h = ((h ^ (h >> 33n)) * P2) & MASK;
  h = ((h ^ (h >> 29n)) * P3) & MASK;
  return (h ^ (h >> 32n)).toString(16).padStart(16, '0');
}

describe('hashText', () => {
  it('is xxHash64', () => {
    expect(hex('')).toBe('ef46db3751d8e999');
    expect(hex('a')).toBe('d24ec4f1a98c6e5b');
    expect(hex('abc')).toBe('44bc2cf5ad770999');
    expect(hex('Nobody inspects the spammish repetition')).toBe('fbcea83c8a378bf1');
  });

  it.each(vectors.hashes)('is what others compute: $hash of seed $seed', ({ text, seed, hash }) => {
    expect(hex(text, seed)).toBe(hash);
  });

  // Computed in Python with the package xxhash.
  it.each([
    ['', 1, 0, 'd5afba1336a3be4b'],
    ['a', 1, 0, 'dec2bc81c3cd46c6'],
    ['abc', 0x76543210, 0xfedcba98, 'cfe5aeff5d700cf0'],
    ['x'.repeat(33), 1, 0, 'a3b9c1a7bdea3d1c'],
    ['x'.repeat(100), 0x76543210, 0xfedcba98, '0a50f9902dcb26d0'],
    ['', 0xffffffff, 0xffffffff, '298f4c84b24f5380'],
  ])('takes a seed of 64 bits: %j', (text, seedLow, seedHigh, expected) => {
    const into = { hashHigh: 0, hashLow: 0 };
    hashText(text, into, seedLow, seedHigh);
    expect(word(into)).toBe(expected);
  });

  it('agrees with the 64-bit arithmetic of the description, at any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(0xffffffff), (array, seed) => {
        const bytes = Buffer.from(array);
        const into = { hashHigh: 0, hashLow: 0 };
        hashBytes(bytes, bytes.length, into, seed);
        expect(word(into)).toBe(model(bytes, BigInt(seed)));
        expect(hex(bytes.toString('latin1'))).toBe(model(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it('hashes text longer than its scratch in the same way', () => {
    for (const length of [1023, 1024, 1025, 5000]) {
      const text = 'é'.repeat(length);
      expect(hex(text)).toBe(model(Buffer.from(text, 'latin1')));
    }
  });
});

const words = fc.bigInt({ min: 0n, max: MASK });

function halves(whole: bigint): { hashHigh: number; hashLow: number } {
  return { hashHigh: Number(whole >> 32n), hashLow: Number(whole & 0xffffffffn) };
}

it('mixes a word as xxHash64 does at its end', () => {
  fc.assert(
    fc.property(words, (whole) => {
      let h = ((whole ^ (whole >> 33n)) * P2) & MASK;
      h = ((h ^ (h >> 29n)) * P3) & MASK;
      const { hashHigh, hashLow } = halves(whole);
      const into = { hashHigh: 0, hashLow: 0 };
      mix(hashHigh, hashLow, into);
      expect(word(into)).toBe((h ^ (h >> 32n)).toString(16).padStart(16, '0'));
    }),
  );
});

it('divides a word as a whole', () => {
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 2 ** 26 }), (whole, divisor) => {
      expect(remainder(halves(whole), divisor)).toBe(Number(whole % BigInt(divisor)));
    }),
    { numRuns: 1000 },
  );
});
