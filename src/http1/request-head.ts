import type { FailureCode } from '../base/failure.ts';
import type { BodyKind, RequestHead } from '../http/head.ts';
import { isAuthority } from './authority.ts';
import { isWord } from './bytes.ts';
import { AMBIGUOUS, CHUNKED, framingOf, UNFRAMED } from './framing.ts';
import { HeadLines, NO_LINE } from './head-lines.ts';
import type { RequestLine } from './request-line.ts';

const SLASH = 0x2f;
const QUESTION = 0x3f;

/**
 * The head of a request as HTTP/1.1 carries it. `read` fills it anew, and refuses whatever another parser could take
 * for a different request.
 */
export class Http1RequestHead extends HeadLines implements RequestHead {
  method = '';
  scheme = 'http';
  authority = '';
  path = '';
  body: BodyKind = 'none';
  contentLength = -1;
  wantsContinue = false;
  acceptsTrailers = false;
  upgrade: string | null = null;
  version = '1.1';
  /** The client keeps the connection for another request. */
  keepsAlive = true;
  /** The first line can be sent on as it is. */
  isPlainLine = true;
  /** There is a Host line and it can be sent on: not so with an absolute target, whose authority wins. */
  hasHostLine = true;

  /** Why the head in `bytes[origin..end]`, whose first line is `line`, is refused; null when it is not. */
  read(
    bytes: Buffer,
    origin: number,
    end: number,
    line: RequestLine,
    maxFields: number,
    scheme: string,
  ): FailureCode | null {
    const lines = this.readLines(bytes, origin, line.end, end, maxFields);
    if (lines !== 'ok') return lines === 'malformed' ? 'bad_request' : 'head_too_large';
    this.method = this.text.slice(0, line.methodEnd - origin);
    if (this.method === 'CONNECT' || this.method === 'TRACE') return 'method_not_allowed';
    this.version = line.minor === 0 ? '1.0' : '1.1';
    this.isPlainLine = line.minor === 1;
    this.scheme = scheme;
    if (!this.readHost(line.minor) || !this.readTarget(line.targetStart - origin, line.targetEnd - origin))
      return 'bad_request';
    return this.readRest(line.minor);
  }

  private readHost(minor: number): boolean {
    this.authority = '';
    this.hasHostLine = this.hostLine >= 0;
    if (this.hostLine === NO_LINE) return minor === 0;
    if (this.hostLine < 0) return false;
    const span = this.hostLine << 2;
    if (!isAuthority(this.text, this.spans[span + 2]!, this.spans[span + 3]!)) return false;
    this.authority = this.value(this.hostLine);
    return true;
  }

  /** Origin form, or what becomes it: an absolute target (RFC 9112, 3.2.2), and `*` for OPTIONS. */
  private readTarget(start: number, end: number): boolean {
    const { text } = this;
    if (text.charCodeAt(start) === SLASH) {
      this.path = text.slice(start, end);
      return true;
    }
    if (end - start === 1 && text[start] === '*') {
      this.path = '*';
      return this.method === 'OPTIONS';
    }
    const colon = text.indexOf('://', start);
    if (colon < 0 || colon > end) return false;
    if (isWord(text, start, colon, 'http')) this.scheme = 'http';
    else if (isWord(text, start, colon, 'https')) this.scheme = 'https';
    else return false;
    const hostStart = colon + 3;
    let hostEnd = hostStart;
    while (hostEnd < end && text.charCodeAt(hostEnd) !== SLASH && text.charCodeAt(hostEnd) !== QUESTION) hostEnd++;
    if (!isAuthority(text, hostStart, hostEnd)) return false;
    this.authority = text.slice(hostStart, hostEnd);
    this.hasHostLine = false;
    this.isPlainLine = false;
    if (hostEnd === end) this.path = this.method === 'OPTIONS' ? '*' : '/';
    else this.path = text.charCodeAt(hostEnd) === SLASH ? text.slice(hostEnd, end) : `/${text.slice(hostEnd, end)}`;
    return true;
  }

  private readRest(minor: number): FailureCode | null {
    const framing = framingOf(this, minor);
    if (framing === AMBIGUOUS) return 'bad_request';
    this.contentLength = framing >= 0 ? framing : -1;
    this.body = framing === UNFRAMED ? 'none' : framing === CHUNKED ? 'chunked' : 'length';

    if (this.expectLine !== NO_LINE && !this.expectsContinue()) return 'expectation_failed';
    // HTTP/1.0 knows neither interim answers nor trailers nor upgrades.
    this.wantsContinue = this.expectLine !== NO_LINE && minor > 0 && this.body !== 'none';
    this.acceptsTrailers = this.saysTrailers && minor > 0;
    this.keepsAlive = !this.saysClose && (minor > 0 || this.saysKeepAlive);
    // A request with both a body and an upgrade may be answered without the upgrade (RFC 9110, 7.8), and is, since
    // otherwise the two ends could disagree on where the body ends and the other protocol begins.
    const mayUpgrade = this.saysUpgrade && minor > 0 && this.body === 'none';
    this.upgrade = mayUpgrade ? upgradeOf(this.get('upgrade')) : null;
    return null;
  }

  private expectsContinue(): boolean {
    if (this.expectLine < 0) return false;
    const span = this.expectLine << 2;
    return isWord(this.text, this.spans[span + 2]!, this.spans[span + 3]!, '100-continue');
  }
}

/** What of an Upgrade field is passed on: all but HTTP/2, which would hide requests from whoever looks at this one. */
function upgradeOf(value: string | null): string | null {
  if (value === null) return null;
  const kept = value.split(',').map((protocol) => protocol.trim());
  const passed = kept.filter((protocol) => protocol !== '' && !/^(h2c?|http\/.*)$/i.test(protocol));
  return passed.length === 0 ? null : passed.join(', ');
}
