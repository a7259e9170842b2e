import { describe, expect, it } from 'vitest';
import { sleep } from '../../src/base/sleep.ts';
import { ManualClock } from '../support/manual-clock.ts';

async function settled(promise: Promise<void>): Promise<boolean> {
  return Promise.race([
    promise.then(() => true),
    Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => false),
  ]);
}

describe('sleep', () => {
  it('ends when its time has come, and leaves nothing behind', async () => {
    const clock = new ManualClock();
    const promise = sleep(clock, 100, new AbortController().signal);
    clock.advance(90);
    expect(await settled(promise)).toBe(false);
    clock.advance(10);
    await promise;
    expect(clock.armed).toBe(0);
  });

  it('ends early and quietly when the signal aborts, also when it had before', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const promise = sleep(clock, 100, controller.signal);
    controller.abort();
    await promise;
    await sleep(clock, 100, controller.signal);
    expect(clock.armed).toBe(0);
  });
});
