import { keyIn } from '../http1/field-names.ts';
import { kindOf } from './field-kinds.ts';

/** A name and what it means, judged when it is made. */
export class KnownName {
  constructor(
    readonly name: string,
    /** See `field-kinds.ts`. */
    readonly kind: number,
  ) {}
}

/**
 * Names that came as literals, of all connections. Encoders leave the name of a field whose value is always new out of
 * their tables, so the same few names come again with each message; a name that is here costs a comparison, and is the
 * same object everywhere.
 *
 * Each name has one place, by its length and three of its bytes, and the last to come has it: there is nothing to fill
 * up, and the worst a peer can do is to make others pay for their names what they would without this.
 */
const NAMES: KnownName[] = new Array<KnownName>(256).fill(new KnownName('', kindOf('')));
/** Longer ones are not kept. */
const MAX_KEPT_BYTES = 64;

/** The name at `bytes[start..end]`. */
export function nameIn(bytes: Buffer, start: number, end: number): KnownName {
  if (start === end || end - start > MAX_KEPT_BYTES) return makeName(bytes, start, end);
  const key = keyIn(bytes, start, end);
  const place = (key ^ (key >>> 7) ^ (key >>> 15) ^ (key >>> 23)) & 255;
  const known = NAMES[place]!;
  return isAt(known.name, bytes, start, end) ? known : (NAMES[place] = makeName(bytes, start, end));
}

function isAt(name: string, bytes: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function makeName(bytes: Buffer, start: number, end: number): KnownName {
  const name = bytes.toString('latin1', start, end);
  return new KnownName(name, kindOf(name));
}
