import { CLASS, TOKEN } from '../http1/bytes.ts';

/**
 * What a field is by its name, found once for each table entry or literal name and carried with it, so that nothing
 * later compares names field by field. The order counts: pseudo-fields are the last, and from `HOP` on nothing passes
 * on.
 */
export const OTHER = 0;
/** `x-remora-*`. */
export const OWN = 1;
export const COOKIE = 2;
export const EXPECT = 3;
export const CONTENT_LENGTH = 4;
export const HOST = 5;
/** Passes as `trailers` only. */
export const TE = 6;
/**
 * Belongs to a connection, which HTTP/2 has its own means for: malformed here (RFC 9113, 8.2.2). `http2-settings` is
 * not among the names of that section: without `upgrade`, which is, it says nothing to anybody.
 */
export const HOP = 7;
/** A name that is no lower-case token. */
export const INVALID = 8;
export const METHOD = 9;
export const SCHEME = 10;
export const AUTHORITY = 11;
export const PATH = 12;
export const STATUS = 13;
/** Of an extended CONNECT (RFC 8441). */
export const PROTOCOL = 14;
/** Begins with a colon and is none of those above. */
export const UNKNOWN_PSEUDO = 15;

export function isPseudo(kind: number): boolean {
  return kind >= METHOD;
}

const OWN_PREFIX = 'x-remora-';
const COLON = 0x3a;

/** The kind of a name as it came. */
export function kindOf(name: string): number {
  const { length } = name;
  if (name.charCodeAt(0) === COLON) return pseudoKindOf(name);
  if (!isLowerToken(name)) return INVALID;
  switch (length) {
    case 2:
      return name === 'te' ? TE : OTHER;
    case 4:
      return name === 'host' ? HOST : OTHER;
    case 6:
      if (name === 'cookie') return COOKIE;
      return name === 'expect' ? EXPECT : OTHER;
    case 7:
      return name === 'upgrade' ? HOP : OTHER;
    case 10:
      return name === 'connection' || name === 'keep-alive' ? HOP : ownKindOf(name);
    case 14:
      return name === 'content-length' ? CONTENT_LENGTH : ownKindOf(name);
    case 16:
      return name === 'proxy-connection' ? HOP : ownKindOf(name);
    case 17:
      return name === 'transfer-encoding' ? HOP : ownKindOf(name);
    default:
      return length > OWN_PREFIX.length ? ownKindOf(name) : OTHER;
  }
}

function pseudoKindOf(name: string): number {
  switch (name) {
    case ':method':
      return METHOD;
    case ':scheme':
      return SCHEME;
    case ':authority':
      return AUTHORITY;
    case ':path':
      return PATH;
    case ':status':
      return STATUS;
    case ':protocol':
      return PROTOCOL;
    default:
      return UNKNOWN_PSEUDO;
  }
}

function ownKindOf(name: string): number {
  return name.startsWith(OWN_PREFIX) ? OWN : OTHER;
}

function isLowerToken(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = name.charCodeAt(i);
    if ((CLASS[byte]! & TOKEN) === 0 || (byte >= 0x41 && byte <= 0x5a)) return false;
  }
  return name.length > 0;
}
