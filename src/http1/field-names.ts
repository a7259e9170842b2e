import { isWord } from './bytes.ts';

/**
 * Field names that matter to framing, to hops and to edits, found once while a head is read, so that nothing later
 * lower-cases or compares names line by line. The order counts: from `HOP` on, a line never passes on.
 */
export const OTHER = 0;
/** `x-remora-*`. */
export const OWN = 1;
export const HOST_NAME = 2;
export const CONTENT_LENGTH = 3;
/** Hop-by-hop without a meaning of its own here, or named by `Connection`. */
export const HOP = 4;
export const CONNECTION = 5;
export const TRANSFER_ENCODING = 6;
export const UPGRADE = 7;
export const EXPECT = 8;
export const TE = 9;

const OWN_PREFIX = 'x-remora-';

/**
 * A number that two equal names share whatever their case, made of length, first, middle and last character. Unequal
 * names seldom share one: what is found by key is compared in full.
 */
export function keyOf(name: string): number {
  const length = name.length;
  return mix(length, name.charCodeAt(0), name.charCodeAt(length >> 1), name.charCodeAt(length - 1));
}

/** The same for the name at `bytes[start..end]`, which is not empty. */
export function keyIn(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  return mix(length, bytes[start]!, bytes[start + (length >> 1)]!, bytes[end - 1]!);
}

/** One of 32 bits for a key: a head without the bit has no such line. */
export function keyBit(key: number): number {
  return 1 << ((key ^ (key >>> 8) ^ (key >>> 15) ^ (key >>> 21)) & 31);
}

function mix(length: number, first: number, middle: number, last: number): number {
  // Bit 5 is what upper and lower case differ in.
  return (length & 0xff) | ((first | 0x20) << 8) | ((middle | 0x20) << 16) | ((last | 0x20) << 24);
}

/** Which of the names above is at `text[start..end]`? */
export function classify(text: string, start: number, end: number): number {
  switch (end - start) {
    case 2:
      return isWord(text, start, end, 'te') ? TE : OTHER;
    case 4:
      return isWord(text, start, end, 'host') ? HOST_NAME : OTHER;
    case 6:
      return isWord(text, start, end, 'expect') ? EXPECT : OTHER;
    case 7:
      return isWord(text, start, end, 'upgrade') ? UPGRADE : OTHER;
    case 10:
      if (isWord(text, start, end, 'connection')) return CONNECTION;
      return isWord(text, start, end, 'keep-alive') ? HOP : classifyOwn(text, start);
    case 14:
      if (isWord(text, start, end, 'content-length')) return CONTENT_LENGTH;
      return isWord(text, start, end, 'http2-settings') ? HOP : classifyOwn(text, start);
    case 16:
      return isWord(text, start, end, 'proxy-connection') ? HOP : classifyOwn(text, start);
    case 17:
      return isWord(text, start, end, 'transfer-encoding') ? TRANSFER_ENCODING : classifyOwn(text, start);
    default:
      return end - start > OWN_PREFIX.length ? classifyOwn(text, start) : OTHER;
  }
}

function classifyOwn(text: string, start: number): number {
  return isWord(text, start, start + OWN_PREFIX.length, OWN_PREFIX) ? OWN : OTHER;
}
