import type { Edits } from '../http/edits.ts';
import type { BodyKind, ResponseHead } from '../http/head.ts';
import { linesRoom, putAdded, putKept } from './encode-lines.ts';
import { type EncodeTarget, putLine, putText } from './encode-text.ts';
import { reasonOf } from './reason.ts';
import { Http1ResponseHead } from './response-head.ts';

/** What an answer says of its connection: nothing (the client's version implies it goes on), or one of these. */
export type Persistence = 'implied' | 'keep-alive' | 'close';

/** What an answer's own lines and its first line need beside the texts counted in `responseRoom`. */
const FIXED_ROOM = 192;

/** Upper bound of what `encodeResponse` and `encodeInterim` write. */
export function responseRoom(head: ResponseHead, edits: Edits): number {
  const room = FIXED_ROOM + linesRoom(head, edits);
  return isUpgrade(head) ? room + (head.get('upgrade') ?? '').length : room;
}

/**
 * How the body is framed towards a client that speaks HTTP/1.`minor`: its end must be seen even by one that knows no
 * chunks.
 */
export function responseFraming(head: ResponseHead, minor: number): BodyKind {
  if (head.body !== 'chunked' && head.body !== 'until_close') return head.body;
  return minor > 0 ? 'chunked' : 'until_close';
}

/** Writes the final head of an answer, or a 101, framed as `responseFraming` says. */
export function encodeResponse(
  out: EncodeTarget,
  head: ResponseHead,
  edits: Edits,
  framing: BodyKind,
  persistence: Persistence,
): void {
  const own = head instanceof Http1ResponseHead ? head : null;
  // What has no body although it might (an answer to HEAD, a 304) may say how long it would have been.
  const mayTell = framing === 'none' && head.status >= 200 && head.status !== 204;
  const keepsLength = own === null ? mayTell : (mayTell || framing === 'length') && own.hasPlainLength();
  putKept(out, head, edits, putFirstLine(out, head), true, keepsLength);
  putAdded(out, edits);
  if (framing === 'length' && !keepsLength) putLine(out, 'content-length', String(head.contentLength));
  else if (framing === 'chunked') putText(out, 'transfer-encoding: chunked\r\n');
  const upgrade = isUpgrade(head) ? head.get('upgrade') : null;
  if (upgrade !== null) {
    putLine(out, 'upgrade', upgrade);
    putText(
      out,
      persistence === 'close' && framing !== 'raw' ? 'connection: upgrade, close\r\n' : 'connection: upgrade\r\n',
    );
  } else if (persistence !== 'implied') {
    putLine(out, 'connection', persistence);
  }
  putText(out, '\r\n');
}

/** Writes an interim answer: no framing, no word on the connection. */
export function encodeInterim(out: EncodeTarget, head: ResponseHead, edits: Edits): void {
  putKept(out, head, edits, putFirstLine(out, head), true, false);
  putAdded(out, edits);
  putText(out, '\r\n');
}

/** Writes the first line unless it is part of the text that is copied; answers where in that text copying begins. */
function putFirstLine(out: EncodeTarget, head: ResponseHead): number {
  const own = head instanceof Http1ResponseHead ? head : null;
  if (own?.isPlainLine === true) return 0;
  putText(out, 'HTTP/1.1 ');
  putText(out, String(head.status));
  putText(out, ' ');
  putText(out, own === null ? reasonOf(head.status) : own.text.slice(own.reasonStart, own.reasonEnd));
  putText(out, '\r\n');
  return own === null ? 0 : own.linesStart;
}

/** 426 tells the client which protocol it must change to (RFC 9110, 15.5.22). */
function isUpgrade(head: ResponseHead): boolean {
  return head.status === 101 || head.status === 426;
}
