import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { WeightedDraw } from '../../src/cluster/weighted-draw.ts';

describe('WeightedDraw', () => {
  it('draws in proportion to any weights', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(weights, fc.integer(), (given, seed) => {
        const draw = new WeightedDraw(given, new SeededRandom(seed));
        const total = given.reduce((a, b) => a + b);
        const counts = given.map(() => 0);
        const n = 4000;
        for (let i = 0; i < n; i++) counts[draw.draw()]!++;
        given.forEach((weight, i) => {
          const share = weight / total;
          // Six standard deviations and a bit for the smallest.
          expect(Math.abs(counts[i]! - n * share)).toBeLessThan(6 * Math.sqrt(n * share * (1 - share)) + 6);
        });
      }),
    );
  });

  it('knows when all weights are equal', () => {
    expect(new WeightedDraw([3, 3, 3], new SeededRandom(1)).isUniform).toBe(true);
    expect(new WeightedDraw([3, 3, 2], new SeededRandom(1)).isUniform).toBe(false);
    expect(new WeightedDraw([], new SeededRandom(1)).isUniform).toBe(true);
  });
});
