import type { LocalAnswer } from '../http/answer.ts';
import type { Edits } from '../http/edits.ts';
import { linesRoom, putAdded, putKept } from './encode-lines.ts';
import type { Persistence } from './encode-response.ts';
import { type EncodeTarget, putLine, putText } from './encode-text.ts';
import { reasonOf } from './reason.ts';

const FIXED_ROOM = 192;
/** UTF-8 needs at most this many bytes for a UTF-16 code unit. */
const MAX_BYTES_A_UNIT = 3;

/** Upper bound of what `encodeLocal` writes. */
export function localRoom(answer: LocalAnswer, edits: Edits): number {
  return FIXED_ROOM + linesRoom(answer.fields, edits) + answer.body.length * MAX_BYTES_A_UNIT;
}

/** Writes a whole answer of remora's own. Its length is that of the body also when the body is left out (HEAD). */
export function encodeLocal(
  out: EncodeTarget,
  answer: LocalAnswer,
  edits: Edits,
  isHead: boolean,
  persistence: Persistence,
): void {
  const { status, fields, body } = answer;
  putText(out, `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`);
  putKept(out, fields, edits, 0, true, false);
  putAdded(out, edits);
  const mayHaveBody = status !== 204 && status !== 304;
  if (mayHaveBody) putLine(out, 'content-length', String(Buffer.byteLength(body, 'utf8')));
  if (persistence !== 'implied') putLine(out, 'connection', persistence);
  putText(out, '\r\n');
  if (mayHaveBody && !isHead) out.end += out.bytes.write(body, out.end, 'utf8');
}
