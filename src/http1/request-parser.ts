import type { FailureCode } from '../base/failure.ts';
import { CLASS, CR, LF, TOKEN } from './bytes.ts';
import { HeadFinder, type HeadLimits, NEED_MORE, REFUSED } from './head-scanner.ts';
import { Http1RequestHead } from './request-head.ts';
import { RequestLine } from './request-line.ts';

/** One CRLF before a request is passed over (RFC 9112, 2.2): old clients send it behind a body. */
const EMPTY_LINE_BYTES = 2;

/**
 * Reads request heads, one at a time, where they lie. The same head may be offered again and again as its bytes come
 * in; see `HeadFinder` for what that costs.
 */
export class RequestParser {
  /** Valid from an answered offset to the next `parse`. */
  readonly head = new Http1RequestHead();
  /** Why, after `REFUSED`. The connection cannot be read on: where the next request begins is unknown. */
  failure: FailureCode = 'bad_request';
  private readonly line = new RequestLine();
  private readonly finder = new HeadFinder();
  private isLineSound = false;

  constructor(
    private readonly limits: HeadLimits,
    private readonly scheme: string,
  ) {}

  /**
   * Looks for a head at `bytes[from]`. Answers the offset after it; `NEED_MORE`, to be called again with the same bytes
   * and more behind them (`from` may move); or `REFUSED`.
   */
  parse(bytes: Buffer, from: number): number {
    let origin = from;
    if (bytes[from] === CR) {
      if (from + 1 === bytes.length) return NEED_MORE;
      if (bytes[from + 1] !== LF) return this.refuse('bad_request');
      origin += EMPTY_LINE_BYTES;
    }
    if (origin === bytes.length) return NEED_MORE;
    const end = this.finder.find(bytes, origin);
    if (end === REFUSED) return this.refuse('bad_request');
    if (end === NEED_MORE) return this.checkPart(bytes, origin);

    const { maxHeadBytes, maxTargetBytes, maxFields } = this.limits;
    let failure = this.line.read(bytes, origin, maxTargetBytes);
    if (failure === null && end - origin > maxHeadBytes) failure = 'head_too_large';
    if (failure === null) failure = this.head.read(bytes, origin, end, this.line, maxFields, this.scheme);
    if (failure !== null) return this.refuse(failure);
    this.reset();
    return end;
  }

  /** Forgets a head that began and will not end. */
  reset(): void {
    this.finder.reset();
    this.isLineSound = false;
  }

  /** What has come in of a head is refused early if it can be: whoever speaks another protocol sends no blank line. */
  private checkPart(bytes: Buffer, origin: number): number {
    if ((CLASS[bytes[origin]!]! & TOKEN) === 0) return this.refuse('bad_request');
    if (this.finder.hasLine && !this.isLineSound) {
      const failure = this.line.read(bytes, origin, this.limits.maxTargetBytes);
      if (failure !== null) return this.refuse(failure);
      this.isLineSound = true;
    }
    if (bytes.length - origin <= this.limits.maxHeadBytes) return NEED_MORE;
    return this.refuse(this.finder.hasLine ? 'head_too_large' : 'uri_too_long');
  }

  private refuse(failure: FailureCode): number {
    this.reset();
    this.failure = failure;
    return REFUSED;
  }
}
