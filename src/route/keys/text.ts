import { hashText } from '../../cluster/hash.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Placed } from '../../proxy/placement.ts';
import type { HashKey } from '../hash-key.ts';

/**
 * A text that a request has, as it stands on the wire: a client that writes one value in two ways has two, and nothing
 * is decoded that the endpoint might decode in another way.
 */
export interface KeyText {
  /** Null when the request has none. `head` is null of an opaque connection. */
  read(head: RequestHead | null, peer: Peer): string | null;
}

/** A text as a key. */
export class TextKey implements HashKey {
  constructor(private readonly text: KeyText) {}

  hash(head: RequestHead | null, peer: Peer, into: Placed): boolean {
    const value = this.text.read(head, peer);
    if (value === null) return false;
    hashText(value, into);
    return true;
  }
}
