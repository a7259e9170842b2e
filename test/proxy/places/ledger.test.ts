import { describe, expect, it } from 'vitest';
import { Ledger, type LostWrite } from '../../../src/proxy/places/ledger.ts';

function lost(at: number): LostWrite {
  return { at, method: 'PUT', pathHash: '0', keyHash: '0', why: 'refused', status: 500 };
}

describe('a ledger', () => {
  it('is diverged from the first loss on, and says so once', () => {
    const told: number[] = [];
    const ledger = new Ledger('0-99', ({ at }) => told.push(at));
    ledger.onWritten();
    ledger.onRead('different');
    expect(ledger.isDiverged).toBe(false);
    ledger.onLost(lost(1));
    ledger.onLost(lost(2));
    ledger.onWritten();
    expect(ledger.isDiverged).toBe(true);
    expect(told).toEqual([1]);
  });

  it('keeps the last thousand losses, oldest first, and counts all', () => {
    const ledger = new Ledger('0-99');
    for (let at = 1; at <= 1_000; at++) ledger.onLost(lost(at));
    expect(ledger.recent().map(({ at }) => at)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    for (let at = 1_001; at <= 2_345; at++) ledger.onLost(lost(at));
    expect(ledger.recent()).toHaveLength(1_000);
    expect(ledger.recent()[0]!.at).toBe(1_346);
    expect(ledger.recent()[999]!.at).toBe(2_345);
    expect(ledger.lost).toBe(2_345);
  });
});
