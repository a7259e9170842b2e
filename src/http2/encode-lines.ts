import { type Edits, NO_EDITS } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { EncodeTarget } from '../http1/encode-text.ts';
import { HOST_NAME, CONTENT_LENGTH as LENGTH_LINE, OWN as OWN_LINE } from '../http1/field-names.ts';
import { HeadLines } from '../http1/head-lines.ts';
import { FieldBlock } from './field-block.ts';
import { CONTENT_LENGTH, COOKIE, HOST, kindOf, OTHER, OWN } from './field-kinds.ts';
import { fieldRoom, type HpackEncoder } from './hpack-encoder.ts';
import { ACCEPT_FIELD, KEY_FIELD } from './websocket.ts';

/** What a field needs beside its name and value. */
export const FIELD_ROOM = fieldRoom('', '');

// What passes, a bit for each kind. Fields of the hop never do.
const ALWAYS = (1 << OTHER) | (1 << OWN) | (1 << COOKIE);
export const KEEPS_HOST = 1 << HOST;
export const KEEPS_LENGTH = 1 << CONTENT_LENGTH;

/** Upper bound of what `putKept` and `putAdded` write. */
export function linesRoom(fields: Fields, edits: Edits): number {
  let room = 0;
  if (fields instanceof HeadLines) room = fields.linesEnd + fields.size * FIELD_ROOM;
  else if (fields instanceof FieldBlock) {
    const { names, values, size } = fields;
    for (let at = 0; at < size; at++) room += names[at]!.length + values[at]!.length + FIELD_ROOM;
  } else {
    fields.forEach((name, value) => {
      room += name.length + value.length + FIELD_ROOM;
    });
  }
  for (let at = 0; at < edits.addedCount; at++) {
    room += edits.names[at]!.length + edits.values[at]!.length + FIELD_ROOM;
  }
  return room;
}

/** Writes the fields that `edits` puts in. Host is said by `:authority` and not here. */
export function putAdded(out: EncodeTarget, encoder: HpackEncoder, edits: Edits): void {
  for (let at = 0; at < edits.addedCount; at++) {
    const name = edits.names[at]!;
    if (name !== 'host') encoder.put(out, name, edits.values[at]!, false);
  }
}

/**
 * Writes the fields that pass on: all but those of the hop and those that `edits` leaves out. `keeps` says whether Host
 * and Content-Length pass. What a sender wanted in no table gets into none here.
 */
export function putKept(out: EncodeTarget, encoder: HpackEncoder, fields: Fields, edits: Edits, keeps: number): void {
  filter.begin(edits, keeps);
  if (fields instanceof FieldBlock) putBlock(out, encoder, fields);
  else if (fields instanceof HeadLines) putLines(out, encoder, fields);
  else {
    fields.forEach((name, value) => {
      if (filter.passes(1 << kindOf(name)) && !filter.leavesOut(name)) encoder.put(out, name, value, false);
    });
  }
}

function putBlock(out: EncodeTarget, encoder: HpackEncoder, fields: FieldBlock): void {
  const { names, values, kinds, secrets, size } = fields;
  for (let at = 0; at < size; at++) {
    const name = names[at]!;
    if (!filter.passes(1 << kinds[at]!) || filter.leavesOut(name)) continue;
    encoder.put(out, name, values[at]!, secrets[at]!);
  }
}

function putLines(out: EncodeTarget, encoder: HpackEncoder, fields: HeadLines): void {
  for (let line = 0; line < fields.size; line++) {
    if (!filter.passes(kindBitOf(fields.ids[line]!))) continue;
    const name = fields.name(line);
    if (!filter.leavesOut(name)) encoder.put(out, name, fields.value(line), false);
  }
}

/** The bit of what HTTP/1.1 knows a line as; 0 for lines that never pass. */
function kindBitOf(id: number): number {
  if (id < OWN_LINE) return 1 << OTHER;
  if (id === OWN_LINE) return 1 << OWN;
  if (id === HOST_NAME) return KEEPS_HOST;
  return id === LENGTH_LINE ? KEEPS_LENGTH : 0;
}

/** Which fields pass, of one message at a time. */
class Filter {
  private edits = NO_EDITS;
  private kinds = 0;
  /** A bit for each length of a name that is left out: most names are known by it to stay. */
  private lengths = 0;

  begin(edits: Edits, keeps: number): void {
    this.edits = edits;
    this.kinds = edits.removesOwn ? (ALWAYS | keeps) & ~(1 << OWN) : ALWAYS | keeps;
    this.lengths = lengthBit(KEY_FIELD) | lengthBit(ACCEPT_FIELD);
    for (let at = 0; at < edits.removedCount; at++) this.lengths |= lengthBit(edits.removed[at]!);
  }

  passes(kindBit: number): boolean {
    return (this.kinds & kindBit) !== 0;
  }

  leavesOut(name: string): boolean {
    if ((this.lengths & lengthBit(name)) === 0) return false;
    return name === KEY_FIELD || name === ACCEPT_FIELD || this.edits.leavesOut(name);
  }
}

function lengthBit(name: string): number {
  return 1 << (name.length & 31);
}

/** One encoder runs at a time. */
const filter = new Filter();
