import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex, fixedBeginning, readyRegex, regexFlaw } from '../../../src/route/table/regex.ts';

await readyRegex();

describe('a pattern', () => {
  it.each([
    '/users/[0-9]+/orders',
    '(?i)/a.*b',
    '/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
    '/[a-z0-9-]{1,63}\\.[a-z0-9-]{1,63}',
    '[]a]+\\{3',
    'a{,3}',
    '\\pL+',
  ])('may be %s', (pattern) => {
    expect(regexFlaw(pattern)).toBeNull();
  });

  it.each([
    ['', '1 to 1024 characters'],
    ['a'.repeat(1025), '1 to 1024 characters'],
    ['(', 'RE2 syntax'],
    ['(?=a)', 'RE2 syntax'],
    ['(a)\\1', 'RE2 syntax'],
    ['a{1001}', 'RE2 syntax'],
    ['((a{100}){100}){100}', 'repeats'],
    ['(?:a{1000}){1000}', 'repeats'],
    [`(?:${'ab'.repeat(100)}){200}`, 'repeats'],
    ['[a-z]{900}'.repeat(5), 'repeats'],
    ['\\d{600}', 'instructions'],
    ['a?'.repeat(400), 'instructions'],
  ])('is refused when it is %s', (pattern, words) => {
    expect(regexFlaw(pattern)).toContain(words);
  });

  it('is matched by whole texts, and by none that is too long', () => {
    const regex = compileRegex('/a+');
    expect(['/a', '/aaa', '/', 'x/a', '/ab', '/a\n'].map((text) => regex.matches(text))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(regex.matches(`/${'a'.repeat(1023)}`)).toBe(true);
    expect(regex.matches(`/${'a'.repeat(1024)}`)).toBe(false);
  });

  it('forgets what it has seen of texts, and goes on', () => {
    const regex = compileRegex('/(?:a|b)*a(?:a|b){60}');
    const draw = (seed: number): string => {
      let state = seed;
      const sign = (): string => ((state = (state * 1103515245 + 12345) & 0x7fffffff) & 0x10000 ? 'a' : 'b');
      return `/${Array.from({ length: 400 }, sign).join('')}`;
    };
    const oracle = /^\/[ab]*a[ab]{60}$/;
    for (let seed = 1; seed < 60; seed++) expect(regex.matches(draw(seed))).toBe(oracle.test(draw(seed)));
  });
});

describe('the fixed beginning of a pattern', () => {
  it.each([
    ['/users/[0-9]+', '/users/'],
    ['/users/a+', '/users/'],
    ['/users/a{2}', '/users/'],
    ['/users', '/users'],
    ['/a|/b', ''],
    ['(?i)/a', ''],
    ['.*', ''],
    ['/a\\.b', '/a'],
    ['^/a', ''],
  ])('of %s is %j', (pattern, beginning) => {
    expect(fixedBeginning(pattern)).toBe(beginning);
  });

  it('is what every text that matches begins with', () => {
    const pattern = fc.string({
      unit: fc.constantFrom('/', 'a', 'b', '*', '+', '?', '|', '(', ')', '.', '[a]', '{2}', '\\w'),
    });
    const text = fc.string({ unit: fc.constantFrom('/', 'a', 'b'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 5, maxLength: 20 }), (drawn, texts) => {
        if (regexFlaw(drawn) !== null) return;
        const regex = compileRegex(drawn);
        for (const one of texts) if (regex.matches(one) && !one.startsWith(fixedBeginning(drawn))) throw new Error(one);
      }),
      { numRuns: 2000 },
    );
  });
});
