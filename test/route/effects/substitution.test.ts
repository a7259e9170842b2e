import { expect, it } from 'vitest';
import { Substitution, substitutionFlaw } from '../../../src/route/effects/substitution.ts';
import { groupsOf, finderOf as re2, readyRegex } from '../../../src/route/table/regex.ts';
import { finderOf } from '../../support/finder.ts';

it.each([
  [/^\/v(\d+)\/(.*)$/g, '/\\2/of/\\1', '/v2/a/b', '/a/b/of/2'],
  [/a/g, 'bb', 'banana', 'bbbnbbnbb'],
  [/x/g, 'y', 'abc', 'abc'],
  [/(a)|b/g, '[\\1]', 'ab', '[a][]'],
  [/a/g, '\\\\\\0', 'a', '\\a'],
  [/z*/g, '-', 'ab', '-a-b-'],
  [/.*/g, '/x', '/a', '/x'],
  [/^/g, '/p', '/a', '/p/a'],
])('%s with %s makes of %s: %s', (pattern, substitution, text, expected) => {
  expect(new Substitution(finderOf(pattern), substitution).of(text)).toBe(expected);
});

it('stops after eight matches, and after as much as a head may have', () => {
  expect(new Substitution(finderOf(/a/g), 'b').of('a'.repeat(20))).toBe(`${'b'.repeat(8)}${'a'.repeat(12)}`);
  const grown = new Substitution(finderOf(/a+/g), '\\0'.repeat(9)).of('a'.repeat(60_000));
  expect(grown.length).toBeLessThan(10 * 65_536);
});

it('says what is wrong with a substitution', () => {
  expect(substitutionFlaw('/\\1/\\\\', 1)).toBeNull();
  expect(substitutionFlaw('\\2', 1)).toContain('no group 2');
  expect(substitutionFlaw('\\n', 1)).toContain('followed by');
  expect(substitutionFlaw('a\\', 1)).toContain('followed by');
});

it('is done by RE2, of texts of a bounded length', async () => {
  await readyRegex();
  const substitution = new Substitution(re2('^/v(\\d+)/(?:old/)?(x)?'), '/\\1/new/\\2');
  expect(substitution.of('/v12/old/a')).toBe('/12/new/a');
  expect(substitution.of('/v1/x/v2/x')).toBe('/1/new/x/v2/x');
  expect(new Substitution(re2('b*'), '-').of('abc')).toBe('-a-c-');
  expect(substitution.of(`/v1/${'a'.repeat(1024)}`)).toBe(`/v1/${'a'.repeat(1024)}`);
  expect(groupsOf('(a)(?:b)(c)')).toBe(2);
});
