import { CLASS, HOST } from './bytes.ts';

const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const MAX_PORT = 65_535;

/**
 * Is `text[start..end]` one host with an optional port (RFC 3986, 3.2.2 and 3.2.3)? Of an address in brackets only the
 * alphabet is checked: nothing here resolves it.
 */
export function isAuthority(text: string, start: number, end: number): boolean {
  if (start === end) return false;
  let at = start;
  if (text.charCodeAt(at) === OPEN) {
    at++;
    while (at < end && isAddressCharacter(text.charCodeAt(at))) at++;
    // The shortest address is `::`.
    if (at - start < 3 || at === end || text.charCodeAt(at) !== CLOSE) return false;
    at++;
  } else {
    while (at < end && isNameCharacter(text.charCodeAt(at))) at++;
    if (at === start) return false;
  }
  if (at === end) return true;
  if (text.charCodeAt(at) !== COLON) return false;
  let port = 0;
  for (at++; at < end; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > MAX_PORT) return false;
  }
  return true;
}

function isNameCharacter(code: number): boolean {
  return (CLASS[code]! & HOST) !== 0 && code !== COLON && code !== OPEN && code !== CLOSE;
}

function isAddressCharacter(code: number): boolean {
  return (CLASS[code]! & HOST) !== 0 && code !== OPEN && code !== CLOSE;
}
