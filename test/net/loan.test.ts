import { describe, expect, it } from 'vitest';
import { Loan } from '../../src/net/loan.ts';
import { slabOf } from '../../src/net/slab.ts';

describe('a loan', () => {
  const read = (): Buffer => Buffer.allocUnsafeSlow(20_000).fill('a');

  it('gives its memory back when its reader is done', () => {
    const bytes = read();
    const loan = new Loan(bytes);
    expect(bytes.length).toBe(20_000);
    loan.release();
    expect(bytes.length).toBe(0);
  });

  it('stays until the last write of a part of it is no more pending', () => {
    const bytes = read();
    const loan = new Loan(bytes);
    const held = [bytes.subarray(0, 5), bytes.subarray(5_000)].map((part) => slabOf(part)!);
    for (const slab of held) slab.hold();
    loan.release();
    held[0]!.release();
    expect(bytes.toString('latin1', 0, 3)).toBe('aaa');
    held[1]!.release();
    expect(bytes.length).toBe(0);
  });

  it('leaves memory alone that is not of this read only', () => {
    const memory = read();
    new Loan(memory.subarray(0, 19_000)).release();
    expect(memory.length).toBe(20_000);
  });
});
