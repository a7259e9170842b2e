import { describe, expect, it } from 'vitest';
import { Turnstile, type Waiter } from '../../../src/cluster/checks/turnstile.ts';

function make(room: number) {
  const turnstile = new Turnstile(room);
  const served: string[] = [];
  const waiter = (name: string): Waiter => ({ onTurn: () => void served.push(name) });
  return { turnstile, served, waiter };
}

describe('the turnstile', () => {
  it('lets in as many as there is room for, and the next when one leaves', () => {
    const { turnstile, served, waiter } = make(2);
    const lane = {};
    for (const name of 'abcd') turnstile.enter(lane, waiter(name), 0);
    expect(served.join('')).toBe('ab');
    expect(turnstile.waiting).toBe(2);
    turnstile.leave(0);
    expect(served.join('')).toBe('abc');
    for (let i = 0; i < 3; i++) turnstile.leave(0);
    expect(served.join('')).toBe('abcd');
    expect([turnstile.inside, turnstile.waiting]).toEqual([0, 0]);
  });

  it('serves upstreams in turn, however many wait for one of them', () => {
    const { turnstile, served, waiter } = make(1);
    const [large, small] = [{}, {}];
    for (const name of ['L0', 'L1', 'L2', 'L3']) turnstile.enter(large, waiter(name), 0);
    for (const name of ['s0', 's1']) turnstile.enter(small, waiter(name), 0);
    for (let i = 0; i < 5; i++) turnstile.leave(0);
    expect(served).toEqual(['L0', 'L1', 's0', 'L2', 's1', 'L3']);
  });

  it('forgets who does not want to come in any more, and knows nobody twice', () => {
    const { turnstile, served, waiter } = make(1);
    const lane = {};
    const [a, b] = [waiter('a'), waiter('b')];
    turnstile.enter(lane, waiter('x'), 0);
    turnstile.enter(lane, a, 0);
    turnstile.enter(lane, a, 0);
    turnstile.enter(lane, b, 0);
    turnstile.forget(lane, b);
    turnstile.forget(lane, b);
    turnstile.leave(0);
    turnstile.leave(0);
    expect(served.join('')).toBe('xa');
    expect([turnstile.inside, turnstile.waiting]).toEqual([0, 0]);
  });
});
