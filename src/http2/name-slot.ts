import type { DynamicTable } from './dynamic-table.ts';
import { FIRST_DYNAMIC, STATIC_INDEX, STATIC_TABLE } from './static-table.ts';

/** What an encoder has put into its table. */
export interface Sent {
  readonly value: string;
  readonly size: number;
}

/**
 * What an encoder knows of the fields of one name. It has the numbers of its table entries and not the values, so that
 * nothing is kept alive here that the table has let go; of the value seen last it has a fingerprint.
 */
export class NameSlot {
  /** Credentials: in no table of any hop, whatever the sender marked. */
  readonly isSecret: boolean;
  /** Where the static table has the name first; 0 if it does not. */
  private readonly fixedFrom: number;
  private readonly fixedTo: number;
  /** Numbers of dynamic entries, those in use towards the front. */
  private readonly recent: number[] = [];
  /** The number of the last one. */
  private newest = 0;
  private lastPrint = NONE;

  constructor(name: string) {
    this.isSecret = name === 'authorization' || name === 'proxy-authorization';
    let at = (this.fixedFrom = STATIC_INDEX.get(name) ?? 0);
    while (at !== 0 && STATIC_TABLE[at]?.name === name && STATIC_TABLE[at]!.value !== '') at++;
    this.fixedTo = at;
  }

  /** The index of the field with this value, or 0. */
  indexOf(value: string, table: DynamicTable<Sent>): number {
    for (let index = this.fixedFrom; index < this.fixedTo; index++) {
      if (STATIC_TABLE[index]!.value === value) return index;
    }
    const { recent } = this;
    for (let i = 0; i < recent.length; i++) {
      const number = recent[i]!;
      if (table.get(number)?.value !== value) continue;
      recent[i] = recent[0]!;
      recent[0] = number;
      return FIRST_DYNAMIC + table.inserted - number;
    }
    return 0;
  }

  /** An index of a field with this name, or 0. */
  nameIndex(table: DynamicTable<Sent>): number {
    if (this.fixedFrom !== 0) return this.fixedFrom;
    return this.newest > table.evicted ? FIRST_DYNAMIC + table.inserted - this.newest : 0;
  }

  /** Did this value come the last time, too? */
  repeats(value: string): boolean {
    const print = fingerprint(value);
    const isSame = print === this.lastPrint;
    this.lastPrint = print;
    return isSame;
  }

  /** An entry with this name was inserted. */
  remember(number: number): void {
    this.newest = number;
    this.recent[Math.min(this.recent.length, MAX_RECENT - 1)] = number;
  }
}

/** More values of one name than this are not looked through. */
const MAX_RECENT = 8;
/** No fingerprint. */
const NONE = -1;

/**
 * Unequal values seldom share one, and then the table has an entry that nobody needs. The value itself would be the
 * better thing to keep, were it not for those that are slices of a whole head.
 */
function fingerprint(value: string): number {
  const { length } = value;
  let even = length;
  let odd = 0;
  for (let i = 1; i < length; i += 2) {
    even = (Math.imul(even, 31) + value.charCodeAt(i - 1)) | 0;
    odd = (Math.imul(odd, 37) + value.charCodeAt(i)) | 0;
  }
  if ((length & 1) === 1) even = (Math.imul(even, 31) + value.charCodeAt(length - 1)) | 0;
  return ((even ^ (odd << 7) ^ (odd >>> 11)) >>> 0) & 0x3fffffff;
}
