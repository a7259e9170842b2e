import { describe, expect, it } from 'vitest';
import { PathPattern } from '../../src/route/path-pattern.ts';
import { DEFAULT_READS, Reads } from '../../src/route/roles.ts';
import { type RequestText, requestHead } from '../support/exchange-script.ts';

describe('a pattern of paths', () => {
  it.each([
    ['/a', '/a', true],
    ['/a', '/a?b=/c', true],
    ['/a', '/ab', false],
    ['/a', '/', false],
    ['/a/*', '/a/', true],
    ['/a/*', '/a/b/c?d', true],
    ['/a/*', '/a', false],
    ['/a/*', '/b?/a/', false],
    ['/pkg.Orders/Get*', '/pkg.Orders/GetOne', true],
    ['/pkg.Orders/Get*', '/pkg.Orders/ForGet', false],
    ['*/read', '/x/y/read', true],
    ['*/read', '/x/read/y', false],
    ['/*/x/*', '/a/x/b', true],
    ['/*/x/*', '/a/y/b', false],
    ['/aba*aba', '/aba', false],
    ['/aba*aba', '/abaaba', true],
    ['*', '/anything', true],
    ['/a*b*b', '/ab', false],
  ])('%s against %s: %s', (pattern, path, expected) => {
    expect(new PathPattern(pattern).matches(path)).toBe(expected);
  });
});

describe('reads', () => {
  const isRead = (text: RequestText, more = {}): boolean =>
    new Reads({ ...DEFAULT_READS, ...more }).has(requestHead(text));

  it('are GET, HEAD and OPTIONS, and nothing else', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) expect(isRead({ method }), method).toBe(true);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'QUERY'])
      expect(isRead({ method }), method).toBe(false);
  });

  it('are what a header says, whatever else it is', () => {
    const header = 'x-read';
    expect(isRead({ method: 'POST', fields: { 'x-read': 'true' } }, { header })).toBe(true);
    expect(isRead({ method: 'GET', fields: { 'x-read': 'false' } }, { header })).toBe(false);
    expect(isRead({ method: 'GET', fields: { 'x-read': 'maybe' } }, { header })).toBe(true);
    expect(isRead({ method: 'POST', fields: { 'x-read': 'true' } })).toBe(false);
  });

  it('are calls of the methods that are listed, which are paths', () => {
    const paths = ['/pkg.Orders/Get*'];
    expect(isRead({ method: 'POST', path: '/pkg.Orders/GetOne' }, { paths })).toBe(true);
    expect(isRead({ method: 'POST', path: '/pkg.Orders/Put' }, { paths })).toBe(false);
  });
});
