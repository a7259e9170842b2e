import type { Fields } from '../http/fields.ts';
import { type EncodeTarget, LINE_ROOM, putLine, putText } from './encode-text.ts';
import { mayTrailHere } from './trailers.ts';

/** Room for the start of a chunk, or its end, or both. */
export const CHUNK_ROOM = 20;

/** The size line of a chunk of so many bytes, more than none. The bytes follow, then `encodeChunkEnd`. */
export function encodeChunkStart(out: EncodeTarget, length: number): void {
  putText(out, length.toString(16));
  putText(out, '\r\n');
}

export function encodeChunkEnd(out: EncodeTarget): void {
  putText(out, '\r\n');
}

/** Upper bound of what `encodeLastChunk` writes. */
export function lastChunkRoom(trailers: Fields | null): number {
  let room = CHUNK_ROOM;
  trailers?.forEach((name, value) => {
    room += name.length + value.length + LINE_ROOM;
  });
  return room;
}

/** The last chunk, the trailers, and the end of the body. Trailers of HTTP/2 may have names that have no place here. */
export function encodeLastChunk(out: EncodeTarget, trailers: Fields | null): void {
  putText(out, '0\r\n');
  trailers?.forEach((name, value) => {
    if (mayTrailHere(name)) putLine(out, name, value);
  });
  putText(out, '\r\n');
}
