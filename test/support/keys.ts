import type { Peer } from '../../src/http/conduit.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { Placed } from '../../src/proxy/placement.ts';
import type { HashKey } from '../../src/route/hash-key.ts';

export const PEER: Peer = { address: '10.0.0.7', port: 40_000, listener: 'orders', scheme: 'http', identity: null };

/** What a key makes of a request, as 16 hex digits; null when the request has none. */
export function hashed(key: HashKey, head: RequestHead | null, placed = new Placed([]), peer = PEER): string | null {
  return key.hash(head, peer, placed) ? wordOf(placed) : null;
}

export function wordOf({ hashHigh, hashLow }: Pick<Placed, 'hashHigh' | 'hashLow'>): string {
  return hashHigh.toString(16).padStart(8, '0') + hashLow.toString(16).padStart(8, '0');
}
