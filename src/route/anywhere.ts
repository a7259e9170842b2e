import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import { sendCookie } from '../http/set-cookie.ts';
import type { Placed, Placement } from '../proxy/placement.ts';
import type { HashKey } from './hash-key.ts';

/** The whole cluster, by a key or without one. */
export class Anywhere implements Placement {
  constructor(private readonly key: HashKey | null) {}

  place(head: RequestHead | null, peer: Peer, placed: Placed): null {
    if (this.key === null) return null;
    placed.hasHash = this.key.hash(head, peer, placed);
    placed.lacksKey = !placed.hasHash;
    return null;
  }

  mark({ setCookie }: Placed, answer: ResponseHead, edits: Edits): void {
    if (setCookie !== null) sendCookie(setCookie, answer, edits);
  }
}
