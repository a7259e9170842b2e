import type { Fields, FieldVisitor } from '../http/fields.ts';
import { CLASS, COLON, CR, HT, isWord, LF, SP, TOKEN, VALUE } from './bytes.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  classify,
  EXPECT,
  HOP,
  HOST_NAME,
  keyBit,
  keyIn,
  keyOf,
  OWN,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from './field-names.ts';

const ZERO = 0x30;
const FIRST_ROOM = 16;
/** `Connection` may name this many fields. */
const MAX_NAMED = 32;
/** What a line index is when there is no such line. */
export const NO_LINE = -1;
const SEVERAL = -2;

/** How reading the field lines went. */
export type LinesResult = 'ok' | 'malformed' | 'too_many';

/**
 * The field lines of one HTTP/1.1 head: one string for all of it and numbers that say where each line lies. Strings for
 * single fields are made when someone asks, and then they are slices.
 *
 * What framing and hop-by-hop rules need to know of the lines is noted in the same pass. The object belongs to a
 * parser, which fills it again for each head.
 */
export class HeadLines implements Fields {
  /** The whole head, first line and blank line included, as latin1. */
  text = '';
  /** How many lines there are. */
  size = 0;
  /** Where the first field line begins, and where the blank line does. */
  linesStart = 0;
  linesEnd = 0;
  /** Four offsets into `text` for each line: name, end of name, value, end of value (both without blanks around). */
  spans = new Int32Array(FIRST_ROOM * 4);
  keys = new Int32Array(FIRST_ROOM);
  ids = new Uint8Array(FIRST_ROOM);
  /** The bits of all keys. */
  keyBits = 0;

  // The line of a name: its index, `NO_LINE`, or `SEVERAL`.
  hostLine = NO_LINE;
  lengthLine = NO_LINE;
  codingLine = NO_LINE;
  expectLine = NO_LINE;
  upgradeLine = NO_LINE;

  // What `Connection` and `TE` say.
  saysClose = false;
  saysKeepAlive = false;
  saysUpgrade = false;
  saysTrailers = false;
  private readonly named: string[] = [];
  private namedCount = 0;

  /**
   * Reads the lines from `bytes[at]` on; `origin` is where the head begins. The caller has found the blank line that
   * ends the head, so the loops need no bound of their own: a CR stops every one of them.
   */
  readLines(bytes: Buffer, origin: number, at: number, end: number, maxFields: number): LinesResult {
    this.clear();
    const text = bytes.toString('latin1', origin, end);
    this.text = text;
    this.linesStart = at - origin;
    let count = 0;
    let bits = 0;
    while (bytes[at] !== CR) {
      if (count === maxFields) return 'too_many';
      if (count === this.ids.length) this.grow();
      const nameStart = at;
      while (CLASS[bytes[at]!]! & TOKEN) at++;
      const nameEnd = at;
      // No name means a folded line; no colon right after it means space before the colon. Both are read differently
      // by different servers, so neither passes.
      if (nameEnd === nameStart || bytes[at] !== COLON) return 'malformed';
      at++;
      while (bytes[at] === SP || bytes[at] === HT) at++;
      const valueStart = at;
      while (CLASS[bytes[at]!]! & VALUE) at++;
      if (bytes[at] !== CR || bytes[at + 1] !== LF) return 'malformed';
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HT)) valueEnd--;
      at += 2;

      const { spans } = this;
      const span = count << 2;
      spans[span] = nameStart - origin;
      spans[span + 1] = nameEnd - origin;
      spans[span + 2] = valueStart - origin;
      spans[span + 3] = valueEnd - origin;
      const key = keyIn(bytes, nameStart, nameEnd);
      this.keys[count] = key;
      bits |= keyBit(key);
      const id = classify(text, nameStart - origin, nameEnd - origin);
      this.ids[count] = id;
      if (id > OWN && !this.note(id, count)) return 'malformed';
      count++;
    }
    // A lone CR here is not the blank line that was found.
    if (at !== end - 2) return 'malformed';
    this.linesEnd = at - origin;
    this.size = count;
    this.keyBits = bits;
    if (this.namedCount > 0) this.markNamed();
    return 'ok';
  }

  // --- Fields ---

  get(name: string): string | null {
    let found: string | null = null;
    for (let i = this.next(name, 0); i < this.size; i = this.next(name, i + 1)) {
      if (found === null) found = this.value(i);
      else found += `, ${this.value(i)}`;
      if (name === 'set-cookie') return found;
    }
    return found;
  }

  count(name: string): number {
    let lines = 0;
    for (let i = this.next(name, 0); i < this.size; i = this.next(name, i + 1)) lines++;
    return lines;
  }

  forEach(visit: FieldVisitor): void {
    for (let i = 0; i < this.size; i++) {
      visit(this.name(i), this.value(i));
    }
  }

  /** The name of a line, in lower case. */
  name(line: number): string {
    return this.text.slice(this.spans[line << 2], this.spans[(line << 2) + 1]).toLowerCase();
  }

  /** The value of a line. */
  value(line: number): string {
    return this.text.slice(this.spans[(line << 2) + 2], this.spans[(line << 2) + 3]);
  }

  /** Does this line have this lower-case name? */
  isNamed(line: number, name: string): boolean {
    return isWord(this.text, this.spans[line << 2]!, this.spans[(line << 2) + 1]!, name);
  }

  /** There is one Content-Length line, and its digits are those that a number is written with: no zeros in front. */
  hasPlainLength(): boolean {
    if (this.lengthLine < 0) return false;
    const span = this.lengthLine << 2;
    const start = this.spans[span + 2]!;
    return this.text.charCodeAt(start) !== ZERO || this.spans[span + 3]! - start === 1;
  }

  /** The first line from `line` on with this lower-case name, or `size`. */
  private next(name: string, line: number): number {
    const key = keyOf(name);
    if ((this.keyBits & keyBit(key)) === 0) return this.size;
    while (line < this.size && (this.keys[line] !== key || !this.isNamed(line, name))) line++;
    return line;
  }

  // --- What the lines mean ---

  private note(id: number, line: number): boolean {
    const start = this.spans[(line << 2) + 2]!;
    const end = this.spans[(line << 2) + 3]!;
    switch (id) {
      case HOST_NAME:
        this.hostLine = this.hostLine === NO_LINE ? line : SEVERAL;
        return true;
      case CONTENT_LENGTH:
        this.lengthLine = this.lengthLine === NO_LINE ? line : SEVERAL;
        return true;
      case TRANSFER_ENCODING:
        this.codingLine = this.codingLine === NO_LINE ? line : SEVERAL;
        return true;
      case EXPECT:
        this.expectLine = this.expectLine === NO_LINE ? line : SEVERAL;
        return true;
      case UPGRADE:
        this.upgradeLine = this.upgradeLine === NO_LINE ? line : SEVERAL;
        return true;
      case CONNECTION:
        return this.noteList(start, end, false);
      case TE:
        return this.noteList(start, end, true);
      default:
        return true;
    }
  }

  /** Takes in the elements of a `Connection` or `TE` value. False when it names too many fields. */
  private noteList(start: number, end: number, isTe: boolean): boolean {
    const { text } = this;
    while (start < end) {
      let comma = text.indexOf(',', start);
      if (comma < 0 || comma > end) comma = end;
      let from = start;
      let to = comma;
      while (from < to && isBlank(text, from)) from++;
      while (to > from && isBlank(text, to - 1)) to--;
      if (isTe) this.saysTrailers ||= isWord(text, from, to, 'trailers');
      else if (from < to && !this.noteOption(from, to)) return false;
      start = comma + 1;
    }
    return true;
  }

  private noteOption(from: number, to: number): boolean {
    const { text } = this;
    if (isWord(text, from, to, 'keep-alive')) this.saysKeepAlive = true;
    else if (isWord(text, from, to, 'close')) this.saysClose = true;
    else if (isWord(text, from, to, 'upgrade')) this.saysUpgrade = true;
    else if (this.namedCount === MAX_NAMED) return false;
    else this.named[this.namedCount++] = text.slice(from, to).toLowerCase();
    return true;
  }

  /** Lines named by `Connection` end here, but for those without which the message would be another one. */
  private markNamed(): void {
    for (let i = 0; i < this.namedCount; i++) {
      const name = this.named[i]!;
      for (let line = this.next(name, 0); line < this.size; line = this.next(name, line + 1)) {
        if (this.ids[line] !== HOST_NAME && this.ids[line] !== CONTENT_LENGTH) this.ids[line] = HOP;
      }
    }
  }

  private clear(): void {
    this.size = 0;
    this.keyBits = 0;
    this.hostLine = NO_LINE;
    this.lengthLine = NO_LINE;
    this.codingLine = NO_LINE;
    this.expectLine = NO_LINE;
    this.upgradeLine = NO_LINE;
    this.saysClose = false;
    this.saysKeepAlive = false;
    this.saysUpgrade = false;
    this.saysTrailers = false;
    this.namedCount = 0;
  }

  private grow(): void {
    const room = this.ids.length * 2;
    const { spans, keys, ids } = this;
    this.spans = new Int32Array(room * 4);
    this.spans.set(spans);
    this.keys = new Int32Array(room);
    this.keys.set(keys);
    this.ids = new Uint8Array(room);
    this.ids.set(ids);
  }
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === SP || code === HT;
}
