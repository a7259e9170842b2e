import type { RequestHead } from '../http/head.ts';
import type { ShardKeyOptions } from './shard-options.ts';

/**
 * The key of a request as it stands in it: of the first source that has one, raw, since decoding would make one key of two.
 * Nothing is trusted in it: it is looked up, and names no address. An empty one is none.
 */
export function keyTextOf(head: RequestHead, sources: readonly ShardKeyOptions[]): string | null {
  for (const source of sources) {
    const text = textOf(head, source);
    if (text !== null && text !== '') return text;
  }
  return null;
}

function textOf(head: RequestHead, source: ShardKeyOptions): string | null {
  switch (source.kind) {
    case 'header':
      return head.get(source.name);
    case 'segment':
      return segmentOf(head.path, source.number);
    case 'query':
      return parameterOf(head.path, source.name);
  }
}

/** The n-th part of a path, 1 for the first; null when it has fewer. */
function segmentOf(path: string, number: number): string | null {
  const mark = path.indexOf('?');
  const end = mark < 0 ? path.length : mark;
  let at = path.charCodeAt(0) === SLASH ? 1 : end;
  for (let left = number; at < end; left--) {
    const slash = path.indexOf('/', at);
    const next = slash < 0 || slash > end ? end : slash;
    if (left === 1) return path.slice(at, next);
    at = next + 1;
  }
  return null;
}

/** The first of that name. */
function parameterOf(path: string, name: string): string | null {
  let at = path.indexOf('?') + 1;
  if (at === 0) return null;
  while (at <= path.length) {
    const ampersand = path.indexOf('&', at);
    const end = ampersand < 0 ? path.length : ampersand;
    if (path.startsWith(name, at) && path.charCodeAt(at + name.length) === EQUALS) {
      const from = at + name.length + 1;
      if (from <= end) return path.slice(from, end);
    }
    at = end + 1;
  }
  return null;
}

const SLASH = 0x2f;
const EQUALS = 0x3d;
