/**
 * Durations and sizes as people write them. Numbers in ms and bytes exist inside only; at the edge every one carries
 * its unit, because a bare `5` means seconds to one reader and milliseconds to the next. What `format` writes, `parse`
 * reads back to the same number.
 */
export const DURATION_PATTERN = /^[0-9]+(\.[0-9]+)?(ms|s|m|h)$/;
export const SIZE_PATTERN = /^[0-9]+(\.[0-9]+)?(B|KiB|MiB|GiB)$/;

const DURATION_UNITS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const SIZE_UNITS = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 };

/** Milliseconds, or null when the text is no duration or not a whole number of them. */
export function parseDuration(text: string): number | null {
  return DURATION_PATTERN.test(text) ? inUnits(text, DURATION_UNITS) : null;
}

/** In the largest unit that divides it. */
export function formatDuration(ms: number): string {
  return ms === 0 ? '0' : withUnit(ms, DURATION_UNITS);
}

/** Bytes, or null when the text is no size or not a whole number of them. */
export function parseSize(text: string): number | null {
  return SIZE_PATTERN.test(text) ? inUnits(text, SIZE_UNITS) : null;
}

export function formatSize(bytes: number): string {
  return bytes === 0 ? '0' : withUnit(bytes, SIZE_UNITS);
}

function inUnits(text: string, units: Readonly<Record<string, number>>): number | null {
  const unitAt = text.search(/[A-Za-z]/);
  const amount = Number(text.slice(0, unitAt)) * units[text.slice(unitAt)]!;
  // 1.001s is 1000.9999999999999 in floating point: whole within a millionth is whole.
  const whole = Math.round(amount);
  return Math.abs(amount - whole) < 1e-6 && Number.isSafeInteger(whole) ? whole : null;
}

function withUnit(amount: number, units: Readonly<Record<string, number>>): string {
  for (const [unit, factor] of Object.entries(units)) {
    if (amount % factor === 0) return `${amount / factor}${unit}`;
  }
  return String(amount);
}
