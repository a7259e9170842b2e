/**
 * The Huffman code of HPACK strings (RFC 7541, 5.2 and appendix B), read but never written: see `HpackEncoder`.
 *
 * The code is canonical: codes of one length follow each other in the order of their symbols, and the shorter ones come
 * first. So the lengths say everything, and the tables are made of them. A table has an entry for each byte that the
 * next bits may begin with: a symbol and how many of these bits it took, or, for codes that go on, the table for the
 * byte after. Text is codes of 5 to 8 bits nearly always, hence one look-up for each character.
 */

/** The length of each byte's code and, last, of EOS, in base 36. */
const LENGTHS =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca' +
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds' +
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq' +
  'u';
const EOS = 256;

/**
 * An entry with this bit is a symbol (bits 0..7) and its length in this byte (bits 8..11); the others are offsets of
 * tables.
 */
const LEAF = 0x8000;
/** The entry of EOS, which nobody sends (RFC 7541, 5.2). */
const REFUSED = 0x7fff;

const TABLES: Uint16Array = makeTables();

/**
 * Writes what `bytes[start..end]` says to `out` and gives its length, or -1 if it is no Huffman string. What does not
 * fit is counted and not written.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  const room = out.length;
  let length = 0;
  let table = 0;
  let bits = 0;
  let count = 0; // bits not used yet, 0..7 between bytes
  for (let at = start; at < end; at++) {
    bits = ((bits << 8) | bytes[at]!) & 0x7fff;
    count += 8;
    do {
      const entry = TABLES[table + ((bits >>> (count - 8)) & 0xff)]!;
      if (entry >= LEAF) {
        if (length < room) out[length] = entry;
        length++;
        count -= (entry >>> 8) & 0xf;
        table = 0;
      } else {
        if (entry === REFUSED) return -1;
        count -= 8;
        table = entry;
      }
    } while (count >= 8);
  }
  // At most one more symbol of each 5 bits; what is missing of a byte is taken as padding, which never makes a symbol.
  while (count > 0) {
    const ones = 0xff >>> count;
    const entry = TABLES[table + (((bits << (8 - count)) & 0xff) | ones)]!;
    if (entry < LEAF || ((entry >>> 8) & 0xf) > count) break;
    if (length < room) out[length] = entry;
    length++;
    count -= (entry >>> 8) & 0xf;
    table = 0;
  }
  const padding = (1 << count) - 1;
  return table === 0 && (bits & padding) === padding ? length : -1;
}

function makeTables(): Uint16Array {
  const tables: number[][] = [new Array<number>(256).fill(0)];
  let code = 0;
  let before = 0;
  for (const { symbol, length } of inOrderOfCodes()) {
    code *= 2 ** (length - before);
    before = length;
    put(tables, symbol, code, length);
    code++;
  }
  return Uint16Array.from(tables.flat());
}

function inOrderOfCodes(): { symbol: number; length: number }[] {
  const codes = [...LENGTHS].map((digit, symbol) => ({ symbol, length: Number.parseInt(digit, 36) }));
  return codes.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
}

function put(tables: number[][], symbol: number, code: number, length: number): void {
  let table = tables[0]!;
  let rest = length;
  for (; rest > 8; rest -= 8) {
    const byte = (code >>> (rest - 8)) & 0xff;
    if (table[byte] === 0) table[byte] = (tables.push(new Array<number>(256).fill(0)) - 1) * 256;
    table = tables[table[byte]! / 256]!;
  }
  const entry = symbol === EOS ? REFUSED : LEAF | (rest << 8) | symbol;
  const first = (code << (8 - rest)) & 0xff;
  table.fill(entry, first, first + (1 << (8 - rest)));
}
