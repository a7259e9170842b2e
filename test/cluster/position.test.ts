import { describe, expect, it } from 'vitest';
import { parsePosition } from '../../src/cluster/position.ts';

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
