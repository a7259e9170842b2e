import { FRAME_SIZE_ERROR, PROTOCOL_ERROR } from './errors.ts';
import {
  ACK,
  CONTINUATION,
  GOAWAY,
  HAS_PRIORITY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  readUint31,
  SETTINGS,
  WINDOW_UPDATE,
} from './frames.ts';

/** What is wrong with a frame by itself, wherever the connection stands. It costs the connection. */
export interface FrameFault {
  readonly code: number;
  readonly reason: string;
}

export const PRIORITY_BYTES = 5;
export const SETTING_BYTES = 6;

const NO_STREAM: FrameFault = { code: PROTOCOL_ERROR, reason: 'a frame of streams on stream 0' };
const ON_STREAM: FrameFault = { code: PROTOCOL_ERROR, reason: 'a frame of the connection on a stream' };
const WRONG_SIZE: FrameFault = { code: FRAME_SIZE_ERROR, reason: 'a frame of a wrong size' };
const OVER_PADDED: FrameFault = { code: PROTOCOL_ERROR, reason: 'more padding than payload' };
const SELF_DEPENDENT: FrameFault = { code: PROTOCOL_ERROR, reason: 'a stream depends on itself' };
const PUSHED: FrameFault = { code: PROTOCOL_ERROR, reason: 'PUSH_PROMISE where push is off' };

/** The fault of any frame but DATA, or null. Types that are not known have none (RFC 9113, 5.5). */
export function faultOf(
  type: number,
  flags: number,
  id: number,
  bytes: Buffer,
  start: number,
  end: number,
): FrameFault | null {
  const size = end - start;
  switch (type) {
    case HEADERS:
      return id === 0 ? NO_STREAM : faultOfHeaders(flags, bytes, start, size);
    case CONTINUATION:
      return id === 0 ? NO_STREAM : null;
    case PRIORITY:
      if (id === 0) return NO_STREAM;
      if (size !== PRIORITY_BYTES) return WRONG_SIZE;
      return readUint31(bytes, start) === id ? SELF_DEPENDENT : null;
    case RST_STREAM:
      if (id === 0) return NO_STREAM;
      return size === 4 ? null : WRONG_SIZE;
    case WINDOW_UPDATE:
      return size === 4 ? null : WRONG_SIZE;
    case SETTINGS:
      if (id !== 0) return ON_STREAM;
      return ((flags & ACK) === 0 ? size % SETTING_BYTES : size) === 0 ? null : WRONG_SIZE;
    case PING:
      if (id !== 0) return ON_STREAM;
      return size === 8 ? null : WRONG_SIZE;
    case GOAWAY:
      if (id !== 0) return ON_STREAM;
      return size >= 8 ? null : WRONG_SIZE;
    case PUSH_PROMISE:
      return PUSHED;
    default:
      return null;
  }
}

function faultOfHeaders(flags: number, bytes: Buffer, start: number, size: number): FrameFault | null {
  const isPadded = (flags & PADDED) !== 0;
  const fixed = (isPadded ? 1 : 0) + ((flags & HAS_PRIORITY) === 0 ? 0 : PRIORITY_BYTES);
  if (size < fixed) return WRONG_SIZE;
  return isPadded && bytes[start]! > size - fixed ? OVER_PADDED : null;
}
