import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeToken as make, positionWanted as wanted } from '../../src/route/write-token.ts';

const NOW = 1_790_000_000_000;
const VALID_MS = 10_000;
const HISTORY = 0xffff_ffff;

const writeToken = (at: number, position: number): string => make(at, position, HISTORY);
const positionWanted = (token: string | null, now: number, validMs: number): number =>
  wanted(token, HISTORY, now, validMs);

describe('a write token', () => {
  it('asks for its position as long as it is valid, and then for nothing', () => {
    const token = writeToken(NOW, 4711);
    expect(positionWanted(token, NOW, VALID_MS)).toBe(4711);
    expect(positionWanted(token, NOW + VALID_MS - 1, VALID_MS)).toBe(4711);
    expect(positionWanted(token, NOW + VALID_MS, VALID_MS)).toBe(0);
  });

  it('asks for the primary when it has no position', () => {
    expect(positionWanted(writeToken(NOW, -1), NOW, VALID_MS)).toBe(Number.POSITIVE_INFINITY);
  });

  it('asks for the primary where its position is of another history, or is the first of all', () => {
    const token = writeToken(NOW, 4711);
    expect(wanted(token, HISTORY - 1, NOW, VALID_MS)).toBe(Number.POSITIVE_INFINITY);
    expect(wanted(token, HISTORY - 1, NOW + VALID_MS, VALID_MS)).toBe(0);
    expect(positionWanted(writeToken(NOW, 0), NOW, VALID_MS)).toBe(Number.POSITIVE_INFINITY);
  });

  it('of a clock that is ahead is not valid for longer than twice its time', () => {
    expect(positionWanted(writeToken(NOW + 5_000, 1), NOW, VALID_MS)).toBe(1);
    expect(positionWanted(writeToken(NOW + VALID_MS, 1), NOW, VALID_MS)).toBe(0);
  });

  it('comes back as it was made', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 45 }),
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        (at, position) => {
          expect(positionWanted(writeToken(at, position), at, VALID_MS)).toBe(position);
        },
      ),
    );
  });

  it('may be anything that a client makes up', () => {
    for (const forged of ['', '.', 'x', '-1.5', '1.2.3', '10.0.0.1:80', '!.!', `${'9'.repeat(40)}.1`]) {
      expect(positionWanted(forged, NOW, VALID_MS), forged).toBe(0);
    }
    expect(positionWanted(null, NOW, VALID_MS)).toBe(0);
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(positionWanted(text, NOW, VALID_MS)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
