import type { KeyOptions, KeySource, MadeCookie } from '../route/keys/options.ts';
import type { WrittenKey, WrittenSource } from './sections/hash.ts';
import { formatDuration } from './units.ts';

/** Hash keys from the words of the file to those of the program, and back. */
export function buildHash(hash: readonly WrittenKey[]): readonly KeyOptions[] {
  return hash.map((written) => ({ ...sourceOf(written, madeOf(written)), terminal: written.terminal }));
}

/** The schema has seen to it that there is one source in each. */
export function sourceOf({ header, cookie, query, path }: WrittenSource, made: MadeCookie | null): KeySource {
  // Field names know no case; the program compares them in lower case.
  if (header !== null) return { kind: 'header', name: header.toLowerCase() };
  if (cookie !== null) return { kind: 'cookie', name: cookie.name, made };
  if (query !== null) return { kind: 'query', name: query };
  if (path === null) return { kind: 'source' };
  if (path.segment !== null) return { kind: 'segment', number: path.segment };
  return { kind: 'pattern', pattern: path.regex ?? '' };
}

function madeOf({ cookie }: WrittenKey): MadeCookie | null {
  if (cookie === null || cookie.ttl === null) return null;
  const { ttl, path, attributes } = cookie;
  return { ttlMs: ttl, path, ...attributes };
}

export function encodeHash(hash: readonly KeyOptions[]): unknown {
  return hash.map(({ terminal, ...source }) => ({ ...encodeSource(source), terminal }));
}

export function encodeSource(source: KeySource): object {
  switch (source.kind) {
    case 'header':
      return { header: source.name };
    case 'cookie':
      return { cookie: { name: source.name, ...(source.made === null ? {} : encodeMade(source.made)) } };
    case 'query':
      return { query: source.name };
    case 'source':
      return { source: true };
    case 'segment':
      return { path: { segment: source.number } };
    case 'pattern':
      return { path: { regex: source.pattern } };
  }
}

function encodeMade({ ttlMs, path, ...attributes }: MadeCookie): object {
  return { ttl: formatDuration(ttlMs), path, attributes };
}
