import { hashText } from '../../cluster/hash.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Placed } from '../../proxy/placement.ts';
import type { HashKey } from '../hash-key.ts';

/** The address a connection comes from; its port is left out, so that a client keeps its endpoint. */
export class SourceKey implements HashKey {
  hash(_head: RequestHead | null, peer: Peer, into: Placed): boolean {
    hashText(peer.address, into);
    return true;
  }
}
