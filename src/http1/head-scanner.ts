import { CR, LF } from './bytes.ts';

/** `parse` answers: the head is not complete yet. */
export const NEED_MORE = 0;
/** `parse` answers: never to be complete; see `failure`. */
export const REFUSED = -1;

/** A part of `HttpConfig`. */
export interface HeadLimits {
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  readonly maxTargetBytes: number;
}

const BLANK_LINE = Buffer.from('\r\n\r\n', 'latin1');

/**
 * Finds the blank line that ends a head. However slowly the bytes come, each is looked at a bounded number of times:
 * what has been searched is not searched again, and a line that ends in a bare LF is refused when it is seen, so that
 * a head without any CRLF does not wait for its timeout.
 */
export class HeadFinder {
  /** Whether the first line has come in whole. */
  hasLine = false;
  private searched = 0;

  reset(): void {
    this.hasLine = false;
    this.searched = 0;
  }

  /** The offset after the blank line, `NEED_MORE` or `REFUSED`, for a head that begins at `from`. */
  find(bytes: Buffer, from: number): number {
    const at = bytes.indexOf(BLANK_LINE, from + Math.max(0, this.searched - (BLANK_LINE.length - 1)));
    if (at >= 0) return at + BLANK_LINE.length;
    for (let lf = bytes.indexOf(LF, from + this.searched); lf >= 0; lf = bytes.indexOf(LF, lf + 1)) {
      if (lf === from || bytes[lf - 1] !== CR) return REFUSED;
      this.hasLine = true;
    }
    this.searched = bytes.length - from;
    return NEED_MORE;
  }
}
