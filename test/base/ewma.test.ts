import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ewma } from '../../src/base/ewma.ts';

describe('Ewma', () => {
  it('fades to a half in 0.69 of its time constant', () => {
    expect(new Ewma(1000, 80, 0).at(1000 * Math.LN2)).toBeCloseTo(40);
  });

  it('gives a sample the weight of the time since the last one', () => {
    const mean = new Ewma(1000, 0, 0);
    mean.observe(100, 1000);
    expect(mean.at(1000)).toBeCloseTo(100 * (1 - Math.exp(-1)));
    mean.observe(5, 1000);
    expect(mean.at(1000)).toBeCloseTo(100 * (1 - Math.exp(-1)));
  });

  it('is what it is set to', () => {
    const mean = new Ewma(1000, 10, 0);
    mean.set(50, 1000);
    expect([mean.at(1000), mean.at(500)]).toEqual([50, 50]);
    expect(mean.at(2000)).toBeCloseTo(50 * Math.exp(-1));
  });

  it('is nothing after an idle hour', () => {
    expect(new Ewma(10_000, 5000, 0).at(3_600_000)).toBeLessThan(1e-9);
  });

  it('stays within its samples, whatever their times', () => {
    const sample = fc.record({ value: fc.double({ min: 0, max: 1e6, noNaN: true }), at: fc.nat(100_000) });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
        const mean = new Ewma(1000, 0, 0);
        for (const { value, at } of samples) {
          mean.observe(value, at);
          expect(mean.at(at)).toBeGreaterThanOrEqual(0);
          expect(mean.at(at)).toBeLessThanOrEqual(Math.max(...samples.map((s) => s.value)) * (1 + 1e-9));
        }
      }),
    );
  });
});
