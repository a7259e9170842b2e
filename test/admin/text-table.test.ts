import { describe, expect, it } from 'vitest';
import { durationWords, printable, textTable } from '../../src/admin/text-table.ts';

describe('textTable', () => {
  it('aligns columns and leaves nothing at the end of a line', () => {
    expect(
      textTable(
        [
          ['NAME', 'N'],
          ['a', '10'],
          ['longer', ''],
        ],
        '  ',
      ),
    ).toBe('  NAME    N\n  a       10\n  longer\n');
  });

  it('measures what is shown, not what was given', () => {
    expect(
      textTable(
        [
          ['a\x1b[2J', 'b'],
          ['c', 'd'],
        ],
        '',
      ),
    ).toBe('a\\u{1b}[2J  b\nc           d\n');
  });
});

describe('printable', () => {
  it.each([
    ['orders\nfake line', 'orders\\u{a}fake line'],
    ['\x1b]0;title\x07', '\\u{1b}]0;title\\u{7}'],
    ['\u202eevil', '\\u{202e}evil'],
    ['\u2028', '\\u{2028}'],
    ['Übung/ß-1', 'Übung/ß-1'],
  ])('shows %j as %j', (given, shown) => {
    expect(printable(given)).toBe(shown);
  });
});

describe('durationWords', () => {
  it.each([
    [0, '0ms'],
    [999.4, '999ms'],
    [999.6, '999ms'],
    [1_000, '1.0s'],
    [1_050, '1.0s'],
    [59_999, '59.9s'],
    [60_000, '1m 0s'],
    [192_000, '3m 12s'],
    [3_599_999, '59m 59s'],
    [7_500_000, '2h 5m'],
    [349_200_000, '4d 1h'],
  ])('says %d ms as %s', (ms, words) => {
    expect(durationWords(ms)).toBe(words);
  });
});
