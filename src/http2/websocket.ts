import { createHash } from 'node:crypto';
import type { Random } from '../base/random.ts';
import type { RequestHead } from '../http/head.ts';
import { isWord } from '../http1/bytes.ts';

/**
 * Switching protocols on two wires. HTTP/1.1 asks with `GET` and `Upgrade` and is answered 101; HTTP/2 asks with an
 * extended CONNECT (RFC 8441) and is answered 2xx. The exchange knows the first form only:
 *
 *  - `Http2RequestHead` shows an extended CONNECT as a GET with `upgrade`, `Http2ResponseHead` its 2xx as a 101 with an
 *    `upgrade` field. Encoders to HTTP/2 turn both back.
 *  - HTTP/1.1 proves with a key and its digest that the endpoint knows WebSocket; HTTP/2 has no use for either (RFC
 *    8441, 5). Where one end has the proof and the other has not, remora is the other end of it: `Http2RequestHead` has
 *    a key of its own for an endpoint that speaks HTTP/1.1, and `Http2ResponseHead` has the digest of the key that a
 *    client sent in HTTP/1.1. Neither field is ever sent in HTTP/2. The digest that answers a key of remora's own is not
 *    looked at: a 101 that names the protocol asked for is what `Http1ResponseHead` demands of every upgrade.
 */
export const WEBSOCKET = 'websocket';
export const KEY_FIELD = 'sec-websocket-key';
export const ACCEPT_FIELD = 'sec-websocket-accept';

/** What every digest is made with (RFC 6455, 1.3). */
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY_BYTES = 16;

/** The `:protocol` that a head asks for in HTTP/2, or null: an upgrade by any other method is left out there. */
export function protocolOf(head: RequestHead): string | null {
  const { upgrade } = head;
  if (upgrade === null || head.method !== 'GET') return null;
  const offered = upgrade.split(',').map((name) => name.trim().toLowerCase());
  return offered.includes(WEBSOCKET) ? WEBSOCKET : offered[0]!;
}

export function isWebSocket(protocol: string): boolean {
  return isWord(protocol, 0, protocol.length, WEBSOCKET);
}

/** A key that differs from others by chance; it is no secret. */
export function makeKey(random: Random): string {
  const bytes = Buffer.alloc(KEY_BYTES);
  for (let at = 0; at < KEY_BYTES; at += 4) bytes.writeUInt32LE(random.uint32(), at);
  return bytes.toString('base64');
}

/** What an endpoint answers to a key. */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + MAGIC, 'latin1')
    .digest('base64');
}
