import { expect, it } from 'vitest';
import { DURATION_BOUNDS_MS, Histogram } from '../../src/telemetry/instruments.ts';

it('puts a value on a bound into the bucket below it', () => {
  const histogram = new Histogram([5, 10]);
  for (const ms of [0, 4.999, 5, 5.001, 10, 10.001, 1e9]) histogram.record(ms);
  expect([...histogram.counts]).toEqual([3, 2, 2]);
  expect(histogram.count).toBe(7);
  expect(histogram.sumMs).toBeCloseTo(1e9 + 35.001, 3);
});

it('has a bucket for every bound and one beyond', () => {
  const histogram = new Histogram();
  for (const bound of DURATION_BOUNDS_MS) histogram.record(bound);
  histogram.record(10_000.1);
  expect([...histogram.counts]).toEqual(new Array(DURATION_BOUNDS_MS.length + 1).fill(1));
});
