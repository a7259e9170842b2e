import { SP } from '../http1/bytes.ts';
import { PREFACE } from '../http2/frames.ts';

/**
 * What the first bytes of a connection are the beginning of. Pure questions about all that has come so far; `unclear`
 * is answered only while everything is as it would have to be and more is needed to know, so the answer is bounded by
 * the length of what is looked for.
 */
export type Match = 'yes' | 'no' | 'unclear';

/** Twice the longest method that is registered; more letters than that are something else. */
const MAX_METHOD_BYTES = 32;

const SLASH = 0x2f;
const STAR = 0x2a;
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
const LOWER_HTTP = [0x68, 0x74, 0x74, 0x70];

/** The client's preface of HTTP/2 (RFC 9113, 3.4). */
export function matchPreface(bytes: Buffer): Match {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE[i]) return 'no';
  return length === PREFACE.length ? 'yes' : 'unclear';
}

/**
 * The beginning of an HTTP/1 request line: at most 32 capital letters, `-` and `_`, one space, and then `/`, `*` or
 * `http` in any case. Narrower than the grammar, in which the greeting of SSH (`SSH-2.0-x y`) and memcached's `get /a`
 * would be requests too; what is left out is methods that nobody has registered, and CONNECT.
 */
export function matchRequestLine(bytes: Buffer): Match {
  const { length } = bytes;
  let at = 0;
  while (at < length && at <= MAX_METHOD_BYTES && isOfMethod(bytes[at]!)) at++;
  if (at > MAX_METHOD_BYTES) return 'no';
  if (at === length) return 'unclear';
  if (at === 0 || bytes[at] !== SP) return 'no';
  const target = at + 1;
  if (target === length) return 'unclear';
  if (bytes[target] === SLASH || bytes[target] === STAR) return 'yes';
  for (let i = 0; i < LOWER_HTTP.length; i++) {
    if (target + i === length) return 'unclear';
    if ((bytes[target + i]! | 0x20) !== LOWER_HTTP[i]) return 'no';
  }
  return 'yes';
}

function isOfMethod(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === DASH || byte === UNDERSCORE;
}
