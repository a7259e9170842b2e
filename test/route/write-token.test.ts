import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePosition, positionWanted, writeToken } from '../../src/route/write-token.ts';

const NOW = 1_790_000_000_000;
const VALID_MS = 10_000;

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

  it('of a clock that is ahead is not valid for longer than twice its time', () => {
    expect(positionWanted(writeToken(NOW + 5_000, 1), NOW, VALID_MS)).toBe(1);
    expect(positionWanted(writeToken(NOW + VALID_MS, 1), NOW, VALID_MS)).toBe(0);
  });

  it('comes back as it was made', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), fc.maxSafeNat(), (at, position) => {
        expect(positionWanted(writeToken(at, position), at, VALID_MS)).toBe(position);
      }),
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

describe('a position', () => {
  it.each([
    ['0', 0],
    ['42', 42],
    ['16/B374D848', 0x16 * 2 ** 32 + 0xb374d848],
    ['0/0', 0],
  ])('%j is %d', (text, position) => {
    expect(parsePosition(text)).toBe(position);
  });

  it.each([null, '', '-1', '1.5', '/', '1/', 'xyz', '123456/0', '1/123456789'])('%j is none', (text) => {
    expect(parsePosition(text)).toBe(-1);
  });
});
