import { mayTrail } from '../http1/trailers.ts';
import type { FieldBlock } from './field-block.ts';
import { HOP, OTHER } from './field-kinds.ts';

/**
 * Is the block of a trailer section well-formed? What a trailer must not carry is taken out of it, by the law that
 * HTTP/1.1 trailers are held to; pseudo-fields and fields of the connection make it malformed (RFC 9113, 8.1).
 */
export function readTrailers(block: FieldBlock): boolean {
  if (block.problem !== 'none') return false;
  for (let at = 0; at < block.size; at++) if (block.kinds[at]! >= HOP) return false;
  block.keepOnly(isTrailer);
  return true;
}

function isTrailer(name: string, kind: number): boolean {
  return kind === OTHER && mayTrail(name);
}
