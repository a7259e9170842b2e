import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashText } from '../../../src/cluster/hash.ts';
import { KeyChain } from '../../../src/route/keys/chain.ts';
import { HeaderKey } from '../../../src/route/keys/header.ts';
import { SourceText } from '../../../src/route/keys/source.ts';
import { TextKey } from '../../../src/route/keys/text.ts';
import { requestHead } from '../../support/exchange-script.ts';
import { hashed, wordOf } from '../../support/keys.ts';

const MASK = (1n << 64n) - 1n;
const NAMES = ['a', 'b', 'c', 'd'] as const;

function chainOf(names: readonly string[], terminals: readonly boolean[] = []): KeyChain {
  return new KeyChain(names.map((name, at) => ({ key: new HeaderKey(name), terminal: terminals[at] ?? false })));
}

function xxh64(text: string): bigint {
  const into = { hashHigh: 0, hashLow: 0 };
  hashText(text, into);
  return BigInt(`0x${wordOf(into)}`);
}

describe('a chain of keys', () => {
  // Computed in Python with the package xxhash: h = ((h << 1 | h >> 63) & (2**64 - 1)) ^ xxh64(value).
  it.each([
    [['alice'], '73a3ea485f2e6049'],
    [['alice', 'alice'], '94e43ed8e172a0db'],
    [['alice', '10.0.0.7'], 'd4fb53fff1aa8757'],
    [['a', 'b', 'c'], '1a6b97c057d0d1b4'],
    [['', 'x'], '820d76f820b5c210'],
    [Array.from({ length: 8 }, (_, i) => `user-${i}`), '0dad00be960d30b3'],
  ])('makes of %j what Envoy makes of it', (values, word) => {
    const fields = Object.fromEntries(values.map((value, at) => [`x-${at}`, value]));
    expect(hashed(chainOf(Object.keys(fields)), requestHead({ fields }))).toBe(word);
  });

  it('takes the address as one of its keys', () => {
    const chain = new KeyChain([
      { key: new HeaderKey('x-user'), terminal: false },
      { key: new TextKey(new SourceText()), terminal: false },
    ]);
    expect(hashed(chain, requestHead({ fields: { 'x-user': 'alice' } }))).toBe('d4fb53fff1aa8757');
  });

  it('leaves out what a request has not, and stops at a terminal key once there is a hash', () => {
    const value = fc.option(fc.string({ unit: 'binary-ascii' }));
    fc.assert(
      fc.property(fc.array(value, { minLength: 4, maxLength: 4 }), fc.array(fc.boolean()), (values, terminals) => {
        const fields = Object.fromEntries(
          NAMES.map((name, at) => [name, values[at]!]).filter(([, text]) => text !== null),
        );
        let expected: bigint | null = null;
        for (const [at, text] of values.entries()) {
          const so: bigint = expected ?? 0n;
          if (text !== null) expected = (((so << 1n) | (so >> 63n)) & MASK) ^ xxh64(text!);
          if (terminals[at] && expected !== null) break;
        }
        const word = expected === null ? null : expected.toString(16).padStart(16, '0');
        expect(hashed(chainOf(NAMES, terminals), requestHead({ fields }))).toBe(word);
      }),
      { numRuns: 500 },
    );
  });
});
