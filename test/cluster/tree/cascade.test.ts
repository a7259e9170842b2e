import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bySize, cascade } from '../../../src/cluster/tree/cascade.ts';

const loadsOf = (healthy: readonly number[], total = 100, overprovisioning = 1.4) =>
  cascade(
    healthy.map((usable) => ({ usable, total })),
    overprovisioning,
  ).loads;

const standings = fc.array(
  fc.record({ total: fc.integer({ min: 1, max: 300 }), ill: fc.nat(300) }).map(({ total, ill }) => {
    return { total, usable: Math.max(0, total - ill) };
  }),
  { minLength: 1, maxLength: 6 },
);

describe('the cascade of levels', () => {
  it.each([
    [100, 100],
    [72, 100],
    [71, 99],
    [50, 70],
    [25, 35],
    [0, 0],
  ])('leaves the first level, when %i %% of it are healthy, %i %% of the traffic', (healthy, load) => {
    expect(loadsOf([healthy, 100])).toEqual([load, 100 - load]);
  });

  it('goes on to the third level only with what the second leaves', () => {
    expect(loadsOf([25, 25, 100])).toEqual([35, 35, 30]);
  });

  it('scales up what there is when all levels together have too little', () => {
    expect(loadsOf([20, 20])).toEqual([50, 50]);
    expect(loadsOf([10, 20])).toEqual([34, 66]);
    expect(loadsOf([0, 10])).toEqual([0, 100]);
  });

  it('sends nothing anywhere when nobody can be used', () => {
    expect(cascade([{ total: 3, usable: 0 }], 1.4)).toEqual({ loads: [0], isShort: true });
  });

  it('knows one healthy endpoint among many', () => {
    expect(loadsOf([1, 0], 10_000)).toEqual([100, 0]);
  });

  it('is not misled by binary fractions', () => {
    // 115 x 4 / 5 is 92, and 1.15 x 100 x 4 / 5 a little less.
    expect(loadsOf([4, 5], 5, 1.15)).toEqual([92, 8]);
  });

  it('keeps a level until it is empty with the greatest over-provisioning', () => {
    expect(loadsOf([10, 100], 100, 10)).toEqual([100, 0]);
  });

  it('shares out 100 percent whenever anybody can be used, and nothing to who cannot', () => {
    fc.assert(
      fc.property(standings, fc.double({ min: 1, max: 10, noNaN: true }), (levels, overprovisioning) => {
        const { loads } = cascade(levels, overprovisioning);
        const isServed = levels.some(({ usable }) => usable > 0);
        expect(loads.reduce((sum, load) => sum + load, 0)).toBe(isServed ? 100 : 0);
        for (const [i, load] of loads.entries()) {
          expect(load).toBeGreaterThanOrEqual(0);
          if (levels[i]!.usable === 0) expect(load).toBe(0);
        }
      }),
    );
  });

  it('takes nothing from a level that gets healthier', () => {
    fc.assert(
      fc.property(standings, (levels) => {
        const [first, ...rest] = levels;
        fc.pre(first!.usable < first!.total);
        const before = cascade(levels, 1.4).loads[0]!;
        const after = cascade([{ ...first!, usable: first!.usable + 1 }, ...rest], 1.4).loads[0]!;
        // What rounding leaves may be two percents more with one set of levels than with another.
        expect(after).toBeGreaterThanOrEqual(before - levels.length);
      }),
    );
  });
});

it('divides by size in whole percents', () => {
  expect(bySize([1, 2])).toEqual([34, 66]);
  expect(bySize([0, 3])).toEqual([0, 100]);
  expect(bySize([0, 0])).toEqual([0, 0]);
});
