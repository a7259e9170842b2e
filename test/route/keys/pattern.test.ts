import { describe, expect, it } from 'vitest';
import { PatternText, patternProblem } from '../../../src/route/keys/pattern.ts';
import { requestHead } from '../../support/exchange-script.ts';

describe('a pattern of the path', () => {
  it.each([
    ['/users/([^/]+)', '/users/42/x?y', '42'],
    ['/users/([^/]+)', '/v1/users/42', null],
    ['/users/[^/]+', '/users/42/x', '/users/42'],
    ['(?:/v\\d+)?/users/(?<id>[^/]+)', '/v12/users/42', '42'],
    ['/(?:a/(x)|b)', '/b', '/b'],
    ['/.*', '/a?b', '/a'],
    ['x*', '/a', null],
    ['^/a$', '/a?b', '/a'],
  ])('%s reads in %s %j', (pattern, target, text) => {
    expect(patternProblem(pattern)).toBeNull();
    const read = new PatternText(pattern);
    expect(read.read(requestHead({ path: target }))).toBe(text);
    expect(read.read(requestHead({ path: target }))).toBe(text);
    expect(read.read(null)).toBeNull();
  });

  it.each([
    '',
    '(',
    '[',
    'a{2,1}',
    '(?=a)a',
    '(?<!b)a',
    '(a)\\1',
    '(?<x>a)\\k<x>',
    '(a+)+',
    '(a|a)*',
    '(?:a?){30}a{30}',
    '((a+)b){2,}',
    '(?:(?:x*y)z)+',
    '.*.*.*',
    '.*x.*y[a-z]{1,5}',
    'a?b?c?d?e?',
    'a|b|c|d|e|f',
    'x'.repeat(257),
  ])('%s is none that may be used', (pattern) => {
    expect(patternProblem(pattern)).not.toBeNull();
  });

  it.each(['[(+*?|]+x', '\\(\\+\\*', '[\\]+*]{3}(ab){3}', '\\u{61}\\p{L}x', '(?:abc)*d', '[[]a(b+)(c)?'])(
    'what stands for itself in %s is no repeat',
    (pattern) => {
      expect(patternProblem(pattern)).toBeNull();
    },
  );

  it.each([
    ['.*.*x', '/'],
    ['.*a.*b', 'a'],
    ['(?:a*)?(?:a*)?b', 'a'],
    ['[^x]+[^y]+(?:z|zz)(?:z|zz)', 'z'],
  ])('%s is done soon with the worst path of all', (pattern, letter) => {
    expect(patternProblem(pattern)).toBeNull();
    const read = new PatternText(pattern);
    const head = requestHead({ path: `/${letter.repeat(60_000)}` });
    const startedAt = performance.now();
    for (let i = 0; i < 10; i++) read.read(head);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
