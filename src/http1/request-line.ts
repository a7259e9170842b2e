import type { FailureCode } from '../base/failure.ts';
import { CLASS, CR, LF, SP, TARGET, TOKEN } from './bytes.ts';

const DIGIT_0 = 0x30;
const DOT = 0x2e;
const HTTP_SLASH = [0x48, 0x54, 0x54, 0x50, 0x2f];

/**
 * The first line of a request, taken apart: `method SP target SP HTTP/1.x CRLF`, with exactly these blanks. Offsets are
 * into the bytes it was read from.
 */
export class RequestLine {
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  minor = 1;
  /** After the CRLF. */
  end = 0;

  /**
   * Why the line that begins at `start` is refused, or null. The bytes have a CRLF somewhere behind `start`, which
   * stops the loops.
   */
  read(bytes: Buffer, start: number, maxTargetBytes: number): FailureCode | null {
    let at = start;
    while (CLASS[bytes[at]!]! & TOKEN) at++;
    if (at === start || bytes[at] !== SP) return 'bad_request';
    this.methodEnd = at++;
    this.targetStart = at;
    while (CLASS[bytes[at]!]! & TARGET) at++;
    if (at === this.targetStart) return 'bad_request';
    if (at - this.targetStart > maxTargetBytes) return 'uri_too_long';
    if (bytes[at] !== SP) return 'bad_request';
    this.targetEnd = at++;
    for (let i = 0; i < HTTP_SLASH.length; i++) if (bytes[at + i] !== HTTP_SLASH[i]) return 'bad_request';
    const major = bytes[at + 5]! - DIGIT_0;
    const minor = bytes[at + 7]! - DIGIT_0;
    if (!isDigit(major) || bytes[at + 6] !== DOT || !isDigit(minor)) return 'bad_request';
    if (bytes[at + 8] !== CR || bytes[at + 9] !== LF) return 'bad_request';
    if (major !== 1) return 'version_not_supported';
    this.minor = minor;
    this.end = at + 10;
    return null;
  }
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}
