import type { Fields, FieldVisitor } from '../http/fields.ts';
import { COOKIE } from './field-kinds.ts';

/**
 * What was wrong with a block, apart from its encoding: it was read to its end all the same, for the sake of the table.
 */
export type BlockProblem = 'none' | 'malformed' | 'too_large';

/** What RFC 9113 (6.5.2) adds to the bytes of each field when a list is measured. */
export const FIELD_OVERHEAD = 32;

/**
 * The fields of one header block, in order, as the decoder found them: parallel lists of which the first `size` are in
 * use. Pseudo-fields are among them; `Fields` shows the others only, and the crumbs of a cookie as the one line that
 * they are on any other wire (RFC 9113, 8.2.3).
 *
 * Strings of table entries are shared with the table, so that a field that every request has costs no memory here and
 * is found again by identity. The object belongs to a stream, which fills it again for its next message.
 */
export class FieldBlock implements Fields {
  size = 0;
  readonly names: string[] = [];
  /** Without blanks around. */
  readonly values: string[] = [];
  /** See `field-kinds.ts`. */
  readonly kinds: number[] = [];
  /** The sender wants it in no table (RFC 7541, 6.2.3), and that holds for every hop. */
  readonly secrets: boolean[] = [];
  /** Names, values and overhead of all fields that came, kept or not. */
  listBytes = 0;
  problem: BlockProblem = 'none';

  clear(): void {
    this.size = 0;
    this.listBytes = 0;
    this.problem = 'none';
  }

  /** Its message is over: what an idle stream would hold for nothing is let go. */
  release(): void {
    if (this.listBytes > MAX_IDLE_BYTES || this.names.length > MAX_IDLE_FIELDS)
      this.names.length = this.values.length = 0;
    this.clear();
  }

  add(name: string, value: string, kind: number, isSecret: boolean): void {
    const at = this.size++;
    this.names[at] = name;
    this.values[at] = value;
    this.kinds[at] = kind;
    this.secrets[at] = isSecret;
  }

  get(name: string): string | null {
    let found: string | null = null;
    for (let i = 0; i < this.size; i++) {
      if (this.names[i] !== name || name.charCodeAt(0) === COLON) continue;
      if (found === null) found = this.values[i]!;
      else found += (name === 'cookie' ? '; ' : ', ') + this.values[i];
      if (name === 'set-cookie') return found;
    }
    return found;
  }

  count(name: string): number {
    let lines = 0;
    for (let i = 0; i < this.size; i++) if (this.names[i] === name && name.charCodeAt(0) !== COLON) lines++;
    return name === 'cookie' ? Math.min(lines, 1) : lines;
  }

  forEach(visit: FieldVisitor): void {
    let hasCookie = false;
    for (let i = 0; i < this.size; i++) {
      const name = this.names[i]!;
      if (this.kinds[i] !== COOKIE) {
        if (name.charCodeAt(0) !== COLON) visit(name, this.values[i]!);
      } else if (!hasCookie) {
        hasCookie = true;
        visit(name, this.get(name)!);
      }
    }
  }

  /** Takes all others out. */
  keepOnly(passes: (name: string, kind: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.size; i++) {
      if (!passes(this.names[i]!, this.kinds[i]!)) continue;
      this.names[kept] = this.names[i]!;
      this.values[kept] = this.values[i]!;
      this.kinds[kept] = this.kinds[i]!;
      this.secrets[kept++] = this.secrets[i]!;
    }
    this.size = kept;
  }
}

const COLON = 0x3a;

/** Texts of usual heads stay, since the next head is like the last; a connection has many streams that wait for one. */
const MAX_IDLE_BYTES = 4_096;
const MAX_IDLE_FIELDS = 64;
