import { integer, plainString } from './hpack-bytes.ts';

/** Frames written and read with nothing of `src/http2`, so that a test judges the bytes and not itself. */
export const TYPES = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY = 0x20;
export const ACK = 0x1;

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
];

export function codeName(code: number): string {
  return CODES[code] ?? String(code);
}

// --- Out ---

export function frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, at * 4);
  return bytes;
}

/** Literals that no table remembers: a block that means the same wherever it comes. */
export function block(...fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [integer(0, 4, 0), plainString(name), plainString(value)]));
}

const REQUEST = [
  [':scheme', 'http'],
  [':authority', 'a.test'],
  [':path', '/'],
] as const;

export const GET: Buffer = block([':method', 'GET'], ...REQUEST);
export const POST: Buffer = block([':method', 'POST'], ...REQUEST);
export const OK: Buffer = block([':status', '200']);

/** A request with more fields. */
export function get(...fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat([GET, block(...fields)]);
}

export function post(...fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat([POST, block(...fields)]);
}

export function headers(id: number, payload: Buffer, flags = END_STREAM | END_HEADERS): Buffer {
  return frame(TYPES.HEADERS, flags, id, payload);
}

/** A head that a body follows. */
export function openHeaders(id: number, payload: Buffer): Buffer {
  return headers(id, payload, END_HEADERS);
}

export function continuation(id: number, payload: Buffer, flags = END_HEADERS): Buffer {
  return frame(TYPES.CONTINUATION, flags, id, payload);
}

export function data(id: number, payload: Buffer | string, flags = END_STREAM): Buffer {
  return frame(TYPES.DATA, flags, id, Buffer.from(payload));
}

export function padded(type: number, id: number, flags: number, padding: number, payload: Buffer): Buffer {
  return frame(type, flags | PADDED, id, Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)]));
}

export function reset(id: number, code = 8): Buffer {
  return frame(TYPES.RST_STREAM, 0, id, uint32(code));
}

export function settings(...pairs: readonly (readonly [identifier: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [at, [identifier, value]] of pairs.entries()) {
    payload.writeUInt16BE(identifier, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  }
  return frame(TYPES.SETTINGS, 0, 0, payload);
}

export const SETTINGS_ACK: Buffer = frame(TYPES.SETTINGS, ACK, 0);

export function ping(text = 'pingping', flags = 0): Buffer {
  return frame(TYPES.PING, flags, 0, Buffer.from(text));
}

export function goAway(lastId: number, code = 0): Buffer {
  return frame(TYPES.GOAWAY, 0, 0, uint32(lastId, code));
}

export function windowUpdate(id: number, increment: number): Buffer {
  return frame(TYPES.WINDOW_UPDATE, 0, id, uint32(increment));
}

export function priority(id: number, dependsOn: number, weight = 15): Buffer {
  return frame(TYPES.PRIORITY, 0, id, Buffer.concat([uint32(dependsOn), Buffer.from([weight])]));
}

// --- In ---

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** All of the bytes must be whole frames. */
export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) throw new Error(`half a frame at ${at} of ${bytes.length}`);
    const id = bytes.readUInt32BE(at + 5);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, id, payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return frames;
}

/** A frame in a few words, `RST_STREAM 1 CANCEL`. */
export function describeFrame({ type, flags, id, payload }: Frame): string {
  const name = Object.keys(TYPES)[type] ?? `TYPE_${type}`;
  const end = (flags & END_STREAM) === 0 ? '' : ' end';
  switch (type) {
    case TYPES.DATA:
      return `${name} ${id} ${payload.length}${end}`;
    case TYPES.HEADERS:
      return `${name} ${id}${(flags & END_HEADERS) === 0 ? ' part' : ''}${end}`;
    case TYPES.CONTINUATION:
      return `${name} ${id}${(flags & END_HEADERS) === 0 ? ' part' : ''}`;
    case TYPES.RST_STREAM:
      return `${name} ${id} ${codeName(payload.readUInt32BE(0))}`;
    case TYPES.SETTINGS:
      return (flags & ACK) === 0 ? name : `${name} ack`;
    case TYPES.PING:
      return (flags & ACK) === 0 ? name : `${name} ack`;
    case TYPES.GOAWAY:
      return `${name} ${payload.readUInt32BE(0)} ${codeName(payload.readUInt32BE(4))}`;
    case TYPES.WINDOW_UPDATE:
      return `${name} ${id} ${payload.readUInt32BE(0)}`;
    default:
      return `${name} ${id}`;
  }
}
