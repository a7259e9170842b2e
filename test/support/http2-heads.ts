import { expect } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { LocalAnswer } from '../../src/http/answer.ts';
import { type Edits, NO_EDITS } from '../../src/http/edits.ts';
import type { Fields } from '../../src/http/fields.ts';
import type { RequestHead, ResponseHead } from '../../src/http/head.ts';
import { encodeRequest, requestRoom as requestRoom1 } from '../../src/http1/encode-request.ts';
import { encodeResponse, responseFraming, responseRoom as responseRoom1 } from '../../src/http1/encode-response.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import type { Http1ResponseHead } from '../../src/http1/response-head.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';
import {
  encodeLocalHead,
  encodeRequestHead,
  encodeResponseHead,
  encodeTrailers,
  localRoom,
  requestRoom,
  responseRoom,
  trailersRoom,
} from '../../src/http2/encode-head.ts';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';
import { HpackEncoder } from '../../src/http2/hpack-encoder.ts';
import { Http2RequestHead } from '../../src/http2/request-head.ts';
import { type Http2Asked, Http2ResponseHead } from '../../src/http2/response-head.ts';

/** Name, value, and a mark for what is to be in no table. */
export type Field = readonly [name: string, value: string, mark?: 'secret'];
type Target = { bytes: Buffer; end: number };

const HPACK_LIMITS = { maxListBytes: 65_536, maxFields: 128, maxTableBytes: 4_096 };
const HEAD_LIMITS = { maxHeadBytes: 65_536, maxFields: 128, maxTargetBytes: 8_192 };
export const MAX_TARGET_BYTES = HEAD_LIMITS.maxTargetBytes;
export const PLAIN: Http2Asked = { isHead: false, upgrade: null, webSocketKey: null };

/** The four pseudo-fields of a request, in the usual order. */
export const GET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.test'],
  [':path', '/'],
];
export const POST: readonly Field[] = [[':method', 'POST'], ...GET.slice(1)];

/** An extended CONNECT for WebSocket. */
export const CONNECT: readonly Field[] = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  ...GET.slice(1),
  ['sec-websocket-version', '13'],
];

/** The fields as they are behind an encoder and a decoder, which judges names and values. */
export function received<Block extends FieldBlock>(block: Block, fields: readonly Field[]): Block {
  const encoder = new HpackEncoder(4_096);
  const room = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 16, 64);
  const out: Target = { bytes: Buffer.alloc(room), end: 0 };
  encoder.begin(out);
  for (const [name, value, mark] of fields) encoder.put(out, name, value, mark === 'secret');
  expect(new HpackDecoder(HPACK_LIMITS).decode(out.bytes, 0, out.end, block)).toBe(true);
  return block;
}

export function requestHead(): Http2RequestHead {
  return new Http2RequestHead(new SeededRandom(1));
}

/** A request's head that has been read without a complaint. */
export function requestOf(fields: readonly Field[], isEnd = true): Http2RequestHead {
  const head = received(requestHead(), fields);
  expect(head.read(isEnd, MAX_TARGET_BYTES)).toBe('ok');
  return head;
}

export function responseOf(fields: readonly Field[], isEnd = false, asked = PLAIN): Http2ResponseHead {
  const head = received(new Http2ResponseHead(), fields);
  expect(head.read(isEnd, asked)).toBe(true);
  return head;
}

// --- HTTP/2 out ---

export function encodedRequest(head: RequestHead, edits: Edits = NO_EDITS): Field[] {
  return encoded(requestRoom(head, edits), (out, encoder) => encodeRequestHead(out, encoder, head, edits));
}

export function encodedResponse(head: ResponseHead, edits: Edits = NO_EDITS): Field[] {
  return encoded(responseRoom(head, edits), (out, encoder) => encodeResponseHead(out, encoder, head, edits));
}

export function encodedTrailers(trailers: Fields): Field[] {
  return encoded(trailersRoom(trailers), (out, encoder) => encodeTrailers(out, encoder, trailers));
}

export function encodedLocal(answer: LocalAnswer, edits: Edits = NO_EDITS): Field[] {
  return encoded(localRoom(answer, edits), (out, encoder) => encodeLocalHead(out, encoder, answer, edits));
}

/** What an encoder writes into exactly the room it asked for, as a decoder reads it. */
function encoded(room: number, encode: (out: Target, encoder: HpackEncoder) => void): Field[] {
  const out: Target = { bytes: Buffer.alloc(room + 1), end: 0 };
  encode(out, new HpackEncoder(4_096));
  expect(out.end).toBeLessThanOrEqual(room);
  const block = new FieldBlock();
  expect(new HpackDecoder(HPACK_LIMITS).decode(out.bytes, 0, out.end, block)).toBe(true);
  expect(block.problem).toBe('none');
  return fieldsOf(block);
}

/** All of a block, pseudo-fields too. */
export function fieldsOf(block: FieldBlock): Field[] {
  return block.names
    .slice(0, block.size)
    .map((name, at) => (block.secrets[at] ? [name, block.values[at]!, 'secret'] : [name, block.values[at]!]));
}

// --- HTTP/1.1 ---

/** Lines of a head, without the blank one. */
export function http1Request(...lines: string[]): RequestHead {
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const parser = new RequestParser(HEAD_LIMITS, 'http');
  expect(parser.parse(bytes, 0), parser.failure).toBe(bytes.length);
  return parser.head;
}

export function http1Response(asked: { method?: string; upgrade?: string }, ...lines: string[]): Http1ResponseHead {
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const parser = new ResponseParser(HEAD_LIMITS);
  parser.begin(asked.method ?? 'GET', asked.upgrade ?? null);
  expect(parser.parse(bytes, 0), parser.failure).toBe(bytes.length);
  return parser.head;
}

export function asHttp1Request(head: RequestHead, edits: Edits = NO_EDITS): string[] {
  return lines(requestRoom1(head, edits), (out) => encodeRequest(out, head, edits));
}

export function asHttp1Response(head: ResponseHead, edits: Edits = NO_EDITS): string[] {
  const framing = responseFraming(head, 1);
  return lines(responseRoom1(head, edits), (out) => encodeResponse(out, head, edits, framing, 'implied'));
}

function lines(room: number, encode: (out: Target) => void): string[] {
  const out: Target = { bytes: Buffer.alloc(room + 1), end: 0 };
  encode(out);
  expect(out.end).toBeLessThanOrEqual(room);
  const text = out.bytes.toString('latin1', 0, out.end);
  expect(text.endsWith('\r\n\r\n')).toBe(true);
  return text.slice(0, -4).split('\r\n');
}
