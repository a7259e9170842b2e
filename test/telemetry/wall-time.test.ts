import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wallTimeText } from '../../src/telemetry/wall-time.ts';

it('agrees with Date for every instant of its years 0 to 9999', () => {
  const from = Date.parse('0000-01-01T00:00:00.000Z');
  const to = Date.parse('9999-12-31T23:59:59.999Z');
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), (ms) => wallTimeText(ms) === new Date(ms).toISOString()),
    { numRuns: 5000 },
  );
});

it.each([
  '2000-02-29T23:59:59.999Z',
  '2100-02-28T23:59:59.999Z',
  '2100-03-01T00:00:00.000Z',
  '1969-12-31T23:59:59.999Z',
])('knows %s', (text) => {
  expect(wallTimeText(Date.parse(text))).toBe(text);
  expect(wallTimeText(Date.parse(text) + 1)).toBe(new Date(Date.parse(text) + 1).toISOString());
});

it('cuts fractions of a millisecond', () => {
  expect(wallTimeText(1_700_000_000_123.9)).toBe('2023-11-14T22:13:20.123Z');
});
