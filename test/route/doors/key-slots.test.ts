import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeySlots } from '../../../src/route/doors/key-slots.ts';

function keyOf(n: number) {
  // Places collide often: only three bits of the low half differ.
  return { hashHigh: n * 0x9e3779b9, hashLow: n % 8 };
}

describe('KeySlots', () => {
  it('give each key its own number, and the same again', () => {
    const slots = new KeySlots(1000);
    const first = Array.from({ length: 1000 }, (_, i) => slots.find(keyOf(i)));
    expect(new Set(first).size).toBe(1000);
    expect(Math.max(...first)).toBe(999);
    expect(Array.from({ length: 1000 }, (_, i) => slots.find(keyOf(i)))).toEqual(first);
    expect(slots.isNew).toBe(false);
  });

  it('take from the key that was not seen for longest', () => {
    const slots = new KeySlots(2);
    const a = slots.find(keyOf(1));
    const b = slots.find(keyOf(2));
    slots.find(keyOf(1));
    expect(slots.find(keyOf(3))).toBe(b);
    expect([slots.isNew, slots.isTaken]).toEqual([true, true]);
    expect(slots.find(keyOf(1))).toBe(a);
    expect(slots.isNew).toBe(false);
  });

  it('work with room for one', () => {
    const slots = new KeySlots(1);
    expect([1, 2, 2, 1].map((n) => `${slots.find(keyOf(n))} ${slots.isNew} ${slots.isTaken}`)).toEqual([
      '0 true false',
      '0 true true',
      '0 false false',
      '0 true true',
    ]);
  });

  it('behave as a list with the newest in front', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 600 }),
        (max, wanted) => {
          const slots = new KeySlots(max);
          let order: { key: number; slot: number }[] = [];
          for (const key of wanted) {
            const slot = slots.find(keyOf(key));
            const known = order.find((one) => one.key === key);
            expect(slots.isNew).toBe(known === undefined);
            if (known !== undefined) expect(slot).toBe(known.slot);
            else if (order.length === max) expect(slot).toBe(order.at(-1)!.slot);
            order = [{ key, slot }, ...order.filter((one) => one.slot !== slot)];
          }
          expect(slots.size).toBe(order.length);
        },
      ),
    );
  });
});
