export const HT = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** A byte that may be in a field name or a method (RFC 9110, 5.6.2). */
export const TOKEN = 1;
/** In a field value: visible, blank, tab, or 0x80 and above. No other control character, so CR and LF end a value. */
export const VALUE = 2;
/** In a target: visible ASCII but `#`, since a fragment is never sent. */
export const TARGET = 4;
/** In a host name or port. No comma and no `@`: lists of hosts and user information are refused. */
export const HOST = 8;

/** What each byte may be: one table, one meaning per bit. */
export const CLASS: Uint8Array = makeClasses();

/** The value of a hexadecimal digit, 255 for every other byte. */
export const HEX: Uint8Array = makeHex();

function makeClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  const mark = (from: number, to: number, bit: number): void => {
    for (let byte = from; byte <= to; byte++) classes[byte]! |= bit;
  };
  const markAll = (characters: string, bit: number): void => {
    for (const character of characters) mark(character.charCodeAt(0), character.charCodeAt(0), bit);
  };
  for (const [from, to] of ['09', 'AZ', 'az'] as const) {
    mark(from!.charCodeAt(0), to!.charCodeAt(0), TOKEN | HOST);
  }
  markAll("!#$%&'*+-.^_`|~", TOKEN);
  markAll("-._~%!$&'()*+;=:[]", HOST);
  mark(0x20, 0x7e, VALUE);
  mark(0x80, 0xff, VALUE);
  mark(HT, HT, VALUE);
  mark(0x21, 0x7e, TARGET);
  classes['#'.charCodeAt(0)]! &= ~TARGET;
  return classes;
}

function makeHex(): Uint8Array {
  const values = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 16; digit++) {
    const character = digit.toString(16);
    values[character.charCodeAt(0)] = digit;
    values[character.toUpperCase().charCodeAt(0)] = digit;
  }
  return values;
}

/** Is `text[start..end]` this lower-case word, whatever its case? */
export function isWord(text: string, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const want = word.charCodeAt(i);
    const is = text.charCodeAt(start + i);
    if (is !== want && (is + 0x20 !== want || is < 0x41 || is > 0x5a)) return false;
  }
  return true;
}
