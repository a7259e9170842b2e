import type { LocalAnswer } from '../http/answer.ts';
import { type Edits, NO_EDITS } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { EncodeTarget } from '../http1/encode-text.ts';
import { HeadLines } from '../http1/head-lines.ts';
import { FIELD_ROOM, KEEPS_HOST, KEEPS_LENGTH, linesRoom, putAdded, putKept } from './encode-lines.ts';
import { FieldBlock } from './field-block.ts';
import { BEGIN_ROOM, type HpackEncoder } from './hpack-encoder.ts';
import { Http2RequestHead } from './request-head.ts';
import { protocolOf } from './websocket.ts';

/**
 * The start of a block, and what the fields that are written besides those of a head need, but for texts of its own.
 */
const FIXED_ROOM = BEGIN_ROOM + 8 * FIELD_ROOM + 128;

/** Upper bound of what `encodeRequestHead` writes. */
export function requestRoom(head: RequestHead, edits: Edits): number {
  const path = edits.path === null ? head.path : edits.path;
  const upgrade = head.upgrade === null ? 0 : head.upgrade.length;
  const texts = head.method.length + head.scheme.length + head.authority.length + path.length + upgrade;
  return FIXED_ROOM + texts + linesRoom(head, edits);
}

/**
 * Writes a request's head, of any wire, as the block of an HTTP/2 request. Where the request goes is said by
 * pseudo-fields alone; what belonged to the client's hop is left out, and of that only upgrade, `te: trailers` and
 * `expect` are said again for this one.
 */
export function encodeRequestHead(out: EncodeTarget, encoder: HpackEncoder, head: RequestHead, edits: Edits): void {
  const protocol = protocolOf(head);
  const authority = authorityOf(head, edits);
  const isSecret = head instanceof Http2RequestHead && head.hasSecretTarget;
  encoder.begin(out);
  encoder.put(out, ':method', protocol === null ? head.method : 'CONNECT', false);
  encoder.put(out, ':scheme', head.scheme, false);
  if (authority !== '') encoder.put(out, ':authority', authority, isSecret);
  encoder.put(out, ':path', edits.path === null ? head.path : edits.path, isSecret);
  if (protocol !== null) encoder.put(out, ':protocol', protocol, false);

  const hasLength = head.body === 'length';
  const keepsLength = hasLength && (head instanceof FieldBlock || (head instanceof HeadLines && head.hasPlainLength()));
  putKept(out, encoder, head, edits, keepsLength ? KEEPS_LENGTH : 0);
  putAdded(out, encoder, edits);
  if (hasLength && !keepsLength) encoder.put(out, 'content-length', String(head.contentLength), false);
  if (head.wantsContinue) encoder.put(out, 'expect', '100-continue', false);
  if (head.acceptsTrailers) encoder.put(out, 'te', 'trailers', false);
}

/** Upper bound of what `encodeResponseHead` writes. */
export function responseRoom(head: ResponseHead, edits: Edits): number {
  return FIXED_ROOM + linesRoom(head, edits);
}

/**
 * Writes the head of an answer, of any wire and interim ones too, as the block of an HTTP/2 answer. A 101 is what 200
 * says here. What has no body although it might (an answer to HEAD, a 304) may say how long it would have been.
 */
export function encodeResponseHead(out: EncodeTarget, encoder: HpackEncoder, head: ResponseHead, edits: Edits): void {
  const { status, body } = head;
  encoder.begin(out);
  encoder.put(out, ':status', status === 101 ? '200' : String(status), false);

  const mayTell = body === 'none' && status >= 200 && status !== 204;
  const keepsLength = (mayTell || body === 'length') && canKeepLength(head, mayTell);
  putKept(out, encoder, head, edits, keepsLength ? KEEPS_HOST | KEEPS_LENGTH : KEEPS_HOST);
  putAdded(out, encoder, edits);
  if (body === 'length' && !keepsLength) encoder.put(out, 'content-length', String(head.contentLength), false);
}

/** Upper bound of what `encodeLocalHead` writes. */
export function localRoom(answer: LocalAnswer, edits: Edits): number {
  return FIXED_ROOM + linesRoom(answer.fields, edits);
}

/**
 * Writes the head of an answer of remora's own. Its length is that of the body also when the body is left out (HEAD);
 * without a body the stream ends with this block, which says the same. For gRPC clients see `grpcAnswer`.
 */
export function encodeLocalHead(out: EncodeTarget, encoder: HpackEncoder, answer: LocalAnswer, edits: Edits): void {
  const { status, fields, body } = answer;
  encoder.begin(out);
  encoder.put(out, ':status', String(status), false);
  putKept(out, encoder, fields, edits, 0);
  putAdded(out, encoder, edits);
  if (hasContent(answer)) encoder.put(out, 'content-length', String(Buffer.byteLength(body, 'utf8')), false);
}

/** Does a body follow the head, unless the request was HEAD? */
export function hasContent(answer: LocalAnswer): boolean {
  return answer.body !== '' && answer.status !== 204 && answer.status !== 304;
}

/** Upper bound of what `encodeTrailers` writes. */
export function trailersRoom(trailers: Fields): number {
  return FIXED_ROOM + linesRoom(trailers, NO_EDITS);
}

/** Writes the block of a trailer section. */
export function encodeTrailers(out: EncodeTarget, encoder: HpackEncoder, trailers: Fields): void {
  encoder.begin(out);
  putKept(out, encoder, trailers, NO_EDITS, 0);
}

/** A Host that `edits` puts in takes the place of the head's own. */
function authorityOf(head: RequestHead, edits: Edits): string {
  for (let at = 0; at < edits.addedCount; at++) if (edits.names[at] === 'host') return edits.values[at]!;
  return head.authority;
}

/** A block has been read with care for this; lines of HTTP/1.1 may have zeros in front. */
function canKeepLength(head: ResponseHead, mayTell: boolean): boolean {
  if (head instanceof HeadLines) return head.hasPlainLength();
  return mayTell || head instanceof FieldBlock;
}
