import type { BodyKind, ResponseHead } from '../http/head.ts';
import { beginsWithZero, parseLength } from './content-length.ts';
import { FieldBlock } from './field-block.ts';
import { CONTENT_LENGTH, HOP, isPseudo, OTHER, STATUS, TE } from './field-kinds.ts';
import { ACCEPT_FIELD, acceptOf, isWebSocket } from './websocket.ts';

/** What the answer to a request depends on besides its own block. */
export interface Http2Asked {
  /** The request's method was HEAD. */
  readonly isHead: boolean;
  /** The `:protocol` that was asked for (`protocolOf` its head), or null. */
  readonly upgrade: string | null;
  /** The key in the request's head, which its client wants to see proved; or null. */
  readonly webSocketKey: string | null;
}

const SWITCHING = 101;
/** Only the fields that may belong to a message; from `TE` on there is none that an answer may have. */
const LAST_ALLOWED = TE - 1;

/**
 * The head of an answer as HTTP/2 carries it: the block that a decoder has filled, and `read`, which finds out what it
 * means. What answers an extended CONNECT with success is shown as a 101, see `websocket.ts`.
 */
export class Http2ResponseHead extends FieldBlock implements ResponseHead {
  status = 0;
  body: BodyKind = 'none';
  contentLength = -1;

  /** Is it well-formed? `isEnd`: the stream ended with this block, so there is no body. */
  read(isEnd: boolean, asked: Http2Asked): boolean {
    this.status = 0;
    this.body = 'none';
    this.contentLength = -1;
    if (this.problem !== 'none' || !this.readFields()) return false;
    const { status, contentLength } = this;
    if (status < 200) {
      this.contentLength = -1;
      // Upgrades have another form here (RFC 9113, 8.6), and something must follow an interim answer.
      return status >= 100 && status !== SWITCHING && !isEnd;
    }
    if (asked.upgrade !== null && status < 300) this.switchTo(asked.upgrade, asked.webSocketKey);
    else if (asked.isHead || status === 204 || status === 304) this.contentLength = -1;
    else return this.readBody(isEnd, contentLength);
    return true;
  }

  /** How many bytes of a body must come; -1 when only their end will tell. */
  get expectedBytes(): number {
    return this.body === 'none' ? 0 : this.contentLength;
  }

  private readFields(): boolean {
    const { kinds, values, size } = this;
    for (let at = 0; at < size; at++) {
      const kind = kinds[at]!;
      if (kind > LAST_ALLOWED && kind !== STATUS) return false;
      // There is one pseudo-field, and nothing may be before it.
      if (isPseudo(kind) !== (at === 0)) return false;
      if (kind === STATUS) this.status = statusOf(values[at]!);
      else if (kind === CONTENT_LENGTH && !this.readLength(at)) return false;
    }
    return size > 0;
  }

  private readLength(at: number): boolean {
    if (this.contentLength >= 0) return false;
    const value = this.values[at]!;
    this.contentLength = parseLength(value);
    if (beginsWithZero(value)) this.values[at] = String(this.contentLength);
    return this.contentLength >= 0;
  }

  private readBody(isEnd: boolean, contentLength: number): boolean {
    this.body = contentLength >= 0 || isEnd ? 'length' : 'chunked';
    // Without a word on it, HTTP/1.1 would take the end of the connection for the end of this body.
    if (isEnd) this.contentLength = 0;
    return !isEnd || contentLength <= 0;
  }

  private switchTo(protocol: string, webSocketKey: string | null): void {
    this.status = SWITCHING;
    this.body = 'raw';
    this.contentLength = -1;
    this.add('upgrade', protocol, HOP, false);
    if (webSocketKey === null || !isWebSocket(protocol)) return;
    this.keepOnly(isNoAccept);
    this.add(ACCEPT_FIELD, acceptOf(webSocketKey), OTHER, false);
  }
}

/** 0 when it is none. */
function statusOf(value: string): number {
  return /^[1-9]\d\d$/.test(value) ? Number(value) : 0;
}

function isNoAccept(name: string): boolean {
  return name !== ACCEPT_FIELD;
}
