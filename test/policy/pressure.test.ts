import { describe, expect, it } from 'vitest';
import { Pressure } from '../../src/policy/pressure.ts';

const PERIOD_MS = 200;
const LOOP = { mode: 'enforce', start: 200, full: 1000 } as const;

/** Readings one after the other; says what began (+) and ended (-) with which. */
function feed(pressure: Pressure, readings: readonly number[], from = 1000): string {
  let said = '';
  readings.forEach((reading, i) => {
    const changed = pressure.take(reading, from + i * PERIOD_MS);
    said += !changed ? '.' : pressure.isOn ? '+' : '-';
  });
  return said;
}

function repeat(reading: number, times: number): number[] {
  return new Array<number>(times).fill(reading);
}

describe('Pressure', () => {
  it('grows evenly from its start to its full', () => {
    for (const [reading, level] of [
      [199, 0],
      [600, 0.5],
      [1000, 1],
      [9000, 1],
    ] as const) {
      const pressure = new Pressure(LOOP);
      feed(pressure, repeat(reading, 5));
      expect(pressure.level).toBe(level);
    }
  });

  it('takes one pause for what it is, however long', () => {
    const pressure = new Pressure(LOOP);
    expect(feed(pressure, [0, 0, 0, 0, 0, 60_000, 0, 0, 0, 0, 0])).toBe('...........');
    expect(feed(pressure, [0, 60_000, 60_000, 0, 0, 0], 10_000)).toBe('......');
    expect(pressure.level).toBe(0);
  });

  it('begins with the third reading of five', () => {
    const pressure = new Pressure(LOOP);
    expect(feed(pressure, [0, 0, 0, 0, 0, 1000, 1000, 1000])).toBe('.......+');
    expect(pressure.level).toBe(1);
  });

  it('falls slowly', () => {
    const pressure = new Pressure(LOOP);
    feed(pressure, repeat(1000, 5));
    feed(pressure, repeat(0, 5), 2000);
    expect(pressure.level).toBeGreaterThan(0.7);
    feed(pressure, repeat(0, 30), 3000);
    expect(pressure.level).toBe(0);
  });

  it('ends well below where it began, and not at once', () => {
    const pressure = new Pressure(LOOP);
    expect(feed(pressure, repeat(210, 5))).toBe('..+..');
    expect(feed(pressure, repeat(199, 100), 2000)).toBe('.'.repeat(100));
    expect(feed(pressure, repeat(179, 10), 22_000)).toBe('..-.......');
    const brief = new Pressure(LOOP);
    feed(brief, repeat(210, 5));
    expect(feed(brief, repeat(0, 30), 2000).indexOf('-') * PERIOD_MS + 2000).toBeGreaterThanOrEqual(1400 + 5000);
  });

  it('says a load at its edge once, and not at every turn', () => {
    const pressure = new Pressure(LOOP);
    const edge = Array.from({ length: 200 }, (_, i) => (Math.floor(i / 5) % 2 === 0 ? 205 : 195));
    expect(feed(pressure, edge).replaceAll('.', '')).toBe('+');
  });

  it('is none from when it is switched off', () => {
    const pressure = new Pressure(LOOP);
    feed(pressure, repeat(1000, 5));
    pressure.options = { ...LOOP, mode: 'off' };
    expect(feed(pressure, [1000, 1000], 2000)).toBe('-.');
    expect(pressure.level).toBe(0);
  });
});
