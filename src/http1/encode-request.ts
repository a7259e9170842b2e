import type { Edits } from '../http/edits.ts';
import type { BodyKind, RequestHead } from '../http/head.ts';
import { linesRoom, putAdded, putKept } from './encode-lines.ts';
import { type EncodeTarget, putLine, putText } from './encode-text.ts';
import { Http1RequestHead } from './request-head.ts';

/** What a request's own lines need beside the texts counted in `requestRoom`. */
const FIXED_ROOM = 192;

/** Upper bound of what `encodeRequest` writes. */
export function requestRoom(head: RequestHead, edits: Edits): number {
  const path = edits.path === null ? head.path : edits.path;
  const upgrade = head.upgrade === null ? 0 : head.upgrade.length;
  return FIXED_ROOM + head.method.length + path.length + head.authority.length + upgrade + linesRoom(head, edits);
}

/** How the body is framed towards the endpoint: `none`, `length`, or `chunked` when its length is not known. */
export function requestFraming(head: RequestHead): BodyKind {
  return head.body === 'none' || head.body === 'length' ? head.body : 'chunked';
}

/**
 * Writes a request's head as HTTP/1.1 for an endpoint. Framing is said anew, what belonged to the client's hop is left
 * out, and of that only upgrade, `TE: trailers` and `Expect` are said again for this hop.
 */
export function encodeRequest(out: EncodeTarget, head: RequestHead, edits: Edits): void {
  const own = head instanceof Http1RequestHead ? head : null;
  let from = 0;
  if (own === null || !own.isPlainLine || edits.path !== null) {
    putText(out, head.method);
    putText(out, ' ');
    putText(out, edits.path === null ? head.path : edits.path);
    putText(out, ' HTTP/1.1\r\n');
    if (own !== null) from = own.linesStart;
  }
  const hasHost = own?.hasHostLine === true;
  const hasLength = head.body === 'length' && own?.hasPlainLength() === true;
  putKept(out, head, edits, from, hasHost, hasLength);
  putAdded(out, edits);
  if (!hasHost && !adds(edits, 'host')) putLine(out, 'host', head.authority);
  if (head.body === 'length' && !hasLength) putLine(out, 'content-length', String(head.contentLength));
  else if (requestFraming(head) === 'chunked') putText(out, 'transfer-encoding: chunked\r\n');
  if (head.wantsContinue) putText(out, 'expect: 100-continue\r\n');
  if (head.upgrade !== null) {
    putLine(out, 'upgrade', head.upgrade);
    putText(out, head.acceptsTrailers ? 'te: trailers\r\nconnection: upgrade, te\r\n' : 'connection: upgrade\r\n');
  } else if (head.acceptsTrailers) {
    putText(out, 'te: trailers\r\nconnection: te\r\n');
  }
  putText(out, '\r\n');
}

function adds(edits: Edits, name: string): boolean {
  for (let i = 0; i < edits.addedCount; i++) if (edits.names[i] === name) return true;
  return false;
}
