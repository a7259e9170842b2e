import { describe, expect, it } from 'vitest';
import { SlicedWork } from '../../../src/route/table/sliced-work.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('sliced work', () => {
  /** Work of so many steps, each of which takes a millisecond, and the tasks that wait for their turn. */
  function bench(): { work: SlicedWork; tasks: (() => void)[]; steps: (count: number) => Generator<void, number> } {
    const clock = new ManualClock();
    const tasks: (() => void)[] = [];
    function* steps(count: number): Generator<void, number> {
      for (let i = 0; i < count; i++) {
        clock.advance(1);
        yield;
      }
      return count;
    }
    return { work: new SlicedWork(clock, (task) => tasks.push(task)), tasks, steps };
  }

  it('that is short is done at once', () => {
    const { work, tasks, steps } = bench();
    const done: number[] = [];
    work.run(steps(3), (made) => done.push(made));
    expect(done).toEqual([3]);
    expect(tasks).toEqual([]);
    expect(work.isBusy).toBe(false);
  });

  it('that is long lets others have their turn every 4 ms', () => {
    const { work, tasks, steps } = bench();
    const done: number[] = [];
    work.run(steps(10), (made) => done.push(made));
    let turns = 0;
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      expect(done).toEqual([]);
      turns++;
      task();
    }
    expect(done).toEqual([10]);
    expect(turns).toBe(2);
  });

  it('takes the place of what is not finished, which is never heard of', () => {
    const { work, tasks, steps } = bench();
    const done: number[] = [];
    work.run(steps(10), (made) => done.push(made));
    work.run(steps(5), (made) => done.push(made));
    while (tasks.length > 0) tasks.shift()!();
    expect(done).toEqual([5]);
  });

  it('that was stopped is never done', () => {
    const { work, tasks, steps } = bench();
    const done: number[] = [];
    work.run(steps(10), (made) => done.push(made));
    work.stop();
    while (tasks.length > 0) tasks.shift()!();
    expect(done).toEqual([]);
    expect(work.isBusy).toBe(false);
  });
});
