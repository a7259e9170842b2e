import { DynamicTable } from './dynamic-table.ts';
import { FIELD_OVERHEAD, type FieldBlock } from './field-block.ts';
import { INVALID } from './field-kinds.ts';
import { decodeHuffman } from './huffman.ts';
import { nameIn } from './known-names.ts';
import { DEFAULT_TABLE_BYTES } from './settings.ts';
import { FIRST_DYNAMIC, STATIC_TABLE } from './static-table.ts';
import { isValue, TableEntry } from './table-entry.ts';

export interface HpackLimits {
  /** Names, values and `FIELD_OVERHEAD` of all fields of a block. */
  readonly maxListBytes: number;
  readonly maxFields: number;
  /** What our SETTINGS_HEADER_TABLE_SIZE says. */
  readonly maxTableBytes: number;
}

/**
 * HPACK (RFC 7541) for the blocks that one end of a connection sends.
 *
 * A block is read to its end whatever is wrong with its fields, since the next one builds on the table that this one
 * leaves; only what makes the table itself unknowable ends the connection. A block that is too large costs no memory
 * past the limits: its fields are counted, and strings are made for nothing but the table. `too_large` wins over
 * `malformed`, whichever was first, because what lies behind the limits is not judged and the answer should not depend
 * on the order of the fields. A malformed field is not kept.
 *
 * The table begins with `DEFAULT_TABLE_BYTES` whatever we announce, for the peer may use them until it has read our
 * SETTINGS (RFC 9113, 4.3.1); then it has to say a size, and that is held to `maxTableBytes`.
 */
export class HpackDecoder {
  private readonly table = new DynamicTable<TableEntry>(DEFAULT_TABLE_BYTES);
  /** The longest Huffman text that a block or the table may have room for. */
  private readonly maxTextBytes: number;
  /** Behind what was read last. */
  private at = 0;
  /** The text that was read last: `source[from..to]`. */
  private source: Buffer = NO_BYTES;
  private from = 0;
  private to = 0;

  constructor(private readonly limits: HpackLimits) {
    this.maxTextBytes = Math.max(limits.maxListBytes, limits.maxTableBytes, DEFAULT_TABLE_BYTES);
  }

  /**
   * Reads the whole block at `bytes[start..end]` into `into`, which is emptied first. False is a COMPRESSION_ERROR of
   * the connection: this decoder is of no use any more.
   */
  decode(bytes: Buffer, start: number, end: number, into: FieldBlock): boolean {
    into.clear();
    const isRead = this.readBlock(bytes, start, end, into);
    // The bytes are lent, and may be part of a large buffer that others wait for.
    this.source = NO_BYTES;
    return isRead;
  }

  private readBlock(bytes: Buffer, start: number, end: number, into: FieldBlock): boolean {
    let at = start;
    while (at < end && (bytes[at]! & 0xe0) === SIZE_UPDATE) {
      const capacity = this.readInteger(bytes, at, end, 0x1f);
      if (capacity < 0 || capacity > this.limits.maxTableBytes) return false;
      this.table.resize(capacity);
      at = this.at;
    }
    while (at < end) {
      const first = bytes[at]!;
      if (first >= INDEXED) {
        let index = first & 0x7f;
        if (index < 0x7f) at++;
        else {
          index = this.readInteger(bytes, at, end, 0x7f);
          at = this.at;
        }
        const entry = this.entryAt(index);
        if (entry === undefined) return false;
        if (!this.hasRoom(into, entry.size)) continue;
        if (entry.isSound) into.add(entry.name, entry.value, entry.kind, false);
        else into.problem = 'malformed';
      } else {
        if ((first & 0xe0) === SIZE_UPDATE || !this.readLiteral(bytes, at, end, into)) return false;
        at = this.at;
      }
    }
    return true;
  }

  private entryAt(index: number): TableEntry | undefined {
    const { table } = this;
    return index < FIRST_DYNAMIC ? STATIC_TABLE[index] : table.get(table.inserted - (index - FIRST_DYNAMIC));
  }

  /** Counts a field. */
  private hasRoom(into: FieldBlock, size: number): boolean {
    into.listBytes += size;
    if (into.listBytes > this.limits.maxListBytes || into.size >= this.limits.maxFields) into.problem = 'too_large';
    return into.problem !== 'too_large';
  }

  private readLiteral(bytes: Buffer, start: number, end: number, into: FieldBlock): boolean {
    const first = bytes[start]!;
    const isForTable = first >= INCREMENTAL;
    const index = this.readInteger(bytes, start, end, isForTable ? 0x3f : 0x0f);
    let name = '';
    let nameLength = 0;
    let kind = 0;
    if (index === 0) {
      if (!this.readText(bytes, this.at, end)) return false;
      nameLength = this.to - this.from;
      if ((isForTable || into.problem !== 'too_large') && !this.isLost) {
        const known = nameIn(this.source, this.from, this.to);
        name = known.name;
        kind = known.kind;
      }
    } else {
      const entry = this.entryAt(index);
      if (entry === undefined) return false;
      name = entry.name;
      nameLength = name.length;
      kind = entry.kind;
    }
    if (!this.readText(bytes, this.at, end)) return false;
    const size = nameLength + this.to - this.from + FIELD_OVERHEAD;
    const isKept = this.hasRoom(into, size);
    const isInserted = isForTable && size <= this.table.capacity;
    if (isForTable && !isInserted) this.table.clear();
    if (!isKept && !isInserted) return true;
    const isSound = kind !== INVALID && isValue(this.source, this.from, this.to);
    if (isKept && !isSound) into.problem = 'malformed';
    if (!isSound && !isInserted) return true;
    const value = this.text();
    if (isInserted) this.table.insert(new TableEntry(name, value, kind, isSound));
    if (isKept && isSound) into.add(name, value, kind, (first & 0xf0) === NEVER_INDEXED);
    return true;
  }

  /** The text that was read last is Huffman-coded and too long for block and table: nothing but its length is known. */
  private get isLost(): boolean {
    return this.to > this.source.length;
  }

  /**
   * The text that was read last, as a string of its own: a slice of a larger one would keep that alive in the table.
   */
  private text(): string {
    const { from, to } = this;
    return from === to ? '' : this.source.toString('latin1', from, to);
  }

  /** Makes a string literal (RFC 7541, 5.2) the text that was read last. */
  private readText(bytes: Buffer, start: number, end: number): boolean {
    if (start >= end) return false;
    const isHuffman = bytes[start]! >= HUFFMAN;
    const length = this.readInteger(bytes, start, end, 0x7f);
    const from = this.at;
    const to = from + length;
    if (length < 0 || to > end) return false;
    this.at = to;
    if (!isHuffman) {
      this.source = bytes;
      this.from = from;
      this.to = to;
      return true;
    }
    this.source = scratchFor(Math.min(length * 2, this.maxTextBytes));
    this.from = 0;
    this.to = decodeHuffman(bytes, from, to, this.source);
    return this.to >= 0;
  }

  /**
   * An integer whose first bits are those of `mask` (RFC 7541, 5.1), or -1 if it is not whole or has more than four
   * bytes after the first, as none does that means anything here.
   */
  private readInteger(bytes: Buffer, start: number, end: number, mask: number): number {
    let value = bytes[start]! & mask;
    let at = start + 1;
    if (value === mask) {
      let shift = 0;
      let byte: number;
      do {
        if (at >= end || shift > 21) return -1;
        byte = bytes[at++]!;
        value += (byte & 0x7f) << shift;
        shift += 7;
      } while (byte >= 0x80);
    }
    this.at = at;
    return value;
  }
}

const NO_BYTES = Buffer.alloc(0);

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER_INDEXED = 0x10;
const HUFFMAN = 0x80;

/** Huffman texts of all connections, one at a time; as large as the largest that any decoder had room for. */
let scratch: Buffer = Buffer.allocUnsafeSlow(4096);

function scratchFor(length: number): Buffer {
  if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(length);
  return scratch;
}
