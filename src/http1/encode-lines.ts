import type { Edits } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import { type EncodeTarget, LINE_ROOM, putLine, putText } from './encode-text.ts';
import { CONTENT_LENGTH, classify, HOP, HOST_NAME, keyBit, keyOf, OWN } from './field-names.ts';
import { HeadLines } from './head-lines.ts';

/** Upper bound of what `putKept` and `putAdded` write. */
export function linesRoom(fields: Fields, edits: Edits): number {
  let room = 0;
  if (fields instanceof HeadLines) room = fields.linesEnd;
  else {
    fields.forEach((name, value) => {
      room += name.length + value.length + LINE_ROOM;
    });
  }
  for (let i = 0; i < edits.addedCount; i++) room += edits.names[i]!.length + edits.values[i]!.length + LINE_ROOM;
  return room;
}

/** Writes the lines that `edits` puts in. */
export function putAdded(out: EncodeTarget, edits: Edits): void {
  for (let i = 0; i < edits.addedCount; i++) putLine(out, edits.names[i]!, edits.values[i]!);
}

/**
 * Writes the lines that pass on: all but hop-by-hop ones and those that `edits` leaves out. Host and Content-Length
 * pass only if asked for. Of an HTTP/1.1 head, neighbours that pass are copied in one piece, beginning at `from` in its
 * text (its first line, or the end of it).
 */
export function putKept(
  out: EncodeTarget,
  fields: Fields,
  edits: Edits,
  from: number,
  keepsHost: boolean,
  keepsLength: boolean,
): void {
  if (!(fields instanceof HeadLines)) {
    putEach(out, fields, edits, keepsHost, keepsLength);
    return;
  }
  const { ids, spans, text, size } = fields;
  const lastKept = edits.removesOwn ? OWN - 1 : OWN;
  const removed = countWanted(fields, edits);
  let start = from;
  for (let line = 0; line < size; line++) {
    const id = ids[line]!;
    const passes = id <= lastKept || (id === HOST_NAME && keepsHost) || (id === CONTENT_LENGTH && keepsLength);
    if (passes && !(removed > 0 && isRemoved(fields, line, removed))) continue;
    putRange(out, text, start, spans[line << 2]!);
    start = line + 1 === size ? fields.linesEnd : spans[(line + 1) << 2]!;
  }
  putRange(out, text, start, fields.linesEnd);
}

function putRange(out: EncodeTarget, text: string, start: number, end: number): void {
  if (start < end) putText(out, text.slice(start, end));
}

/** The keys of the names to remove that a head may have; one encoder runs at a time. */
const wanted: number[] = [];
const wantedNames: string[] = [];

/** Mostly what is to be removed is not there. How many names are left that may be. */
function countWanted(lines: HeadLines, edits: Edits): number {
  let count = 0;
  for (let i = 0; i < edits.removedCount; i++) {
    const name = edits.removed[i]!;
    const key = keyOf(name);
    if ((lines.keyBits & keyBit(key)) === 0) continue;
    wanted[count] = key;
    wantedNames[count++] = name;
  }
  return count;
}

function isRemoved(lines: HeadLines, line: number, count: number): boolean {
  const key = lines.keys[line]!;
  for (let i = 0; i < count; i++) if (wanted[i] === key && lines.isNamed(line, wantedNames[i]!)) return true;
  return false;
}

/** For heads of another wire. */
function putEach(out: EncodeTarget, fields: Fields, edits: Edits, keepsHost: boolean, keepsLength: boolean): void {
  fields.forEach((name, value) => {
    const id = classify(name, 0, name.length);
    if (id >= HOP || (id === HOST_NAME && !keepsHost) || (id === CONTENT_LENGTH && !keepsLength)) return;
    if (!edits.leavesOut(name)) putLine(out, name, value);
  });
}
