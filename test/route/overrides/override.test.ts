import { describe, expect, it } from 'vitest';
import { isGenuine, type Override, parseClaims, writeOverride } from '../../../src/route/overrides/override.ts';

const KEY = 'k'.repeat(32);
const TO_V2: Override = { of: 'orders', upstream: 'orders', subset: 'v2', expiresAtS: 1_767_225_600 };
const TO_OTHER: Override = { of: 'orders', upstream: 'orders-pr-7', subset: null, expiresAtS: 1_767_225_600 };
const SIG = 'a'.repeat(64);

describe('an override', () => {
  it.each([TO_V2, TO_OTHER])('is read as it was written: %j', (override) => {
    const [claim] = parseClaims(writeOverride(override, KEY))!;
    expect(claim).toMatchObject(override);
    expect(isGenuine(claim!, KEY)).toBe(true);
    expect(isGenuine(claim!, `${KEY}x`)).toBe(false);
  });

  it.each([{ of: 'stock' }, { upstream: 'stock' }, { subset: 'v3' }, { subset: null }, { expiresAtS: 1_767_225_601 }])(
    'is not genuine once %j is changed',
    (change) => {
      const [claim] = parseClaims(writeOverride(TO_V2, KEY))!;
      expect(isGenuine({ ...claim!, ...change }, KEY)).toBe(false);
    },
  );

  it('may come with others', () => {
    const text = [TO_V2, { ...TO_OTHER, of: 'stock' }].map((one) => writeOverride(one, KEY)).join(', ');
    expect(parseClaims(text)!.map(({ of, upstream }) => [of, upstream])).toEqual([
      ['orders', 'orders'],
      ['stock', 'orders-pr-7'],
    ]);
  });

  it.each([
    '',
    'orders/v2',
    `orders; exp=1; sig=${SIG.slice(1)}`,
    `orders; exp=x; sig=${SIG}`,
    `ORDERS; exp=1; sig=${SIG}`,
    `orders/; exp=1; sig=${SIG}`,
    `orders; sig=${SIG}; exp=1`,
    `orders; exp=1; sig=${SIG};`,
    `orders; exp=1; sig=${SIG}, x`,
    Array(9).fill(`orders; exp=1; sig=${SIG}`).join(','),
    `${' '.repeat(2048)}orders; exp=1; sig=${SIG}`,
  ])('is none when it reads %j', (text) => {
    expect(parseClaims(text)).toBeNull();
  });
});
