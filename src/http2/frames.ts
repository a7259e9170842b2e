import type { EncodeTarget } from '../http1/encode-text.ts';

// Frame types (RFC 9113, 6).
export const DATA = 0x0;
export const HEADERS = 0x1;
export const PRIORITY = 0x2;
export const RST_STREAM = 0x3;
export const SETTINGS = 0x4;
export const PUSH_PROMISE = 0x5;
export const PING = 0x6;
export const GOAWAY = 0x7;
export const WINDOW_UPDATE = 0x8;
export const CONTINUATION = 0x9;

// Flags.
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const HAS_PRIORITY = 0x20;

export const FRAME_HEAD_BYTES = 9;

/**
 * The largest payload we take and, whatever a peer would take, the largest we send: a bigger frame keeps others
 * waiting.
 */
export const MAX_FRAME_BYTES = 16_384;

/** Stream ids and windows end here. */
export const MAX_31_BIT = 0x7fff_ffff;

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Room for any of the small frames below but `putGoAway`, whose text comes on top. */
export const SMALL_FRAME_ROOM = 17;

export function putFrameHead(out: EncodeTarget, length: number, type: number, flags: number, streamId: number): void {
  const { bytes, end } = out;
  bytes[end] = length >>> 16;
  bytes[end + 1] = length >>> 8;
  bytes[end + 2] = length;
  bytes[end + 3] = type;
  bytes[end + 4] = flags;
  putUint32(bytes, streamId, end + 5);
  out.end = end + FRAME_HEAD_BYTES;
}

/** `pairs`: identifier, value, identifier, value .. */
export function putSettings(out: EncodeTarget, pairs: readonly number[]): void {
  putFrameHead(out, pairs.length * 3, SETTINGS, 0, 0);
  for (let i = 0; i < pairs.length; i += 2) {
    out.end = out.bytes.writeUInt16BE(pairs[i]!, out.end);
    putUint32(out.bytes, pairs[i + 1]!, out.end);
    out.end += 4;
  }
}

export function putSettingsAck(out: EncodeTarget): void {
  putFrameHead(out, 0, SETTINGS, ACK, 0);
}

/** `payload` holds the 8 bytes at `at`. */
export function putPing(out: EncodeTarget, flags: number, payload: Buffer, at: number): void {
  putFrameHead(out, 8, PING, flags, 0);
  payload.copy(out.bytes, out.end, at, at + 8);
  out.end += 8;
}

export function putReset(out: EncodeTarget, streamId: number, code: number): void {
  putFrameHead(out, 4, RST_STREAM, 0, streamId);
  putUint32(out.bytes, code, out.end);
  out.end += 4;
}

export function putWindowUpdate(out: EncodeTarget, streamId: number, increment: number): void {
  putFrameHead(out, 4, WINDOW_UPDATE, 0, streamId);
  putUint32(out.bytes, increment, out.end);
  out.end += 4;
}

/** `reason` is ASCII text for whoever debugs the other end. */
export function putGoAway(out: EncodeTarget, lastStreamId: number, code: number, reason: string): void {
  putFrameHead(out, 8 + reason.length, GOAWAY, 0, 0);
  putUint32(out.bytes, lastStreamId, out.end);
  putUint32(out.bytes, code, out.end + 4);
  out.end += 8 + out.bytes.write(reason, out.end + 8, 'latin1');
}

function putUint32(bytes: Buffer, value: number, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** 31 bits: the highest is reserved wherever HTTP/2 has a number of four bytes but error codes and settings. */
export function readUint31(bytes: Buffer, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
