import { hashText } from '../../cluster/hash.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Placed } from '../../proxy/placement.ts';
import type { HashKey } from '../hash-key.ts';

/** A text that is read out of the target of a request; null when it is not in it. */
export interface TargetText {
  read(target: string): string | null;
}

/**
 * A part of the target. Parts are taken as they stand there, percent-encoded or not: a client that writes one value in
 * two ways has two keys, and nothing is decoded that the endpoint might decode in another way.
 */
export class TargetKey implements HashKey {
  constructor(private readonly text: TargetText) {}

  hash(head: RequestHead | null, _peer: Peer, into: Placed): boolean {
    const value = head === null ? null : this.text.read(head.path);
    if (value === null) return false;
    hashText(value, into);
    return true;
  }
}

/** The first value of a parameter of the query, which may be empty. */
export class QueryText implements TargetText {
  constructor(private readonly name: string) {}

  read(target: string): string | null {
    const { name } = this;
    for (let mark = target.indexOf('?'); mark !== -1; mark = target.indexOf('&', mark + 1)) {
      if (!target.startsWith(name, mark + 1)) continue;
      const end = mark + 1 + name.length;
      if (end === target.length || target[end] === '&') return '';
      if (target[end] !== '=') continue;
      const next = target.indexOf('&', end);
      return target.slice(end + 1, next === -1 ? target.length : next);
    }
    return null;
  }
}

/** A segment of the path: of `/users/42`, 1 is `users` and 2 is `42`. An empty one is none. */
export class SegmentText implements TargetText {
  constructor(private readonly number: number) {}

  read(target: string): string | null {
    const pathEnd = endOfPath(target);
    let slash = target[0] === '/' ? 0 : -1;
    for (let left = this.number; slash !== -1 && slash < pathEnd; left--) {
      const next = target.indexOf('/', slash + 1);
      const end = next === -1 || next > pathEnd ? pathEnd : next;
      if (left === 1) return end === slash + 1 ? null : target.slice(slash + 1, end);
      slash = next;
    }
    return null;
  }
}

export function endOfPath(target: string): number {
  const query = target.indexOf('?');
  return query === -1 ? target.length : query;
}
