import { CR, HT, isWord } from './bytes.ts';
import { type HeadLines, NO_LINE } from './head-lines.ts';

/** `framingOf` answers: nothing in the head frames a body. */
export const UNFRAMED = -1;
/** The body is chunked. */
export const CHUNKED = -2;
/** Two parsers could read it differently. */
export const AMBIGUOUS = -3;

/**
 * What a head says about where its body ends: the length, or one of the answers above.
 *
 * Everything that has been used to smuggle messages is refused and not repaired: both framing fields, either of them
 * twice, a length that is anything but digits, a coding that is anything but exactly `chunked`, a coding in
 * HTTP/1.0, which does not know it, and tabs around either, which Node's parser takes for a part of the value.
 */
export function framingOf(lines: HeadLines, minor: number): number {
  const { lengthLine, codingLine } = lines;
  if (codingLine === NO_LINE && lengthLine === NO_LINE) return UNFRAMED;
  if (codingLine === NO_LINE) return lengthLine < 0 ? AMBIGUOUS : lengthAt(lines, lengthLine);
  if (lengthLine !== NO_LINE || codingLine < 0 || minor === 0) return AMBIGUOUS;
  const { text, spans } = lines;
  const span = codingLine << 2;
  if (hasTabs(lines, codingLine)) return AMBIGUOUS;
  return isWord(text, spans[span + 2]!, spans[span + 3]!, 'chunked') ? CHUNKED : AMBIGUOUS;
}

function hasTabs(lines: HeadLines, line: number): boolean {
  const { text, spans } = lines;
  const span = line << 2;
  for (let at = spans[span + 1]! + 1; at < spans[span + 2]!; at++) if (text.charCodeAt(at) === HT) return true;
  let at = spans[span + 3]!;
  while (text.charCodeAt(at) !== CR) if (text.charCodeAt(at++) === HT) return true;
  return false;
}

function lengthAt(lines: HeadLines, line: number): number {
  const { text, spans } = lines;
  const start = spans[(line << 2) + 2]!;
  const end = spans[(line << 2) + 3]!;
  if (start === end || hasTabs(lines, line)) return AMBIGUOUS;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return AMBIGUOUS;
    length = length * 10 + digit;
    // Above this a Number no longer says what the digits say.
    if (length > Number.MAX_SAFE_INTEGER) return AMBIGUOUS;
  }
  return length;
}
