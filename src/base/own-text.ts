/**
 * A copy that keeps nothing else in memory. A slice of a head keeps all of the head, up to 64 KiB of it, so whatever is
 * remembered beyond its request is copied. Heads are latin1.
 */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
