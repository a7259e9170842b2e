import { describe, expect, it } from 'vitest';
import { pathFlaw, rewriteOf, sound, targetFlaw } from '../../../src/route/effects/path-rewrite.ts';
import type { PathMatch, RouteMatch } from '../../../src/route/table/options.ts';

function match(path: PathMatch | null): RouteMatch {
  return { path, methods: [], headers: [], query: [], cookies: [], grpc: null };
}

function byPrefix(kind: 'exact' | 'prefix' | 'segments', value: string, replacement: string): (path: string) => string {
  const options = { path: null, prefix: replacement, regex: null };
  const rewrite = rewriteOf(options, [match({ kind, value })], () => (text) => text)!;
  return (path) => rewrite.of(path);
}

describe('a prefix that is replaced', () => {
  // The table of Gateway API (HTTPPathModifier, ReplacePrefixMatch), and what it leaves open.
  it.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo/bar', '/foo', '/', '/bar'],
    ['/foo', '/', '/xyz', '/xyz/foo'],
    ['/', '/', '/xyz', '/xyz/'],
    ['/foo?a=/foo', '/foo', '/xyz', '/xyz?a=/foo'],
    ['/foo/bar?a=1', '/foo', '/', '/bar?a=1'],
    ['/foo?x', '/foo', '/', '/?x'],
    ['/foo//evil.example', '/foo', '/', '/evil.example'],
    ['/foo/\\evil.example', '/foo', '/', '/evil.example'],
  ])('%s, segments %s -> %s, is %s', (path, value, replacement, expected) => {
    expect(byPrefix('segments', value, replacement)(path)).toBe(expected);
  });

  it.each([
    ['/foobar', '/foo', '/xyz', '/xyzbar'],
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/', '/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/v1.2/a', '/v1', '/v2', '/v2.2/a'],
  ])('%s, characters %s -> %s, is %s', (path, value, replacement, expected) => {
    expect(byPrefix('prefix', value, replacement)(path)).toBe(expected);
  });

  it('is the whole of an exact path', () => {
    expect(byPrefix('exact', '/a/b', '/c')('/a/b?q=1')).toBe('/c?q=1');
  });

  it('is the longest of several that the path begins with', () => {
    const matches = [match({ kind: 'segments', value: '/a' }), match({ kind: 'segments', value: '/a/b' })];
    const rewrite = rewriteOf({ path: null, prefix: '/z', regex: null }, matches, () => (text) => text)!;
    expect(rewrite.of('/a/b/c')).toBe('/z/c');
    expect(rewrite.of('/a/bc')).toBe('/z/bc');
  });

  it('is put before every path where nothing is said of paths', () => {
    const rewrite = rewriteOf({ path: null, prefix: '/api', regex: null }, [], () => (text) => text)!;
    expect(rewrite.of('/a?b')).toBe('/api/a?b');
  });
});

describe('a path', () => {
  it('is replaced whole, and keeps its query', () => {
    const rewrite = rewriteOf({ path: '/x', prefix: null, regex: null }, [], () => (text) => text)!;
    expect(rewrite.of('/a/b?c=d?e')).toBe('/x?c=d?e');
  });

  it('is rewritten by a pattern that sees no query', () => {
    const seen: string[] = [];
    const substitute = (pattern: string, substitution: string) => (text: string) => {
      seen.push(`${pattern} ${substitution} ${text}`);
      return text.replace('/a', '/b');
    };
    const rewrite = rewriteOf(
      { path: null, prefix: null, regex: { pattern: 'p', substitution: 's' } },
      [],
      substitute,
    )!;
    expect(rewrite.of('/a/c?d=/a')).toBe('/b/c?d=/a');
    expect(rewrite.of('/x')).toBe('/x');
    expect(seen).toEqual(['p s /a/c', 'p s /x']);
  });

  it('stays where the request is for the server as a whole', () => {
    for (const options of [
      { path: '/x', prefix: null, regex: null },
      { path: null, prefix: '/x', regex: null },
    ])
      expect(rewriteOf(options, [], () => (text) => text)!.of('*')).toBe('*');
  });

  it('begins with one slash', () => {
    expect(['a', '', '/a', '//a', '/\\a', '\\\\a', '///'].map(sound)).toEqual(['/a', '/', '/a', '/a', '/a', '/a', '/']);
  });
});

it('says what is wrong with a path', () => {
  expect(pathFlaw('/a%20b')).toBeNull();
  expect(pathFlaw('a')).toContain('begin with `/`');
  expect(pathFlaw('//a')).toContain('two slashes');
  for (const text of ['/a b', '/a\r\n', '/ä', '/a\\b', '/a\u010a']) expect(pathFlaw(text)).toContain('ASCII');
  for (const text of ['/a?b', '/a#b']) expect(pathFlaw(text)).toContain('ends a path');
  expect(targetFlaw('\\1')).not.toBeNull();
});
