import { describe, expect, it } from 'vitest';
import { Abuse } from '../../src/http2/abuse.ts';
import { ManualClock } from '../support/manual-clock.ts';

const LIMITS = { maxResets: 3, maxUselessFrames: 5 };

describe('abuse', () => {
  it('is one reset more than may be', () => {
    const abuse = new Abuse(LIMITS, new ManualClock());
    expect([1, 2, 3, 4].map(() => abuse.onReset())).toEqual([false, false, false, true]);
  });

  it('is not what is made up for by streams that end well, which cannot be saved up', () => {
    const abuse = new Abuse(LIMITS, new ManualClock());
    for (let at = 0; at < 100; at++) abuse.onComplete();
    for (let at = 0; at < 100; at++) {
      expect(abuse.onReset()).toBe(false);
      abuse.onComplete();
    }
    expect([1, 2, 3, 4].map(() => abuse.onReset())).toEqual([false, false, false, true]);
  });

  it('is one useless frame more than may be, and a useful one pays for ten', () => {
    const abuse = new Abuse({ ...LIMITS, maxUselessFrames: 20 }, new ManualClock());
    for (let at = 0; at < 20; at++) expect(abuse.onUseless()).toBe(false);
    abuse.onUseful();
    for (let at = 0; at < 10; at++) expect(abuse.onUseless()).toBe(false);
    expect(abuse.onUseless()).toBe(true);
  });

  it('is forgiven by the second, both counts, and no second twice', () => {
    const clock = new ManualClock();
    const abuse = new Abuse(LIMITS, clock);
    for (let at = 0; at < 3; at++) abuse.onReset();
    for (let at = 0; at < 5; at++) abuse.onUseless();
    clock.advance(1_999);
    expect(abuse.onReset()).toBe(false);
    expect(abuse.onReset()).toBe(true);
    expect(abuse.onUseless()).toBe(false);
    expect(abuse.onUseless()).toBe(true);
    clock.advance(1);
    expect(abuse.onReset()).toBe(true);
  });
});
