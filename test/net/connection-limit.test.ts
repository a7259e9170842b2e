import { describe, expect, it } from 'vitest';
import { ConnectionLimit, type IdleHolder } from '../../src/net/connection-limit.ts';

class Holder implements IdleHolder {
  idleCount = 0;

  constructor(private readonly limit: ConnectionLimit) {
    limit.join(this);
  }

  closeIdle(): void {
    this.idleCount -= 1;
    this.limit.closed();
  }
}

describe('ConnectionLimit', () => {
  it('opens as many as it may, and one more when one is closed', () => {
    const limit = new ConnectionLimit(2);
    expect([limit.tryOpen(), limit.tryOpen(), limit.tryOpen()]).toEqual([true, true, false]);
    limit.closed();
    expect([limit.tryOpen(), limit.tryOpen()]).toEqual([true, false]);
    expect([limit.open, limit.refused]).toEqual([2, 2]);
  });

  it('closes idle ones for others, by turns', () => {
    const limit = new ConnectionLimit(4);
    const [a, b] = [new Holder(limit), new Holder(limit)];
    for (let i = 0; i < 4; i++) limit.tryOpen();
    a.idleCount = 2;
    b.idleCount = 2;
    expect([limit.tryOpen(), limit.tryOpen()]).toEqual([true, true]);
    expect([a.idleCount, b.idleCount, limit.open, limit.displaced]).toEqual([1, 1, 4, 2]);
    limit.leave(a);
    expect([limit.tryOpen(), limit.tryOpen()]).toEqual([true, false]);
    expect([a.idleCount, b.idleCount]).toEqual([1, 0]);
  });

  it('tells of room when it was full and one is closed or rests, and not else', () => {
    const limit = new ConnectionLimit(2);
    let told = 0;
    limit.onRoom = () => (told += 1);
    limit.tryOpen();
    limit.rested();
    limit.closed();
    expect(told).toBe(0);
    limit.tryOpen();
    limit.tryOpen();
    limit.rested();
    expect(told).toBe(1);
    limit.closed();
    expect(told).toBe(2);
  });

  it('tells of room when there may be more, and opens none while there are too many', () => {
    const limit = new ConnectionLimit(2);
    let told = 0;
    limit.onRoom = () => (told += 1);
    limit.tryOpen();
    limit.tryOpen();
    limit.reconfigure(1);
    limit.closed();
    expect([limit.tryOpen(), told]).toEqual([false, 1]);
    limit.reconfigure(5);
    expect([limit.tryOpen(), told]).toEqual([true, 2]);
  });
});
