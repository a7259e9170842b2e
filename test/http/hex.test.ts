import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { randomHex } from '../../src/http/hex.ts';

it.each([1, 8, 12, 16])('makes %d hex digits by chance, the same of the same seed', (digits) => {
  const random = new SeededRandom(7);
  const text = randomHex(random, digits);
  expect(text).toMatch(new RegExp(`^[0-9a-f]{${digits}}$`));
  expect(randomHex(new SeededRandom(7), digits)).toBe(text);
  if (digits > 4) expect(randomHex(random, digits)).not.toBe(text);
});
