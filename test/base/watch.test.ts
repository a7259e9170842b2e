import { describe, expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import { ManualClock } from '../support/manual-clock.ts';

function make(first: string | null = null) {
  const clock = new ManualClock();
  const cell = new Cell<string>(clock, first);
  const heard: string[] = [];
  return { clock, cell, heard, listen: () => cell.subscribe((value) => void heard.push(value)) };
}

describe('Cell', () => {
  it('has nothing, vouched for by nobody, until the first value', () => {
    const { cell, heard, listen } = make();
    listen();
    expect([cell.value, cell.freshAt, cell.problem, heard]).toEqual([null, 0, null, []]);
  });

  it('tells a subscriber the present value at once, and every later one', () => {
    const { cell, heard, listen } = make('a');
    listen();
    cell.set('b');
    cell.set('b');
    expect(heard).toEqual(['a', 'b', 'b']);
  });

  it('keeps the last good value when a source fails, and says why', () => {
    const { cell, heard, listen } = make('a');
    listen();
    cell.fail('no leader');
    expect([cell.value, cell.problem, heard]).toEqual(['a', 'no leader', ['a']]);
    cell.set('b');
    expect(cell.problem).toBeNull();
  });

  it('is as fresh as the last time a source vouched for it', () => {
    const { cell, clock } = make('a');
    expect(cell.freshAt).toBe(1000);
    clock.advance(500);
    cell.fail('down');
    expect(cell.freshAt).toBe(1000);
    cell.confirm();
    expect([cell.freshAt, cell.problem, cell.value]).toEqual([1500, null, 'a']);
  });

  it('stops telling who has unsubscribed, also while it tells', () => {
    const { cell, heard } = make();
    const stop = cell.subscribe(() => stop());
    const stopOther = cell.subscribe((value) => void heard.push(value));
    cell.set('a');
    stopOther();
    cell.set('b');
    expect(heard).toEqual(['a']);
  });
});
