import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import type { Placed } from '../proxy/placement.ts';

/** What is hashed of a request. Writes the two halves of a 64-bit hash; false when the request has no such key. */
export interface HashKey {
  /** `head` is null of an opaque connection. */
  hash(head: RequestHead | null, peer: Peer, into: Placed): boolean;
}
