import type { Random } from '../base/random.ts';

const DIGITS = Buffer.from('0123456789abcdef', 'latin1');

/** Writes the low `digits` (1 .. 8) hex digits of a 32-bit word, lower-case. */
export function writeHex(into: Buffer, at: number, word: number, digits: number): void {
  for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) into[at++] = DIGITS[(word >>> shift) & 15]!;
}

/** That many digits by chance: an id, and no secret. */
export function randomHex(random: Random, digits: number): string {
  const text = Buffer.alloc(digits);
  for (let at = 0; at < digits; at += 8) writeHex(text, at, random.uint32(), Math.min(8, digits - at));
  return text.toString('latin1');
}
