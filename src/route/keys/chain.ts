import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Placed } from '../../proxy/placement.ts';
import type { HashKey } from '../hash-key.ts';

export interface Link {
  readonly key: HashKey;
  /** Once there is a hash, here or above, nothing below is asked. */
  readonly terminal: boolean;
}

/**
 * Several keys as one: the hash so far is rotated by a bit and the next one laid over it, in the order of the
 * configuration. The rotation keeps equal values from wiping each other out. Keys that a request has not are left out.
 * The sum is Envoy's, so that both send a request to the same place.
 */
export class KeyChain implements HashKey {
  constructor(private readonly links: readonly Link[]) {}

  hash(head: RequestHead | null, peer: Peer, into: Placed): boolean {
    let hasHash = false;
    let high = 0;
    let low = 0;
    for (let at = 0; at < this.links.length; at++) {
      const { key, terminal } = this.links[at]!;
      if (key.hash(head, peer, into)) {
        const carry = high >>> 31;
        high = ((high << 1) | (low >>> 31)) ^ into.hashHigh;
        low = ((low << 1) | carry) ^ into.hashLow;
        hasHash = true;
      }
      if (terminal && hasHash) break;
    }
    into.hashHigh = high >>> 0;
    into.hashLow = low >>> 0;
    return hasHash;
  }
}
