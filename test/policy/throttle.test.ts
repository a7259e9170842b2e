import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { CRITICALITY_NAMES, type Criticality } from '../../src/policy/criticality.ts';
import { Visit } from '../../src/policy/door.ts';
import { DEFAULT_THROTTLE, Throttle, type ThrottleOptions } from '../../src/policy/throttle.ts';
import { evidence } from '../support/evidence.ts';
import { PEER } from '../support/exchange-script.ts';

const ENFORCED: ThrottleOptions = { ...DEFAULT_THROTTLE, mode: 'enforce' };

function throttleOf(options: Partial<ThrottleOptions> = {}, before: Throttle | null = null): Throttle {
  return new Throttle({ ...ENFORCED, ...options }, new SeededRandom(1), before);
}

const visit = new Visit();

function end(
  throttle: Throttle,
  count: number,
  outcome: 'success' | 'failure' | 'ignored',
  now: number,
  more = {},
): void {
  for (let i = 0; i < count; i++) throttle.leave(visit, evidence(outcome, more), now);
}

/** Share of so many that are turned away. */
function heldBack(throttle: Throttle, now: number, criticality: Criticality = 1, count = 10_000): number {
  const one = new Visit();
  let held = 0;
  for (let i = 0; i < count; i++) {
    one.reset();
    one.criticality = criticality;
    if (throttle.enter(null, PEER, one, now) === 'throttled') held += 1;
  }
  return held / count;
}

describe('Throttle', () => {
  it('holds nothing back from a service that is well enough', () => {
    const throttle = throttleOf();
    end(throttle, 950, 'success', 1000);
    end(throttle, 50, 'failure', 1000);
    expect(heldBack(throttle, 1000)).toBe(0);
  });

  it('holds back the share that its formula says', () => {
    const throttle = throttleOf();
    end(throttle, 500, 'success', 1000);
    end(throttle, 500, 'failure', 1000);
    const expected = (1000 - 500 / 0.95) / 1001;
    expect(throttle.ratio(1000)).toBeCloseTo(expected, 5);
    expect(heldBack(throttle, 1000)).toBeCloseTo(expected, 1);
  });

  it('holds back more when it is aggressive', () => {
    const throttle = throttleOf({ aggression: 2 });
    end(throttle, 500, 'success', 1000);
    end(throttle, 500, 'failure', 1000);
    expect(throttle.ratio(1000)).toBeCloseTo(((1000 - 500 / 0.95) / 1001) ** 0.5, 5);
  });

  it('goes on asking a service that fails everything', () => {
    const throttle = throttleOf();
    end(throttle, 10_000, 'failure', 1000);
    expect(throttle.ratio(1000)).toBe(0.8);
    expect(heldBack(throttle, 1000)).toBeCloseTo(0.8, 1);
  });

  it('judges nothing by a few requests', () => {
    const throttle = throttleOf({ minPerSecond: 5 });
    end(throttle, 149, 'failure', 1000);
    expect(throttle.ratio(1000)).toBe(0);
    end(throttle, 1, 'failure', 1000);
    expect(throttle.ratio(1000)).toBeGreaterThan(0.7);
  });

  it('holds the least important back first, and the most important last', () => {
    const throttle = throttleOf();
    end(throttle, 970, 'success', 1000);
    end(throttle, 30, 'failure', 1000);
    const shares = CRITICALITY_NAMES.map((_, level) => heldBack(throttle, 1000, level as Criticality, 50_000));
    expect(shares.slice(0, 2)).toEqual([0, 0]);
    expect(shares[2]).toBeGreaterThan(0);
    expect(shares[3]).toBeGreaterThan(shares[2]!);
    end(throttle, 120, 'failure', 1000);
    expect(heldBack(throttle, 1000, 0)).toBe(0);
    expect(heldBack(throttle, 1000, 1)).toBeGreaterThan(0);
  });

  it('takes "too many" for no success, though it speaks against no endpoint', () => {
    const throttle = throttleOf();
    end(throttle, 1000, 'success', 1000, { status: 429 });
    expect(throttle.ratio(1000)).toBe(0.8);
    const calls = throttleOf();
    end(calls, 1000, 'success', 1000, { status: 200, grpcStatus: 8 });
    expect(calls.ratio(1000)).toBe(0.8);
  });

  it('learns nothing from what shows nothing, its own refusals among it', () => {
    const throttle = throttleOf();
    end(throttle, 1000, 'ignored', 1000);
    expect(throttle.ratio(1000)).toBe(0);
    end(throttle, 1000, 'failure', 1000);
    heldBack(throttle, 1000);
    end(throttle, 19_000, 'success', 1000);
    expect(throttle.ratio(1000)).toBe(0);
  });

  it('holds nothing back any more a window after the last failure, whatever was before', () => {
    const throttle = throttleOf();
    for (let at = 0; at < 60_000; at += 1000) end(throttle, 100, 'failure', at);
    expect(throttle.ratio(59_000)).toBe(0.8);
    for (let at = 60_000; at < 92_000; at += 1000) {
      end(throttle, Math.round(100 * (1 - throttle.ratio(at))), 'success', at);
    }
    expect(throttle.ratio(92_000)).toBe(0);
  });

  it('forgets an hour of failures in an idle hour', () => {
    const throttle = throttleOf();
    end(throttle, 1000, 'failure', 1000);
    expect(throttle.ratio(3_601_000)).toBe(0);
  });

  it('only counts where it observes', () => {
    const throttle = throttleOf({ mode: 'observe' });
    end(throttle, 1000, 'failure', 1000);
    expect(heldBack(throttle, 1000)).toBe(0);
    expect(throttle.counts.observed).toBeGreaterThan(7_800);
    expect(throttle.counts.enforced).toBe(0);
  });

  it('goes on with what it knows after a change, unless the window is another', () => {
    const before = throttleOf({ mode: 'observe' });
    end(before, 1000, 'failure', 1000);
    const after = throttleOf({ mode: 'enforce', maxRatio: 0.5 }, before);
    expect(after.ratio(1000)).toBe(0.5);
    heldBack(after, 1000);
    expect(after.counts).toBe(before.counts);
    expect(throttleOf({ windowMs: 10_000 }, after).ratio(1000)).toBe(0);
  });
});
