import { expect, it } from 'vitest';
import { isPrime, primeFrom } from '../../src/base/prime.ts';

it('knows primes from other numbers', () => {
  const primes = Array.from({ length: 60 }, (_, n) => n).filter(isPrime);
  expect(primes).toEqual([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
  expect([65_537, 5_000_011].map(isPrime)).toEqual([true, true]);
  expect([65_535, 5_000_009, 251 * 257].map(isPrime)).toEqual([false, false, false]);
});

it('finds the next prime, and a prime itself', () => {
  expect([0, 2, 8, 65_536, 65_537, 65_538].map(primeFrom)).toEqual([2, 2, 11, 65_537, 65_537, 65_539]);
});
