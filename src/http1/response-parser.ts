import type { FailureCode } from '../base/failure.ts';
import { CLASS, CR, LF, SP, VALUE } from './bytes.ts';
import { HeadFinder, type HeadLimits, NEED_MORE, REFUSED } from './head-scanner.ts';
import { type Asked, Http1ResponseHead } from './response-head.ts';

const HTTP_1 = Buffer.from('HTTP/1.', 'latin1');
const DIGIT_0 = 0x30;
/** SETTINGS or GOAWAY of HTTP/2 begin with a length below 64 KiB, which no server exceeds there. */
const HTTP_2_FRAME = 0x00;
/** What a TLS server says to somebody who speaks plainly. */
const TLS_ALERT = 0x15;
const MIN_STATUS = 100;

/** Reads the heads of answers, one at a time, where they lie; interim ones included. */
export class ResponseParser implements Asked {
  /** Valid from an answered offset to the next `parse`. */
  readonly head = new Http1ResponseHead();
  /** Why, after `REFUSED`: `bad_response`, `not_http1` or `unrequested_upgrade`. */
  failure: FailureCode = 'bad_response';
  isHead = false;
  upgrade: string | null = null;
  private readonly finder = new HeadFinder();
  private isLineSound = false;
  private minor = 1;

  constructor(private readonly limits: HeadLimits) {}

  /** What follows answers a request with this method; `upgrade` as in its head. */
  begin(method: string, upgrade: string | null): void {
    this.isHead = method === 'HEAD';
    this.upgrade = upgrade;
    this.finder.reset();
    this.isLineSound = false;
  }

  /**
   * Looks for a head at `bytes[from]`. Answers the offset after it; `NEED_MORE`, to be called again with the same bytes
   * and more behind them (`from` may move); or `REFUSED`.
   */
  parse(bytes: Buffer, from: number): number {
    const { maxHeadBytes, maxFields } = this.limits;
    const first = bytes[from];
    if (first === HTTP_2_FRAME || first === TLS_ALERT) return this.refuse('not_http1');
    const end = this.finder.find(bytes, from);
    if (end === REFUSED) return this.refuse('bad_response');
    if (end === NEED_MORE) return this.checkPart(bytes, from);
    if (end - from > maxHeadBytes) return this.refuse('bad_response');

    const at = this.readLine(bytes, from);
    const { head } = this;
    if (at === REFUSED || !head.read(bytes, from, at, end, this.minor, maxFields, this))
      return this.refuse('bad_response');
    if (head.status === 101 && !head.isOffered(this.upgrade)) return this.refuse('unrequested_upgrade');
    this.finder.reset();
    this.isLineSound = false;
    return end;
  }

  /**
   * Reads `HTTP/1.x SP status [SP reason] CRLF`; the offset after it, or `REFUSED`. The bytes have a CRLF, which stops
   * the loop.
   */
  private readLine(bytes: Buffer, from: number): number {
    for (let i = 0; i < HTTP_1.length; i++) if (bytes[from + i] !== HTTP_1[i]) return REFUSED;
    let at = from + HTTP_1.length;
    const minor = bytes[at++]! - DIGIT_0;
    if (minor < 0 || minor > 9 || bytes[at++] !== SP) return REFUSED;
    let status = 0;
    for (let i = 0; i < 3; i++) {
      const digit = bytes[at++]! - DIGIT_0;
      if (!(digit >= 0 && digit <= 9)) return REFUSED;
      status = status * 10 + digit;
    }
    if (status < MIN_STATUS) return REFUSED;
    // Servers that leave out an empty reason often leave out the blank before it too.
    const hasReason = bytes[at] === SP;
    if (hasReason) at++;
    const reasonStart = at;
    if (hasReason) while (CLASS[bytes[at]!]! & VALUE) at++;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return REFUSED;
    const { head } = this;
    head.status = status;
    head.reasonStart = reasonStart - from;
    head.reasonEnd = at - from;
    head.isPlainLine = minor === 1 && hasReason;
    this.minor = minor;
    return at + 2;
  }

  private checkPart(bytes: Buffer, from: number): number {
    const known = Math.min(HTTP_1.length, bytes.length - from);
    for (let i = 0; i < known; i++) if (bytes[from + i] !== HTTP_1[i]) return this.refuse('bad_response');
    if (this.finder.hasLine && !this.isLineSound) {
      if (this.readLine(bytes, from) === REFUSED) return this.refuse('bad_response');
      this.isLineSound = true;
    }
    return bytes.length - from > this.limits.maxHeadBytes ? this.refuse('bad_response') : NEED_MORE;
  }

  private refuse(failure: FailureCode): number {
    this.failure = failure;
    return REFUSED;
  }
}
