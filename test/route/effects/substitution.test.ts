import { expect, it } from 'vitest';
import { Substitution, substitutionFlaw } from '../../../src/route/effects/substitution.ts';
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

it('stops after sixteen matches, and after as much as a head may have', () => {
  expect(new Substitution(finderOf(/a/g), 'b').of('a'.repeat(20))).toBe('b'.repeat(16) + 'a'.repeat(4));
  const grown = new Substitution(finderOf(/a+/g), '\\0'.repeat(9)).of('a'.repeat(60_000));
  expect(grown.length).toBeLessThan(10 * 65_536);
});

it('says what is wrong with a substitution', () => {
  expect(substitutionFlaw('/\\1/\\\\', 1)).toBeNull();
  expect(substitutionFlaw('\\2', 1)).toContain('no group 2');
  expect(substitutionFlaw('\\n', 1)).toContain('followed by');
  expect(substitutionFlaw('a\\', 1)).toContain('followed by');
});
