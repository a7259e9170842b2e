import { describe, expect, it } from 'vitest';
import { IdleLimit } from '../../src/net/idle-limit.ts';
import { allocatedPer } from '../support/allocated.ts';

const HOUR_MS = 3_600_000;
const CONFIGURED_MS = 4_000;

/** How long one may rest once all that could belong to the same cause has come. */
function msOnce(limit: IdleLimit, now: number): number {
  limit.look(now + 200);
  return limit.ms;
}

describe('the time a connection may rest', () => {
  it('is as configured while nothing is known', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    expect([limit.ms, limit.source]).toEqual([4_000, 'configured']);
  });

  it('is four fifths of the age at which the endpoint closes, once two closes agree on it', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    limit.closed(1_003, 10_000);
    expect(msOnce(limit, 10_000)).toBe(4_000);
    limit.closed(1_001, 20_000);
    expect(msOnce(limit, 20_000)).toBeCloseTo(800.8);
    expect(limit.source).toBe('learned');
  });

  it('is the least of what was seen twice', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    for (const [age, at] of [
      [2_000, 1],
      [3_000, 2],
      [2_010, 3],
      [1_000, 4],
    ] as const) {
      limit.closed(age, at * 10_000);
    }
    expect(msOnce(limit, 40_000)).toBe(1_600);
    limit.closed(1_010, 50_000);
    expect(msOnce(limit, 50_000)).toBe(800);
  });

  it('leaves time enough for a request to get there, however short it is', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    limit.closed(220, 10_000);
    limit.closed(220, 20_000);
    expect(msOnce(limit, 20_000)).toBe(170);
  });

  it('is never longer than configured', () => {
    const limit = new IdleLimit(500);
    limit.closed(20_000, 10_000);
    limit.closed(20_000, 20_000);
    expect(msOnce(limit, 20_000)).toBe(500);
    expect(limit.source).toBe('configured');
  });

  it('is forgotten when it was not seen for an hour, and not before', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    limit.closed(1_000, 10_000);
    limit.closed(1_000, 20_000);
    expect(msOnce(limit, HOUR_MS)).toBe(800);
    expect(msOnce(limit, 20_000 + HOUR_MS)).toBe(4_000);
    expect(limit.source).toBe('configured');
  });
});

describe('nothing is learned', () => {
  it('of one close, since it may have any reason', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    limit.closed(1_000, 10_000);
    expect(msOnce(limit, HOUR_MS)).toBe(4_000);
  });

  it('of closes that do not agree', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    limit.closed(500, 10_000);
    limit.closed(1_000, 20_000);
    limit.closed(2_000, 30_000);
    expect(msOnce(limit, 30_000)).toBe(4_000);
  });

  it('of connections of all ages that are closed at once: the endpoint is going', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    for (const at of [10_000, 20_000, 30_000]) {
      limit.closed(1_000, at);
      limit.closed(2_500, at + 1);
      limit.closed(1_000, at + 60);
    }
    expect(msOnce(limit, 30_060)).toBe(4_000);
  });

  it('of several of one age that are closed at once, more than of one', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    for (let i = 0; i < 10; i++) limit.closed(1_000 + i, 10_000 + i);
    expect(msOnce(limit, 10_010)).toBe(4_000);
    for (let i = 0; i < 10; i++) limit.closed(1_000 + i, 20_000 + i);
    expect(msOnce(limit, 20_010)).toBe(800);
  });

  it.each([
    ['before', -50],
    ['after', 50],
  ])('of a close just %s a connection was lost with a request on it', (_, offset) => {
    const limit = new IdleLimit(CONFIGURED_MS);
    for (const at of [10_000, 20_000]) {
      if (offset < 0) limit.lost(at + offset);
      limit.closed(1_000, at);
      if (offset > 0) limit.lost(at + offset);
    }
    expect(msOnce(limit, 20_050)).toBe(4_000);
  });

  it('of closes right after an answer', () => {
    const limit = new IdleLimit(CONFIGURED_MS);
    for (const at of [10_000, 20_000, 30_000]) limit.closed(2, at);
    expect(msOnce(limit, 30_000)).toBe(4_000);
  });
});

it('shows what the endpoint says where that is less', () => {
  const limit = new IdleLimit(CONFIGURED_MS);
  expect(limit.told(2_000)).toBe(1_600);
  expect([limit.shownMs, limit.source, limit.ms]).toEqual([1_600, 'told', 4_000]);
  expect(limit.told(-1)).toBe(Number.POSITIVE_INFINITY);
  expect([limit.shownMs, limit.source]).toEqual([4_000, 'configured']);
});

it('allocates nothing to be asked', () => {
  const limit = new IdleLimit(CONFIGURED_MS);
  limit.closed(1_000, 10_000);
  limit.closed(1_000, 20_000);
  limit.look(30_000);
  const clock = { now: 30_000.5 };
  let lendable = 0;
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      clock.now += 0.25;
      limit.look(clock.now);
      if (limit.ms > 500) lendable += 1;
    }
  };
  expect(allocatedPer(run)).toBeLessThan(1);
  expect(lendable).toBeGreaterThan(0);
});
