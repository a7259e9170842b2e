import { describe, expect, it } from 'vitest';
import { parsePushback, parseRetryAfter } from '../../src/policy/retry-after.ts';

const WALL = Date.UTC(2026, 0, 31, 12, 0, 0);

describe('parseRetryAfter', () => {
  it('reads seconds', () => {
    expect(parseRetryAfter('0', WALL)).toBe(0);
    expect(parseRetryAfter('120', WALL)).toBe(120_000);
  });

  it('reads a date', () => {
    expect(parseRetryAfter('Sat, 31 Jan 2026 12:00:30 GMT', WALL)).toBe(30_000);
    expect(parseRetryAfter('Sat, 31 Jan 2026 11:00:00 GMT', WALL)).toBe(0);
  });

  it('is bounded by five minutes', () => {
    expect(parseRetryAfter('9999999999', WALL)).toBe(300_000);
    expect(parseRetryAfter('Sat, 31 Jan 2099 12:00:30 GMT', WALL)).toBe(300_000);
  });

  it('takes anything else for silence', () => {
    for (const value of [null, '', '-1', '1.5', '1e3', 'soon', 'Sat, 31 Foo 2026 12:00:30 GMT', '99999999999', '1, 2'])
      expect(parseRetryAfter(value, WALL)).toBe(-1);
  });
});

describe('grpc-retry-pushback-ms', () => {
  it.each([
    ['0', 0],
    ['250', 250],
    ['9999999999', 300_000],
    ['-1', Number.POSITIVE_INFINITY],
    ['', Number.POSITIVE_INFINITY],
    ['1s', Number.POSITIVE_INFINITY],
    ['1, 2', Number.POSITIVE_INFINITY],
  ])('of %j is %s', (text, ms) => {
    expect(parsePushback(text)).toBe(ms);
  });
});
