import { describe, expect, it } from 'vitest';
import { Timer } from '../../src/base/clock.ts';
import { SystemClock } from '../../src/base/clock-system.ts';

/** Arms a timer for each delay and resolves when all have fired, with how late each was. */
function fireAll(clock: SystemClock, delays: readonly number[]): Promise<{ order: number[]; late: number[] }> {
  const order: number[] = [];
  const late: number[] = [];
  return new Promise((resolve) => {
    delays.forEach((delay, i) => {
      const timer = new Timer({
        onTimer: ({ at }) => {
          order.push(i);
          late[i] = clock.now() - at;
          if (order.length === delays.length) resolve({ order, late });
        },
      });
      clock.arm(timer, clock.now() + delay);
    });
  });
}

describe('SystemClock', () => {
  it('fires timers in order and none early', async () => {
    const { order, late } = await fireAll(new SystemClock(), [60, 1, 30, 0, -5, 90]);
    expect(order.slice(-3)).toEqual([2, 0, 5]);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  });

  it('does not fire what was disarmed, and moves what is armed again', async () => {
    const clock = new SystemClock();
    const fired: string[] = [];
    const disarmed = new Timer({ onTimer: () => void fired.push('disarmed') });
    const moved = new Timer({ onTimer: () => void fired.push('moved') });
    const start = clock.now();
    clock.arm(disarmed, start + 10);
    clock.arm(moved, start + 10);
    clock.disarm(disarmed);
    clock.disarm(disarmed);
    clock.arm(moved, start + 60);
    await fireAll(clock, [40]);
    expect(fired).toEqual([]);
    await fireAll(clock, [40]);
    expect(fired).toEqual(['moved']);
  });

  it('never fires inside arm, and hears timers that arm timers', async () => {
    const clock = new SystemClock();
    await new Promise<void>((resolve) => {
      let rounds = 0;
      const timer = new Timer({
        onTimer: (self, now) => {
          rounds++;
          if (rounds === 3) return resolve();
          clock.arm(self, now);
          expect(self.isArmed).toBe(true);
        },
      });
      clock.arm(timer, clock.now() - 100);
      expect(timer.isArmed).toBe(true);
      expect(rounds).toBe(0);
    });
  });

  it('carries timers further away than a setTimeout can be', async () => {
    const clock = new SystemClock();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const far = new Timer({ onTimer: () => undefined });
    clock.arm(far, clock.now() + 2 ** 33);
    await fireAll(clock, [20]);
    clock.disarm(far);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('keeps the process alive only while something is armed', () => {
    const timeouts = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timeouts();
    const clock = new SystemClock();
    const timers = [1, 2].map(() => new Timer({ onTimer: () => undefined }));
    for (const timer of timers) clock.arm(timer, clock.now() + 60_000);
    expect(timeouts()).toBe(before + 1);
    clock.disarm(timers[0]!);
    expect(timeouts()).toBe(before + 1);
    clock.disarm(timers[1]!);
    expect(timeouts()).toBe(before);
    clock.arm(timers[0]!, clock.now() + 70_000);
    expect(timeouts()).toBe(before + 1);
    clock.disarm(timers[0]!);
    clock.arm(timers[0]!, clock.now() + 50_000);
    expect(timeouts()).toBe(before + 1);
    clock.disarm(timers[0]!);
    expect(timeouts()).toBe(before);
  });
});
