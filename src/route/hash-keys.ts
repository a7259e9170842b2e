import { hashText } from '../cluster/hash.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import type { Placed } from '../proxy/placement.ts';
import type { HashKey } from './hash-key.ts';

/** The value of a field; a request without it has no key, and the balancer falls back to chance. */
export class HeaderKey implements HashKey {
  private readonly name: string;

  constructor(name: string) {
    this.name = name.toLowerCase();
  }

  hash(head: RequestHead | null, _peer: Peer, into: Placed): boolean {
    const value = head === null ? null : head.get(this.name);
    if (value === null) return false;
    hashText(value, into);
    return true;
  }
}

/** The address a connection comes from; its port is left out, so that a client keeps its endpoint. */
export class SourceKey implements HashKey {
  hash(_head: RequestHead | null, peer: Peer, into: Placed): boolean {
    hashText(peer.address, into);
    return true;
  }
}
