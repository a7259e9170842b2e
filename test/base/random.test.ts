import { describe, expect, it } from 'vitest';
import { freshRandom, SeededRandom } from '../../src/base/random.ts';

const draws = (random: SeededRandom, n: number) => Array.from({ length: n }, () => random.uint32());

describe('SeededRandom', () => {
  it('is xoshiro128**: the same stream for the same seed', () => {
    expect(draws(new SeededRandom(42), 5)).toEqual(draws(new SeededRandom(42), 5));
  });

  it('gives unrelated streams for near seeds', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 1000; seed++) for (const word of draws(new SeededRandom(seed), 3)) seen.add(word);
    expect(seen.size).toBeGreaterThan(2990);
  });

  it('draws whole numbers below a bound, evenly', () => {
    const random = new SeededRandom(1);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]!++;
    expect(counts).toHaveLength(7);
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(random.below(1)).toBe(0);
    expect(random.below(2 ** 32)).toBeLessThan(2 ** 32);
  });

  it('draws every bit about half of the time', () => {
    const words = draws(new SeededRandom(9), 20_000);
    for (let bit = 0; bit < 32; bit++) {
      const set = words.filter((word) => (word >>> bit) & 1).length;
      expect(Math.abs(set - 10_000)).toBeLessThan(450);
    }
  });

  it('draws fractions below 1', () => {
    const random = new SeededRandom(3);
    let sum = 0;
    for (let i = 0; i < 10_000; i++) {
      const fraction = random.next();
      expect(fraction >= 0 && fraction < 1).toBe(true);
      sum += fraction;
    }
    expect(sum / 10_000).toBeCloseTo(0.5, 1);
  });
});

describe('freshRandom', () => {
  it('is another stream every time', () => {
    const words = Array.from({ length: 20 }, () => freshRandom().uint32());
    expect(new Set(words).size).toBeGreaterThan(1);
  });
});
