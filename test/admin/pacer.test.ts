import { describe, expect, it } from 'vitest';
import { Pacer } from '../../src/admin/pacer.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('Pacer', () => {
  it('lets work that costs little through at once', async () => {
    const { pacer, log, work } = setUp();
    await pacer.run(() => work('a', 1));
    await pacer.run(() => work('b', 1));
    expect(log).toEqual(['1000 a', '1001 b']);
  });

  it('makes the work after an expensive one wait nine times its cost, less what is free', async () => {
    const { clock, pacer, log, work } = setUp();
    await pacer.run(() => work('a', 100)); // ends at 1100, owes until 2000
    const second = pacer.run(() => work('b', 1));
    await settled();
    expect(log).toEqual(['1000 a']);
    clock.advance(699);
    await settled();
    expect(log).toEqual(['1000 a']);
    clock.advance(1);
    await second;
    expect(log).toEqual(['1000 a', '1800 b']);
  });

  it('forgets its debt while nobody asks', async () => {
    const { clock, pacer, log, work } = setUp();
    await pacer.run(() => work('a', 100));
    clock.advance(60_000);
    await pacer.run(() => work('b', 1));
    await pacer.run(() => work('c', 1));
    expect(log).toEqual(['1000 a', '61100 b', '61101 c']);
  });

  it('runs one at a time, in order', async () => {
    const { pacer, log } = setUp();
    const release: (() => void)[] = [];
    const slow = (name: string) => () => {
      log.push(name);
      return new Promise<void>((resolve) => release.push(resolve));
    };
    const both = [pacer.run(slow('a')), pacer.run(slow('b'))];
    await settled();
    expect(log).toEqual(['a']);
    release[0]!();
    await both[0];
    await settled();
    expect(log).toEqual(['a', 'b']);
    release[1]!();
    await both[1];
  });

  it('goes on after work that throws, and gives its error to whoever asked', async () => {
    const { pacer, log, work } = setUp();
    const broken = pacer.run(() => {
      throw new Error('broken');
    });
    const next = pacer.run(() => work('b', 1));
    await expect(broken).rejects.toThrow('broken');
    await next;
    expect(log).toEqual(['1000 b']);
    expect(pacer.isFull).toBe(false);
  });

  it('is full while as many wait as may', async () => {
    const { pacer, work } = setUp(2);
    const both = [pacer.run(() => work('a', 1)), pacer.run(() => work('b', 1))];
    expect(pacer.isFull).toBe(true);
    await Promise.all(both);
    await settled();
    expect(pacer.isFull).toBe(false);
  });

  it('serves whoever waits at once when it closes', async () => {
    const { clock, pacer, log, work } = setUp();
    await pacer.run(() => work('a', 1_000));
    const second = pacer.run(() => work('b', 1));
    await settled();
    pacer.close();
    await second;
    expect(log).toEqual(['1000 a', '2000 b']);
    expect(clock.armed).toBe(0);
  });
});

function setUp(maxWaiting = 10) {
  const clock = new ManualClock();
  const log: string[] = [];
  const work = (name: string, costMs: number): void => {
    log.push(`${clock.now()} ${name}`);
    clock.advance(costMs);
  };
  return { clock, pacer: new Pacer(clock, maxWaiting), log, work };
}

/** Long enough for promises that are already resolved to run on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
