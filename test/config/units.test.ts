import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/units.ts';

describe('durations', () => {
  it('reads back every number of milliseconds that it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it('reads thousandths of a second exactly, whatever floating point makes of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), (ms) => {
        expect(parseDuration(`${(ms / 1000).toFixed(3)}s`)).toBe(ms);
      }),
    );
  });

  it.each([
    ['500ms', 500],
    ['15s', 15_000],
    ['1.5s', 1_500],
    ['1.05s', 1_050],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['5', '', 's', '-1s', '1 s', '1d', '1S', '.5s', '1.s', '1s ', '1e3ms', '0.5ms', '1h30m', '９s', '1s\n'])(
    'does not read %j',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it('writes in the largest unit that divides', () => {
    expect([0, 1, 1_050, 90_000, 60_000, 3_600_000].map(formatDuration)).toEqual([
      '0',
      '1ms',
      '1050ms',
      '90s',
      '1m',
      '1h',
    ]);
  });
});

describe('sizes', () => {
  it('reads back every number of bytes that it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 50 }), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
  });

  it.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['1.5KiB', 1_536],
    ['1MiB', 1_048_576],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['64', '64K', '64KB', '64kib', '0.3B', '-1B'])('does not read %j', (text) => {
    expect(parseSize(text)).toBeNull();
  });
});
