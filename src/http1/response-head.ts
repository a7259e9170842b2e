import type { BodyKind, ResponseHead } from '../http/head.ts';
import { AMBIGUOUS, CHUNKED, framingOf, UNFRAMED } from './framing.ts';
import { HeadLines, type LinesResult } from './head-lines.ts';

/** What the answer to a request depends on besides its own bytes. */
export interface Asked {
  /** The request's method was HEAD. */
  readonly isHead: boolean;
  /** The protocols that the request offered to change to, or null. */
  readonly upgrade: string | null;
}

/** The head of an answer as HTTP/1.1 carries it. `read` fills it anew. */
export class Http1ResponseHead extends HeadLines implements ResponseHead {
  status = 0;
  body: BodyKind = 'none';
  contentLength = -1;
  /** The connection may carry another request after this answer, as far as its head says. */
  keepsAlive = false;
  /** The first line can be sent on as it is. */
  isPlainLine = true;
  /** Where the reason phrase lies in `text`. */
  reasonStart = 0;
  reasonEnd = 0;

  /**
   * Is the head in `bytes[origin..end]`, whose field lines begin at `at`, well-formed? The caller has read the first
   * line.
   */
  read(
    bytes: Buffer,
    origin: number,
    at: number,
    end: number,
    minor: number,
    maxFields: number,
    asked: Asked,
  ): boolean {
    const lines: LinesResult = this.readLines(bytes, origin, at, end, maxFields);
    if (lines !== 'ok') return false;
    const framing = framingOf(this, minor);
    if (framing === AMBIGUOUS) return false;
    // HTTP/1.0 has no interim answers: its readers take this for the answer, and what follows for its body.
    if (this.status < 200 && minor === 0) return false;
    this.keepsAlive = !this.saysClose && (minor > 0 || this.saysKeepAlive);
    this.contentLength = -1;
    if (this.status === 101) {
      this.body = 'raw';
      this.keepsAlive = false;
    } else if (this.status < 200 || this.status === 204) {
      this.body = 'none';
      // These have no body and must not say how long it is. One that does may be followed by bytes.
      if (framing !== UNFRAMED && framing !== 0) this.keepsAlive = false;
    } else if (asked.isHead || this.status === 304) {
      this.body = 'none';
    } else if (framing === UNFRAMED) {
      this.body = 'until_close';
      this.keepsAlive = false;
    } else if (framing === CHUNKED) {
      this.body = 'chunked';
    } else {
      this.body = 'length';
      this.contentLength = framing;
    }
    return true;
  }

  /** Does a 101 change to one of the protocols that were offered? */
  isOffered(offered: string | null): boolean {
    const chosen = this.get('upgrade');
    if (offered === null || chosen === null || !this.saysUpgrade) return false;
    const names = offered
      .toLowerCase()
      .split(',')
      .map((name) => name.trim());
    return chosen
      .toLowerCase()
      .split(',')
      .every((name) => names.includes(name.trim()));
  }
}
