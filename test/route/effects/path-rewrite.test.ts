import { describe, expect, it } from 'vitest';
import { pathFlaw, rewriteOf, sound, targetFlaw } from '../../../src/route/effects/path-rewrite.ts';
import type { PathMatch, RouteMatch } from '../../../src/route/table/options.ts';
import { finderOf } from '../../support/finder.ts';

const NO_PATTERNS = () => ({ find: () => null });

function byPattern(pattern: RegExp, substitution: string) {
  const options = { path: null, prefix: null, regex: { pattern: '', substitution } };
  return rewriteOf(options, [], () => finderOf(pattern))!;
}

function match(path: PathMatch | null): RouteMatch {
  return { path, methods: [], headers: [], query: [], cookies: [], grpc: null };
}

function byPrefix(kind: 'exact' | 'prefix' | 'segments', value: string, replacement: string): (path: string) => string {
  const options = { path: null, prefix: replacement, regex: null };
  const rewrite = rewriteOf(options, [match({ kind, value })], NO_PATTERNS)!;
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
    const rewrite = rewriteOf({ path: null, prefix: '/z', regex: null }, matches, NO_PATTERNS)!;
    expect(rewrite.of('/a/b/c')).toBe('/z/c');
    expect(rewrite.of('/a/bc')).toBe('/z/bc');
  });

  it('is put before every path where nothing is said of paths', () => {
    const rewrite = rewriteOf({ path: null, prefix: '/api', regex: null }, [], NO_PATTERNS)!;
    expect(rewrite.of('/a?b')).toBe('/api/a?b');
  });
});

describe('a path', () => {
  it('is replaced whole, and keeps its query', () => {
    const rewrite = rewriteOf({ path: '/x', prefix: null, regex: null }, [], NO_PATTERNS)!;
    expect(rewrite.of('/a/b?c=d?e')).toBe('/x?c=d?e');
  });

  it('is rewritten by a pattern that sees no query', () => {
    const rewrite = byPattern(/\/a(\/[bc])?/g, '/x\\1');
    expect(rewrite.of('/a/c?d=/a')).toBe('/x/c?d=/a');
    expect(rewrite.of('/y?/a')).toBe('/y?/a');
    expect(byPattern(/.*/g, '//evil').of('/a')).toBe('/evil');
  });

  it('stays where the request is for the server as a whole', () => {
    for (const options of [
      { path: '/x', prefix: null, regex: null },
      { path: null, prefix: '/x', regex: null },
    ])
      expect(rewriteOf(options, [], NO_PATTERNS)!.of('*')).toBe('*');
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
