const DIGITS = Buffer.from('0123456789abcdef', 'latin1');

/** Writes the low `digits` (1 .. 8) hex digits of a 32-bit word, lower-case. */
export function writeHex(into: Buffer, at: number, word: number, digits: number): void {
  for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) into[at++] = DIGITS[(word >>> shift) & 15]!;
}
