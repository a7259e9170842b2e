import type { RequestHead } from '../../http/head.ts';
import type { KeyText } from './text.ts';

/** The first value of a parameter of the query, which may be empty. */
export class QueryText implements KeyText {
  constructor(private readonly name: string) {}

  read(head: RequestHead | null): string | null {
    if (head === null) return null;
    const { name } = this;
    const { path } = head;
    for (let mark = path.indexOf('?'); mark !== -1; mark = path.indexOf('&', mark + 1)) {
      if (!path.startsWith(name, mark + 1)) continue;
      const end = mark + 1 + name.length;
      if (end === path.length || path[end] === '&') return '';
      if (path[end] !== '=') continue;
      const next = path.indexOf('&', end);
      return path.slice(end + 1, next === -1 ? path.length : next);
    }
    return null;
  }
}

/** A segment of the path: of `/users/42`, 1 is `users` and 2 is `42`. An empty one is none. */
export class SegmentText implements KeyText {
  constructor(private readonly number: number) {}

  read(head: RequestHead | null): string | null {
    if (head === null) return null;
    const { path } = head;
    const pathEnd = endOfPath(path);
    let slash = path[0] === '/' ? 0 : -1;
    for (let left = this.number; slash !== -1 && slash < pathEnd; left--) {
      const next = path.indexOf('/', slash + 1);
      const end = next === -1 || next > pathEnd ? pathEnd : next;
      if (left === 1) return end === slash + 1 ? null : path.slice(slash + 1, end);
      slash = next;
    }
    return null;
  }
}

/** Where the query begins, or the end. */
export function endOfPath(target: string): number {
  const query = target.indexOf('?');
  return query === -1 ? target.length : query;
}
