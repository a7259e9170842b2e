import { expect, it } from 'vitest';
import { RetrySlots } from '../../src/policy/retry-slots.ts';

it('has as many as it was told, and those that were given back again', () => {
  const slots = new RetrySlots(2);
  expect([slots.tryTake(), slots.tryTake(), slots.tryTake()]).toEqual([true, true, false]);
  expect(slots.inUse).toBe(2);
  slots.giveBack();
  expect(slots.tryTake()).toBe(true);
});

it('counts on under another bound', () => {
  const slots = new RetrySlots(2);
  slots.tryTake();
  slots.tryTake();
  slots.reconfigure(1);
  slots.giveBack();
  expect(slots.tryTake()).toBe(false);
  slots.giveBack();
  expect(slots.tryTake()).toBe(true);
});
