import { CLASS, HT, SP, VALUE } from '../http1/bytes.ts';
import { FIELD_OVERHEAD } from './field-block.ts';

/**
 * A field in a table, judged when it is made: what refers to it later costs a few assignments, however often and in
 * however many requests.
 */
export class TableEntry {
  /** What it counts for in a table and in a list (RFC 7541, 4.1). */
  readonly size: number;

  constructor(
    readonly name: string,
    readonly value: string,
    /** See `field-kinds.ts`. */
    readonly kind: number,
    /** The name is a name and the value is a value. What they mean together is for the reader of heads. */
    readonly isSound: boolean,
  ) {
    this.size = name.length + value.length + FIELD_OVERHEAD;
  }
}

/**
 * Are these the bytes of a field value? No blanks around it (RFC 9113, 8.2.1) and no control character but a tab
 * inside: 8.2.1 names NUL, CR and LF only, but the others pass in no HTTP/1.1 message either (`http1/bytes.ts`), and
 * what one side of the proxy refuses must not come in on the other.
 */
export function isValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true;
  if (isBlank(bytes[start]!) || isBlank(bytes[end - 1]!)) return false;
  for (let i = start; i < end; i++) if ((CLASS[bytes[i]!]! & VALUE) === 0) return false;
  return true;
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HT;
}
