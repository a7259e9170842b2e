import { describe, expect, it } from 'vitest';
import { LossGuard } from '../../src/discovery/loss-guard.ts';
import { namesOf, spec, specs } from '../support/endpoint-specs.ts';

const PATIENCE = 5_000;

function guardOf(names: string): LossGuard {
  return new LossGuard(specs(names));
}

describe('LossGuard', () => {
  it('believes a first answer, also an empty one', () => {
    const guard = new LossGuard();
    expect(guard.offer([], 0, PATIENCE)).toEqual([]);
    expect(guard.isHolding).toBe(false);
    expect(namesOf(guard.offer(specs('ab'), 1, PATIENCE))).toBe('ab');
  });

  it('holds an answer that empties the cluster', () => {
    const guard = guardOf('abc');
    expect(namesOf(guard.offer([], 100, PATIENCE))).toBe('abc');
    expect(guard.isHolding).toBe(true);
    expect(guard.confirmAt).toBe(5_100);
    expect(guard.doubt).toContain('3 of 3');
  });

  it('holds the loss of the only endpoint', () => {
    const guard = guardOf('a');
    expect(namesOf(guard.offer([], 0, PATIENCE))).toBe('a');
  });

  it('believes the loss of exactly half, and holds the loss of more', () => {
    expect(namesOf(guardOf('abcd').offer(specs('ab'), 0, PATIENCE))).toBe('ab');
    expect(namesOf(guardOf('abcd').offer(specs('a'), 0, PATIENCE))).toBe('abcd');
  });

  it('judges by number, so that replacing every endpoint is a deployment', () => {
    expect(namesOf(guardOf('abc').offer(specs('xyz'), 0, PATIENCE))).toBe('xyz');
  });

  it('believes explicit states at once: who is listed is not lost', () => {
    const guard = guardOf('ab');
    const answer = [spec('a', { health: 'critical' }), spec('b', { health: 'maintenance' })];
    expect(guard.offer(answer, 0, PATIENCE)).toEqual(answer);
    expect(guard.isHolding).toBe(false);
  });

  it('lets new endpoints and new states through while it holds', () => {
    const guard = guardOf('abcde');
    const seen = guard.offer([spec('a', { health: 'critical' }), spec('x')], 0, PATIENCE);
    expect(namesOf(seen)).toBe('axbcde');
    expect(seen[0]?.health).toBe('critical');
  });

  it('lets go of nobody while some come back, and of the doubt when all are back', () => {
    const guard = guardOf('abcd');
    guard.offer([], 0, PATIENCE);
    expect(namesOf(guard.offer(specs('x'), 1_000, PATIENCE))).toBe('axbcd');
    expect(namesOf(guard.offer(specs('abc'), 2_000, PATIENCE))).toBe('abcd');
    expect(guard.isHolding).toBe(true);
    expect(guard.doubt).toContain('1 of 4');
    expect(guard.confirmAt).toBe(5_000);
    expect(namesOf(guard.offer(specs('abcde'), 3_000, PATIENCE))).toBe('abcde');
    expect(guard.isHolding).toBe(false);
  });

  it('lets go when the endpoints come back', () => {
    const guard = guardOf('abc');
    guard.offer([], 0, PATIENCE);
    expect(namesOf(guard.offer(specs('abc'), 10, PATIENCE))).toBe('abc');
    expect(guard.isHolding).toBe(false);
    expect(guard.doubt).toBe(null);
  });

  it('believes the confirming read, whatever it says', () => {
    for (const names of ['', 'a', 'abc']) {
      const guard = guardOf('abc');
      guard.offer([], 0, PATIENCE);
      expect(namesOf(guard.confirm(specs(names)))).toBe(names);
      expect(guard.isHolding).toBe(false);
    }
  });

  it('goes on holding while nothing confirms the loss', () => {
    const guard = guardOf('abc');
    guard.offer([], 0, PATIENCE);
    guard.postpone(60_000);
    expect(guard.isHolding).toBe(true);
    expect(guard.confirmAt).toBe(60_000);
  });

  it('holds a second loss after it believed a first', () => {
    const guard = guardOf('abcdef');
    guard.offer([], 0, PATIENCE);
    guard.confirm(specs('abc'));
    expect(namesOf(guard.offer([], 10_000, PATIENCE))).toBe('abc');
    expect(guard.confirmAt).toBe(15_000);
  });
});
