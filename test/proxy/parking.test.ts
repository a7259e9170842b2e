import { describe, expect, it } from 'vitest';
import { Timer } from '../../src/base/clock.ts';
import { DEFAULT_LIMITS } from '../../src/policy/options.ts';
import { type Parked, Parking } from '../../src/proxy/parking.ts';
import { ManualClock } from '../support/manual-clock.ts';

function park(maxParked = 8) {
  const clock = new ManualClock(0);
  const parking = new Parking(clock, { ...DEFAULT_LIMITS, maxParked, parkTimeoutMs: 100 });
  const log: string[] = [];
  const guest = (name: string, onWake = (): void => undefined): Parked => {
    const parked: Parked = {
      parkTimer: new Timer({
        onTimer: () => {
          parking.leave(parked);
          log.push(`${name} timer`);
        },
      }),
      onWake: () => {
        log.push(`${name} wake`);
        onWake();
      },
    };
    return parked;
  };
  return { clock, parking, log, guest };
}

describe('the park', () => {
  it('wakes those who wait for the cluster, oldest first, and leaves sleepers alone', () => {
    const { clock, parking, log, guest } = park();
    parking.wait(guest('a'), 0);
    parking.sleep(guest('b'), 50);
    parking.wait(guest('c'), 0);
    parking.wakeAll(10);
    expect(log).toEqual(['a wake', 'c wake']);
    clock.advance(200);
    expect(log).toEqual(['a wake', 'c wake', 'b timer']);
    expect([parking.size, clock.armed]).toEqual([0, 0]);
  });

  it('wakes those who are held for another plan alone, and none of the others with them', () => {
    const { clock, parking, log, guest } = park();
    parking.wait(guest('a'), 0);
    parking.hold(guest('b'), 500);
    parking.hold(guest('c'), 50);
    parking.wakeAll(10);
    expect(log).toEqual(['a wake']);
    clock.advance(60);
    parking.wakeHeld(60);
    expect(log).toEqual(['a wake', 'c timer', 'b wake']);
    expect([parking.size, clock.armed]).toEqual([0, 0]);
  });

  it('refuses whoever comes when it is full, sleepers and waiters counted together', () => {
    const { parking, guest } = park(2);
    expect(parking.wait(guest('a'), 0)).toBe(true);
    expect(parking.sleep(guest('b'), 50)).toBe(true);
    expect(parking.wait(guest('c'), 0)).toBe(false);
    expect(parking.size).toBe(2);
  });

  it('takes other limits for those who come later, and keeps who is here', () => {
    const { clock, parking, log, guest } = park(1);
    parking.wait(guest('a'), 0);
    parking.reconfigure({ ...DEFAULT_LIMITS, maxRequests: 1, maxParked: 2, parkTimeoutMs: 500 });
    expect(parking.wait(guest('b'), 0)).toBe(true);
    clock.advance(110);
    expect(log).toEqual(['a timer']);
    clock.advance(400);
    expect(log).toEqual(['a timer', 'b timer']);
  });

  it('lets one who is woken enter again without being woken for ever', () => {
    const { parking, log, guest } = park();
    const again: Parked = guest('a', () => parking.wait(again, 10));
    parking.wait(again, 0);
    parking.wakeAll(10);
    expect(log).toEqual(['a wake']);
    expect(parking.size).toBe(1);
  });

  it('does not wake one who left while another was woken', () => {
    const { parking, log, guest } = park();
    const second = guest('b');
    parking.wait(
      guest('a', () => parking.leave(second)),
      0,
    );
    parking.wait(second, 0);
    parking.wakeAll(10);
    expect(log).toEqual(['a wake']);
  });
});
