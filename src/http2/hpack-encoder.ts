import { type EncodeTarget, putText } from '../http1/encode-text.ts';
import { DynamicTable } from './dynamic-table.ts';
import { FIELD_OVERHEAD } from './field-block.ts';
import { NameSlot, type Sent } from './name-slot.ts';
import { DEFAULT_TABLE_BYTES } from './settings.ts';

/**
 * HPACK (RFC 7541) for the blocks that we send on one connection.
 *
 * - One look-up by name finds all that is known of a field: its index in the static table, and which of its values went
 *   into the dynamic one. A field in a table is one or two bytes, found by comparing strings.
 * - A value goes into the table when its name comes with it twice in a row. So ids and times, which never do, push
 *   nothing out; nor does what fills more than a quarter of the table.
 * - Secrets and credentials are literals that no hop may index (RFC 7541, 7.1.3).
 * - Literals are not Huffman-coded: between neighbours bytes are cheap, and the time to make them fewer is not.
 * - Names come from peers, so `MAX_NAMES` of them are known at most, and none that is longer than `MAX_NAME_BYTES`.
 * When
 *   one too many comes, all are forgotten: those in use are learned again within two messages, whereas a full map would
 *   shut them out for as long as the connection lasts. What the table holds under a forgotten name ages out of it.
 */
export class HpackEncoder {
  private readonly table = new DynamicTable<Sent>(DEFAULT_TABLE_BYTES);
  private readonly slots = new Map<string, NameSlot>();
  /** The capacity that the table shall have, and the least that it was to have since the last block. */
  private wanted: number;
  private least: number;

  /** `maxTableBytes`: what the table takes at most, whatever the peer allows. */
  constructor(private readonly maxTableBytes: number) {
    this.wanted = Math.min(maxTableBytes, DEFAULT_TABLE_BYTES);
    this.least = this.wanted;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, which binds our next block. */
  setPeerLimit(bytes: number): void {
    this.wanted = Math.min(bytes, this.maxTableBytes);
    this.least = Math.min(this.least, this.wanted);
  }

  /** Begins a block, with the size updates that are due; there is room for `BEGIN_ROOM`. */
  begin(out: EncodeTarget): void {
    // One that shrank in between and grew again lost its entries, and the peer must lose the same (RFC 7541, 4.2).
    if (this.least < this.table.capacity) this.resize(out, this.least);
    if (this.wanted !== this.table.capacity) this.resize(out, this.wanted);
    this.least = this.wanted;
  }

  /** Writes a field, whose name is in lower case; there is room for `fieldRoom`. */
  put(out: EncodeTarget, name: string, value: string, isSecret: boolean): void {
    const { table } = this;
    const slot = this.slots.get(name) ?? this.makeSlot(name);
    if (slot === null) return putLiteral(out, isSecret ? NEVER_INDEXED : WITHOUT_INDEXING, 0x0f, 0, name, value);
    if (isSecret || slot.isSecret) return putLiteral(out, NEVER_INDEXED, 0x0f, slot.nameIndex(table), name, value);
    const index = slot.indexOf(value, table);
    if (index !== 0) return putInteger(out, INDEXED, 0x7f, index);
    const size = name.length + value.length + FIELD_OVERHEAD;
    if (size > table.capacity >>> 2 || !slot.repeats(value)) {
      return putLiteral(out, WITHOUT_INDEXING, 0x0f, slot.nameIndex(table), name, value);
    }
    putLiteral(out, INCREMENTAL, 0x3f, slot.nameIndex(table), name, value);
    // A copy, since the value may be a slice that keeps a whole head alive.
    table.insert({ value: out.bytes.toString('latin1', out.end - value.length, out.end), size });
    slot.remember(table.inserted);
  }

  private resize(out: EncodeTarget, capacity: number): void {
    putInteger(out, SIZE_UPDATE, 0x1f, capacity);
    this.table.resize(capacity);
  }

  private makeSlot(name: string): NameSlot | null {
    if (name.length > MAX_NAME_BYTES) return null;
    if (this.slots.size >= MAX_NAMES) this.slots.clear();
    const slot = new NameSlot(name);
    this.slots.set(Buffer.from(name, 'latin1').toString('latin1'), slot);
    return slot;
  }
}

/** What `begin` writes at most. */
export const BEGIN_ROOM = 12;

/** What `put` writes at most. */
export function fieldRoom(name: string, value: string): number {
  return name.length + value.length + LITERAL_ROOM;
}

/** The first byte of a literal, and its two lengths or its index and one length. */
const LITERAL_ROOM = 12;
const MAX_NAMES = 128;
const MAX_NAME_BYTES = 64;

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER_INDEXED = 0x10;
const WITHOUT_INDEXING = 0x00;

/** RFC 7541, 6.2. */
function putLiteral(
  out: EncodeTarget,
  form: number,
  mask: number,
  nameIndex: number,
  name: string,
  value: string,
): void {
  putInteger(out, form, mask, nameIndex);
  if (nameIndex === 0) putString(out, name);
  putString(out, value);
}

function putString(out: EncodeTarget, text: string): void {
  putInteger(out, 0, 0x7f, text.length);
  putText(out, text);
}

/** RFC 7541, 5.1: in the bits of `mask` if it fits, else in these and the bytes after. */
function putInteger(out: EncodeTarget, form: number, mask: number, value: number): void {
  const { bytes } = out;
  if (value < mask) {
    bytes[out.end++] = form | value;
    return;
  }
  bytes[out.end++] = form | mask;
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) bytes[out.end++] = (rest & 0x7f) | 0x80;
  bytes[out.end++] = rest;
}
