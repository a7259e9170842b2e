import type { FailureCode } from '../base/failure.ts';
import type { Random } from '../base/random.ts';
import type { BodyKind, RequestHead } from '../http/head.ts';
import { isAuthority } from '../http1/authority.ts';
import { CLASS, isWord, TARGET, TOKEN } from '../http1/bytes.ts';
import { beginsWithZero, parseLength } from './content-length.ts';
import { FieldBlock } from './field-block.ts';
import {
  AUTHORITY,
  CONTENT_LENGTH,
  COOKIE,
  EXPECT,
  HOST,
  isPseudo,
  METHOD,
  OTHER,
  PATH,
  PROTOCOL,
  SCHEME,
  TE,
} from './field-kinds.ts';
import { isWebSocket, KEY_FIELD, makeKey } from './websocket.ts';

const SLASH = 0x2f;
/** The bits of all kinds that are no pseudo-fields. */
const REGULAR = (1 << METHOD) - 1;
/** Protocols that would hide requests from whoever looks at this one. */
const HIDING = /^h2c?$/i;

/**
 * The head of a request as HTTP/2 carries it: the block that a decoder has filled, and `read`, which finds out what it
 * means and refuses what is malformed (RFC 9113, 8.1 to 8.3).
 *
 * The law is that of `Http1RequestHead`, since what passes here may be written as HTTP/1.1: nothing that another parser
 * could take for a different request. An extended CONNECT is shown as HTTP/1.1 shows an upgrade, see `websocket.ts`.
 */
export class Http2RequestHead extends FieldBlock implements RequestHead {
  method = '';
  scheme = '';
  authority = '';
  path = '';
  body: BodyKind = 'none';
  contentLength = -1;
  wantsContinue = false;
  acceptsTrailers = false;
  upgrade: string | null = null;
  readonly version = '2';
  /** The client wants where it goes in no table. */
  hasSecretTarget = false;
  private host = '';
  private protocol = '';
  private expectsContinue = true;
  /** A bit for each kind that is there. */
  private seen = 0;

  constructor(private readonly random: Random) {
    super();
  }

  /** `isEnd`: the stream ended with this block, so there is no body. */
  read(isEnd: boolean, maxTargetBytes: number): 'ok' | FailureCode {
    this.reset();
    const isRead = this.readFields();
    // What was kept of it still says what an answer to it may have.
    if (this.problem === 'too_large') return 'head_too_large';
    if (this.problem !== 'none' || !isRead || !this.readBody(isEnd)) return 'bad_request';
    if (!isOf(this.method, TOKEN) || !this.readAuthority()) return 'bad_request';
    if (this.has(PROTOCOL)) {
      if (!this.readProtocol()) return 'bad_request';
    } else if (this.method === 'CONNECT') {
      return this.has(SCHEME) || this.has(PATH) ? 'bad_request' : 'method_not_allowed';
    }
    if (this.path.length > maxTargetBytes) return 'uri_too_long';
    if (!this.isTargetSound()) return 'bad_request';
    if (this.method === 'TRACE' || HIDING.test(this.protocol)) return 'method_not_allowed';
    if (!this.expectsContinue) return 'expectation_failed';
    this.wantsContinue = this.has(EXPECT) && this.body !== 'none' && !isEnd;
    return 'ok';
  }

  /** How many bytes of a body must come; -1 when only their end will tell. */
  get expectedBytes(): number {
    return this.contentLength;
  }

  private readFields(): boolean {
    const { kinds, size } = this;
    for (let at = 0; at < size; at++) {
      const kind = kinds[at]!;
      if (isPseudo(kind)) {
        if (!this.readPseudo(kind, at)) return false;
      } else if (kind > COOKIE && !this.readField(kind, at)) return false;
      this.seen |= 1 << kind;
    }
    return true;
  }

  private readPseudo(kind: number, at: number): boolean {
    if (this.has(kind) || (this.seen & REGULAR) !== 0) return false;
    const value = this.values[at]!;
    this.hasSecretTarget ||= this.secrets[at]!;
    switch (kind) {
      case METHOD:
        this.method = value;
        return true;
      case SCHEME:
        this.scheme = value.toLowerCase();
        return true;
      case AUTHORITY:
        this.authority = value;
        return true;
      case PATH:
        this.path = value;
        return true;
      case PROTOCOL:
        this.protocol = value;
        return true;
      default:
        return false;
    }
  }

  private readField(kind: number, at: number): boolean {
    const value = this.values[at]!;
    switch (kind) {
      case EXPECT:
        this.expectsContinue = !this.has(EXPECT) && isWord(value, 0, value.length, '100-continue');
        return true;
      case CONTENT_LENGTH:
        if (this.has(CONTENT_LENGTH)) return false;
        this.contentLength = parseLength(value);
        if (beginsWithZero(value)) this.values[at] = String(this.contentLength);
        return this.contentLength >= 0;
      case HOST:
        if (this.has(HOST)) return false;
        this.host = value;
        return true;
      case TE:
        this.acceptsTrailers = isWord(value, 0, value.length, 'trailers');
        return this.acceptsTrailers;
      default:
        return false;
    }
  }

  private readBody(isEnd: boolean): boolean {
    if (this.contentLength >= 0) this.body = 'length';
    else if (!isEnd) this.body = 'chunked';
    return !isEnd || this.contentLength <= 0;
  }

  /** Host is the older name of the same thing, and whoever looks at the one must see what the other says. */
  private readAuthority(): boolean {
    const { host } = this;
    if (!this.has(AUTHORITY)) this.authority = host;
    else if (this.has(HOST) && !isWord(host, 0, host.length, this.authority.toLowerCase())) return false;
    return isAuthority(this.authority, 0, this.authority.length);
  }

  private readProtocol(): boolean {
    // What follows is no body: a length of it could be read in two ways.
    if (this.method !== 'CONNECT' || this.has(CONTENT_LENGTH) || !isOf(this.protocol, TOKEN)) return false;
    this.method = 'GET';
    this.body = 'none';
    this.upgrade = this.protocol;
    if (!isWebSocket(this.protocol)) return true;
    this.keepOnly(isNoKey);
    this.add(KEY_FIELD, makeKey(this.random), OTHER, false);
    return true;
  }

  private isTargetSound(): boolean {
    const { path, scheme } = this;
    if (scheme !== 'http' && scheme !== 'https') return false;
    if (path.charCodeAt(0) !== SLASH) return path === '*' && this.method === 'OPTIONS';
    return isOf(path, TARGET);
  }

  private has(kind: number): boolean {
    return (this.seen & (1 << kind)) !== 0;
  }

  private reset(): void {
    this.method = '';
    this.scheme = '';
    this.authority = '';
    this.path = '';
    this.body = 'none';
    this.contentLength = -1;
    this.wantsContinue = false;
    this.acceptsTrailers = false;
    this.upgrade = null;
    this.host = '';
    this.protocol = '';
    this.expectsContinue = true;
    this.seen = 0;
    this.hasSecretTarget = false;
  }
}

/** Is it a word of such characters, and not empty? */
function isOf(text: string, bit: number): boolean {
  for (let at = 0; at < text.length; at++) if ((CLASS[text.charCodeAt(at)]! & bit) === 0) return false;
  return text !== '';
}

function isNoKey(name: string): boolean {
  return name !== KEY_FIELD;
}
