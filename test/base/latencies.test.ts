import { describe, expect, it } from 'vitest';
import { Latencies } from '../../src/base/latencies.ts';
import { SeededRandom } from '../../src/base/random.ts';

describe('Latencies', () => {
  it('tells quantiles no less than they are, and at most a sixteenth and a millisecond more', () => {
    const random = new SeededRandom(11);
    for (const scale of [0.3, 5, 80, 4_000, 200_000]) {
      const latencies = new Latencies(10_000);
      const all: number[] = [];
      for (let i = 0; i < 3_000; i++) {
        const ms = scale * random.next() ** 3;
        all.push(ms);
        latencies.observe(ms, i);
      }
      all.sort((a, b) => a - b);
      for (const share of [0.01, 0.5, 0.9, 0.95, 0.99, 1]) {
        const exact = all[Math.max(0, Math.ceil(share * all.length) - 1)]!;
        const told = latencies.quantileMs(share, 3_000);
        expect(told, `${share} of ${scale}`).toBeGreaterThanOrEqual(exact);
        expect(told, `${share} of ${scale}`).toBeLessThanOrEqual(exact * (1 + 1 / 16) + 1.07);
      }
    }
  });

  it('knows nothing of more than two slices ago, however long nobody asked', () => {
    const latencies = new Latencies(10_000);
    latencies.observe(5, 1_000);
    latencies.observe(7, 12_000);
    expect([latencies.count(12_000), latencies.quantileMs(1, 12_000)]).toEqual([2, 8]);
    expect([latencies.count(20_000), latencies.quantileMs(0.5, 20_000)]).toEqual([1, 8]);
    expect([latencies.count(30_000), latencies.quantileMs(0.5, 30_000)]).toEqual([0, 0]);
    latencies.observe(3, 31_000);
    expect(latencies.count(3_600_000)).toBe(0);
  });

  it('takes whatever it is told: nothing, less than nothing, and hours', () => {
    const latencies = new Latencies(10_000);
    for (const ms of [0, -1, 1e-9, 3_600_000, Number.POSITIVE_INFINITY]) latencies.observe(ms, 0);
    expect(latencies.count(0)).toBe(5);
    expect(latencies.quantileMs(0.5, 0)).toBe(1);
    expect(latencies.quantileMs(1, 0)).toBeGreaterThan(1_000_000);
  });
});
