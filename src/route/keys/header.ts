import { hashText } from '../../cluster/hash.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Placed } from '../../proxy/placement.ts';
import type { HashKey } from '../hash-key.ts';
import type { KeyText } from './text.ts';

/** The value of a field, of several lines as one list. */
export class HeaderText implements KeyText {
  constructor(private readonly name: string) {}

  read(head: RequestHead | null): string | null {
    return head === null ? null : head.get(this.name);
  }
}

/**
 * The value of a field. Several lines of one name are hashed one after the other in the order of their bytes, each with
 * the hash so far as its seed, so that it makes no difference in which order they come. That is what Envoy does.
 */
export class HeaderKey implements HashKey {
  constructor(private readonly name: string) {}

  hash(head: RequestHead | null, _peer: Peer, into: Placed): boolean {
    const value = head === null ? null : head.get(this.name);
    if (value === null) return false;
    if (head!.count(this.name) > 1) this.hashLines(head!, into);
    else hashText(value, into);
    return true;
  }

  private hashLines(head: RequestHead, into: Placed): void {
    const values: string[] = [];
    head.forEach((name, value) => {
      if (name === this.name) values.push(value);
    });
    into.hashLow = 0;
    into.hashHigh = 0;
    for (const value of values.sort()) hashText(value, into, into.hashLow, into.hashHigh);
  }
}
