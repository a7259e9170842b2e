import { CLASS, SEMICOLON, TOKEN, VALUE } from './bytes.ts';

const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

// --- States: what the next byte is. ---
/** The first of a name, behind the semicolon. */
export const EXTENSION_START = 0;
const NAME = 1;
const VALUE_START = 2;
const TOKEN_VALUE = 3;
const QUOTED = 4;
const QUOTED_PAIR = 5;
const BEHIND_QUOTES = 6;

export const BAD_EXTENSION = -1;

/**
 * One byte further in the extensions of a chunk, `name[=value]` and so on behind semicolons (RFC 9112, 7.1.1). They are
 * dropped, and read all the same: whoever lets a quoted value run over the line end sees other chunks.
 */
export function nextInExtension(state: number, byte: number): number {
  const isToken = (CLASS[byte]! & TOKEN) !== 0;
  switch (state) {
    case EXTENSION_START:
      return isToken ? NAME : BAD_EXTENSION;
    case NAME:
      if (isToken) return NAME;
      return byte === EQUALS ? VALUE_START : afterValue(byte);
    case VALUE_START:
      if (byte === QUOTE) return QUOTED;
      return isToken ? TOKEN_VALUE : BAD_EXTENSION;
    case TOKEN_VALUE:
      return isToken ? TOKEN_VALUE : afterValue(byte);
    case QUOTED:
      if (byte === QUOTE) return BEHIND_QUOTES;
      if (byte === BACKSLASH) return QUOTED_PAIR;
      return isText(byte) ? QUOTED : BAD_EXTENSION;
    case QUOTED_PAIR:
      return isText(byte) ? QUOTED : BAD_EXTENSION;
    default:
      return afterValue(byte);
  }
}

/** May the line end here? */
export function mayEndExtension(state: number): boolean {
  return state === NAME || state === TOKEN_VALUE || state === BEHIND_QUOTES;
}

function afterValue(byte: number): number {
  return byte === SEMICOLON ? EXTENSION_START : BAD_EXTENSION;
}

function isText(byte: number): boolean {
  return (CLASS[byte]! & VALUE) !== 0;
}
