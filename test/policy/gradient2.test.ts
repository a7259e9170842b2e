import { describe, expect, it } from 'vitest';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { Gradient2, type Gradient2Options } from '../../src/policy/gradient2.ts';

/** Steps of a window each, a sample in each unless told otherwise. */
class Steps {
  readonly law: Gradient2;
  private now = 1_000;

  constructor(options: Partial<Gradient2Options> = {}, bounds: { min?: number; max?: number; initial?: number } = {}) {
    const { law } = DEFAULT_ADAPTIVE;
    this.law = new Gradient2(
      { min: 1, max: 1_000, initial: 20, ...bounds },
      { ...law.gradient2, windowMs: 100, minSamples: 1, longWindow: 600, ...options },
    );
  }

  window(rttMs: number, { inFlight = this.law.limit, drops = 0, samples = 2 } = {}): number {
    const at = (sample: number): number => this.now + (sample * 100) / (samples + drops - 1);
    for (let i = 0; i < samples + drops; i++) {
      this.law.observe({ rttUs: i < drops ? 0 : rttMs * 1000, inFlight, didDrop: i < drops }, at(i));
    }
    this.now += 200;
    return this.law.limit;
  }

  windows(count: number, rttMs: number, more: { inFlight?: number } = {}): number {
    for (let i = 0; i < count; i++) this.window(rttMs, more);
    return this.law.limit;
  }
}

describe('Gradient2', () => {
  it('grows by the smoothed size of the queue while nothing queues', () => {
    const steps = new Steps();
    // 20 + 0.2 x 4 = 20.8, 21.6, 22.4, 23.2, 24
    expect([1, 2, 3, 4, 5].map(() => steps.window(50))).toEqual([20, 21, 22, 23, 24]);
    expect(steps.law.gradient).toBe(1);
    expect(steps.law.longRttMs).toBe(50);
  });

  it('tolerates latency of one and a half times, and follows the slope beyond that', () => {
    const steps = new Steps({ longWindow: 100_000 }, { initial: 100 });
    steps.windows(10, 50);
    expect(steps.law.limit).toBe(108);
    steps.window(75);
    expect(steps.law.gradient).toBeCloseTo(1, 2);
    // gradient = 1.5 x 50 / 100 = 0.75: 0.8 x 108.8 + 0.2 x (0.75 x 108.8 + 4) = 104.16
    expect(steps.window(100)).toBe(104);
    expect(steps.law.gradient).toBeCloseTo(0.75, 3);
  });

  it('never falls by more than half of a step, and never below its floor', () => {
    const steps = new Steps({ smoothing: 1, longWindow: 100_000 }, { initial: 100, min: 30 });
    steps.windows(10, 10, { inFlight: 0 });
    expect(steps.window(10_000)).toBe(54); // 100 x 0.5 + 4
    expect(steps.window(10_000)).toBe(31);
    expect(steps.window(10_000)).toBe(30);
  });

  it('does not move while less than half of the limit is in use', () => {
    const steps = new Steps();
    expect(steps.windows(20, 50, { inFlight: 9 })).toBe(20);
    expect(steps.windows(5, 50, { inFlight: 12 })).toBe(24);
  });

  it('stops at its ceiling', () => {
    expect(new Steps({}, { max: 25 }).windows(100, 5)).toBe(25);
  });

  it('forgets the latency of a bad hour by a twentieth a window', () => {
    const steps = new Steps();
    steps.windows(10, 1_000, { inFlight: 0 });
    expect(steps.law.longRttMs).toBeCloseTo(1_000, 5);
    steps.window(10, { inFlight: 0 });
    const once = 1_000 + (10 - 1_000) * (2 / 601);
    expect(steps.law.longRttMs).toBeCloseTo(once * 0.95, 5);
    steps.windows(80, 10, { inFlight: 0 });
    expect(steps.law.longRttMs).toBeLessThan(21);
  });

  it('begins its long mean with the plain mean of ten windows', () => {
    const steps = new Steps();
    for (let i = 1; i <= 10; i++) steps.window(i, { inFlight: 0 });
    // Halved when it was twice of what came: never here.
    expect(steps.law.longRttMs).toBeCloseTo(5.5, 5);
  });

  it('shrinks by a tenth when a tenth was refused, however fast the others are', () => {
    const steps = new Steps();
    expect(steps.window(5, { samples: 18, drops: 1 })).toBe(20);
    expect(steps.window(5, { samples: 18, drops: 2 })).toBe(18);
    expect(steps.law.gradient).toBe(0.9);
    expect(steps.window(5, { samples: 0, drops: 2 })).toBe(16);
  });

  it('does not move before it has seen enough, however long that takes', () => {
    const law = new Gradient2(
      { min: 1, max: 100, initial: 20 },
      { ...DEFAULT_ADAPTIVE.law.gradient2, windowMs: 100, minSamples: 10 },
    );
    for (let i = 0; i < 9; i++) law.observe({ rttUs: 5_000, inFlight: 100, didDrop: false }, 1_000 + i * 3_600_000);
    expect(law.longRttMs).toBe(0);
    law.observe({ rttUs: 5_000, inFlight: 100, didDrop: false }, 1_000 + 9 * 3_600_000);
    expect(law.longRttMs).toBe(5);
  });
});

/** Endpoints that serve 20 at a time, each for so long, under a load that fills whatever limit there is. */
class Overload {
  readonly law = new Gradient2(DEFAULT_ADAPTIVE.law, DEFAULT_ADAPTIVE.law.gradient2);
  /** Windows in which the limit was at its floor. */
  calm = 0;
  private now = 1_000;

  run(minutes: number, serviceMs: number): number {
    const until = this.now + minutes * 60_000;
    while (this.now < until) {
      const inFlight = this.law.limit;
      const rttUs = serviceMs * Math.max(1, inFlight / 20) * 1000;
      for (let i = 0; i < 10; i++) this.law.observe({ rttUs, inFlight, didDrop: false }, (this.now += 26));
      if (inFlight === DEFAULT_ADAPTIVE.law.min) this.calm += 1;
    }
    return this.law.limit;
  }
}

describe('a limit that is in full use for long', () => {
  it('is not learned from its own queue: now and then it is measured what an answer takes without one', () => {
    const overload = new Overload();
    for (let hour = 0; hour < 3; hour++) {
      expect(overload.run(60, 50)).toBeLessThan(80);
      expect(overload.law.longRttMs).toBeLessThan(100);
    }
    expect(overload.calm).toBeGreaterThan(60);
    expect(overload.calm / (180 * 60 * 4)).toBeLessThan(0.005);
  });

  it('is that of a service which is slower for good, as soon as it was measured', () => {
    const overload = new Overload();
    overload.run(10, 50);
    overload.run(6, 250);
    expect(overload.law.longRttMs).toBeGreaterThan(240);
    expect(overload.law.limit).toBeGreaterThan(25);
  });

  it('is not full for the time in which nothing came', () => {
    const law = new Gradient2(DEFAULT_ADAPTIVE.law, DEFAULT_ADAPTIVE.law.gradient2);
    for (let hour = 1; hour < 5; hour++) {
      for (let i = 0; i < 200; i++) {
        law.observe({ rttUs: 50_000, inFlight: law.limit, didDrop: false }, hour * 3_600_000 + i * 26);
        expect(law.limit).toBeGreaterThanOrEqual(20);
      }
    }
  });

  it('is let alone where nobody is held to it', () => {
    const law = new Gradient2(DEFAULT_ADAPTIVE.law, DEFAULT_ADAPTIVE.law.gradient2);
    for (let i = 0; i < 100_000; i++) {
      law.observe({ rttUs: 50_000, inFlight: 1_000, didDrop: false }, 1_000 + i * 25);
      expect(law.limit).toBeGreaterThanOrEqual(20);
    }
  });
});
