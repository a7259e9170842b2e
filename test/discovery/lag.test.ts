import { expect, it } from 'vitest';
import { parseLag } from '../../src/discovery/lag.ts';

it.each([
  ['120ms', 120],
  ['1.5s', 1500],
  [' 2m ', 120_000],
  ['0', 0],
  ['3', 3000],
  ['0.25', 250],
])('reads %j as %d ms', (text, ms) => {
  expect(parseLag(text)).toBe(ms);
});

it.each(['', '-1', 'NULL', '1h', '1,5s', '12 34', 's', '1e3'])('says of %j that it is no lag', (text) => {
  expect(parseLag(text)).toBeNull();
});
