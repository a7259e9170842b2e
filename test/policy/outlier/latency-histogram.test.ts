import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram, MAX_UNITS, UNITS_PER_MS } from '../../../src/policy/outlier/latency-histogram.ts';

describe('LatencyHistogram', () => {
  it('has no median before anything is there, nor after it was cleared', () => {
    const latency = new LatencyHistogram();
    expect([latency.median(), latency.count]).toEqual([0, 0]);
    latency.add(20 * UNITS_PER_MS);
    latency.clear();
    expect([latency.median(), latency.count]).toEqual([0, 0]);
  });

  it('is right about the median within a quarter, at any scale', () => {
    const ms = fc.double({ min: 0.1, max: 60_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(ms, { minLength: 1, maxLength: 101 }), (values) => {
        const latency = new LatencyHistogram();
        for (const value of values) latency.add(Math.floor(value * UNITS_PER_MS));
        const sorted = [...values].sort((a, b) => a - b);
        const lower = sorted[Math.ceil(values.length / 2) - 1]!;
        expect(latency.median()).toBeGreaterThanOrEqual(lower * 0.75);
        expect(latency.median()).toBeLessThanOrEqual(lower * 1.27);
      }),
    );
  });

  it('takes what is out of its bounds for the bound', () => {
    const latency = new LatencyHistogram();
    for (const ms of [-5, 0]) latency.add(ms);
    expect(latency.median()).toBeLessThan(0.02);
    for (let i = 0; i < 10; i++) latency.add(MAX_UNITS);
    expect(latency.median()).toBeGreaterThanOrEqual(60_000);
    expect(latency.median()).toBeLessThan(81_000);
  });
});
