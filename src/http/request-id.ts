import type { Random } from '../base/random.ts';
import { writeHex } from './hex.ts';

const LENGTH = 36;
/** The dashes stay where no digit is written. */
const scratch = Buffer.alloc(LENGTH, '-', 'latin1');

/**
 * A new `x-request-id`: the text form of a version 4 UUID (RFC 9562, 5.4). It tells requests apart in logs and is no
 * secret, so it comes from the program's own chance and not from the kernel's.
 */
export function makeRequestId(random: Random): string {
  const middle = random.uint32();
  const after = random.uint32();
  writeHex(scratch, 0, random.uint32(), 8);
  writeHex(scratch, 9, middle >>> 16, 4);
  writeHex(scratch, 14, 0x4000 | (middle & 0x0fff), 4);
  writeHex(scratch, 19, 0x8000 | ((after >>> 16) & 0x3fff), 4);
  writeHex(scratch, 24, after, 4);
  writeHex(scratch, 28, random.uint32(), 8);
  return scratch.toString('latin1', 0, LENGTH);
}
