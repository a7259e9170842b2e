import { expect, it } from 'vitest';
import { Timer } from '../../src/base/clock.ts';
import { DEFAULT_HOLD, Hold } from '../../src/proxy/hold.ts';
import type { Parked } from '../../src/proxy/parking.ts';
import { ManualClock } from '../support/manual-clock.ts';

it('wakes nobody who left, or came again, because of another who was woken', () => {
  const clock = new ManualClock();
  const hold = new Hold(clock, DEFAULT_HOLD);
  const woken: string[] = [];
  const parked = (name: string, onWake: () => void): Parked => ({
    parkTimer: new Timer({ onTimer: () => undefined }),
    onWake: () => {
      woken.push(name);
      onWake();
    },
  });
  const gone = parked('gone', () => undefined);
  const back = parked('back', () => undefined);
  const first = parked('first', () => {
    hold.leave(first);
    hold.leave(gone);
    hold.leave(back);
    hold.wait(back, 0, 0);
  });
  for (const one of [first, gone, back]) hold.wait(one, 0, 0);
  hold.wakeAll(0);
  expect(woken).toEqual(['first']);
  expect(hold.size).toBe(1);
  hold.leave(back);
  expect([hold.size, clock.armed]).toEqual([0, 0]);
});
