import { mayTrail } from '../http1/trailers.ts';
import type { FieldBlock } from './field-block.ts';
import { HOP, OTHER } from './field-kinds.ts';

/**
 * Is the block of a trailer section well-formed? Pseudo-fields and fields of the connection make it malformed (RFC
 * 9113, 8.1); fields of a kind that this wire gives a meaning are taken out.
 *
 * Those of a request are held to the law of HTTP/1.1 besides, since endpoints may merge them with its head. Those of an
 * answer are not: gRPC puts the metadata of a call there, by whatever name the application likes (`date`, `location`).
 */
export function readTrailers(block: FieldBlock, isRequest: boolean): boolean {
  if (block.problem !== 'none') return false;
  for (let at = 0; at < block.size; at++) if (block.kinds[at]! >= HOP) return false;
  block.keepOnly(isRequest ? mayBeAsked : mayBeAnswered);
  return true;
}

function mayBeAsked(name: string, kind: number): boolean {
  return kind === OTHER && mayTrail(name);
}

function mayBeAnswered(_name: string, kind: number): boolean {
  return kind === OTHER;
}
