import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { KeyText } from './text.ts';

/**
 * The text of the first source that a request has: where texts are looked up and not hashed, they cannot be laid over
 * one another.
 */
export class FirstText implements KeyText {
  constructor(private readonly texts: readonly KeyText[]) {}

  read(head: RequestHead | null, peer: Peer): string | null {
    for (const text of this.texts) {
      const found = text.read(head, peer);
      if (found !== null) return found;
    }
    return null;
  }
}
