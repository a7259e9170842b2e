import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHuffman } from '../../src/http2/huffman.ts';
import { bitsToBytes, CODES, EOS_CODE, huffman, unhuffman } from '../support/hpack-bytes.ts';

const latin1 = (least = 0, most = 255) =>
  fc
    .array(fc.integer({ min: least, max: most }), { maxLength: 60 })
    .map((bytes) => Buffer.from(bytes).toString('latin1'));

function decoded(bytes: Uint8Array): string | null {
  const out = Buffer.alloc(1000);
  const length = decodeHuffman(bytes, 0, bytes.length, out);
  return length < 0 ? null : out.toString('latin1', 0, length);
}

describe('a Huffman string', () => {
  it('has every byte in it, at every place within a byte', () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      for (let shift = 0; shift < 8; shift++) {
        // '0' takes five bits: as many of them as there are places.
        const text = `${'0'.repeat(shift)}${character}${character}0`;
        expect(decoded(huffman(text)), `byte ${byte} after ${shift}`).toBe(text);
      }
    }
  });

  it('has every pair of bytes in it', () => {
    for (let pair = 0; pair < 65_536; pair++) {
      const text = String.fromCharCode(pair >>> 8, pair & 255);
      if (decoded(huffman(text)) !== text) expect.fail(`pair ${pair}`);
    }
  });

  it('is read as the slow reader reads it', () => {
    const text = fc.oneof(latin1(), latin1(0x20, 0x7e));
    fc.assert(fc.property(text, (text) => decoded(huffman(text)) === text));
  });

  it('is refused exactly if the slow reader refuses it, whatever the bytes', () => {
    const anything = fc.uint8Array({ maxLength: 12 });
    const onesMostly = fc.array(fc.constantFrom(0xff, 0xff, 0xff, 0xfe, 0xfc, 0x7f), { maxLength: 6 });
    const mixed = fc.oneof(
      anything,
      onesMostly.map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(mixed, (bytes) => decoded(bytes) === unhuffman(bytes)),
      { numRuns: 5000 },
    );
  });

  it('is the same as the slow reader’s for all of two bytes', () => {
    for (let pair = 0; pair < 65_536; pair++) {
      const bytes = Uint8Array.of(pair >>> 8, pair & 255);
      if (decoded(bytes) !== unhuffman(bytes)) expect.fail(`bytes ${pair.toString(16)}`);
    }
  });

  it('may be empty', () => {
    expect(decoded(Buffer.alloc(0))).toBe('');
  });

  it.each([1, 2, 3, 4, 5, 6, 7])('of %i characters of five bits is padded with ones and with nothing else', (n) => {
    const text = 'a'.repeat(n);
    const code = CODES[0x61]!.repeat(n);
    const fill = 8 - (code.length % 8);
    for (let padding = 0; padding < 2 ** fill; padding++) {
      const bytes = bitsToBytes(code + padding.toString(2).padStart(fill, '0'));
      expect(decoded(bytes) === text, `padding ${padding} of ${fill} bits`).toBe(padding === 2 ** fill - 1);
    }
  });

  it.each([
    ['eight ones', 'ff'],
    ['eight ones after a character', '1fff'],
    ['two bytes of ones', 'ffff'],
    ['three bytes of ones', 'ffffff'],
    ['zeros as padding', '18'],
    ['a one and a zero as padding', '1e'],
    ['half a long code', 'fe'],
  ])('does not end in %s', (_what, hex) => {
    expect(decoded(Buffer.from(hex, 'hex'))).toBe(null);
  });

  it.each(['', '0', 'ab', '~~~'])('has no EOS in it, after %j', (text) => {
    const before = [...text].map((character) => CODES[character.charCodeAt(0)]).join('');
    expect(decoded(bitsToBytes(before + EOS_CODE))).toBe(null);
    expect(decoded(bitsToBytes(before + EOS_CODE + CODES[0x61]!))).toBe(null);
  });

  it('that does not fit is counted and not written', () => {
    const out = Buffer.alloc(8, 0);
    const bytes = huffman('0123456789abcdef');
    expect(decodeHuffman(bytes, 0, bytes.length, out.subarray(0, 4))).toBe(16);
    expect(out.toString('latin1')).toBe('0123\0\0\0\0');
  });

  it('is read from where it starts to where it ends', () => {
    const bytes = Buffer.concat([Buffer.from('zz'), huffman('hello'), Buffer.from('zz')]);
    const out = Buffer.alloc(5);
    expect(decodeHuffman(bytes, 2, bytes.length - 2, out)).toBe(5);
    expect(out.toString('latin1')).toBe('hello');
  });
});
