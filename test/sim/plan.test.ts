import { describe, expect, it } from 'vitest';
import { BALANCER_NAMES } from '../../src/cluster/options.ts';
import { type Plan, readPlan } from './plan.ts';

describe('the command line of the simulator', () => {
  it('simulates every algorithm there is when nothing is said', () => {
    const { contenders, size } = readPlan([]) as Plan;
    expect(contenders.map(({ name }) => name)).toEqual(expect.arrayContaining([...BALANCER_NAMES]));
    expect(size.subset).toBeNull();
  });

  it('takes what is said', () => {
    const plan = readPlan([
      ...['--sidecars', '1000', '--endpoints', '10000', '--subset', '100', '--seconds', '30', '--rate', '50'],
      ...['--algorithm', 'random', '--algorithm', 'ring_hash', '--scenario', 'zone', '--seed', '7', '--out', '/tmp/x'],
    ]) as Plan;
    expect(plan.size).toEqual({
      sidecars: 1000,
      servers: 10_000,
      subset: 100,
      seconds: 30,
      requestsPerSecond: 50,
      seed: 7,
    });
    expect(plan.contenders.map(({ name }) => name)).toEqual(['random', 'ring_hash']);
    expect(plan.scenarios.map(({ name }) => name)).toEqual(['zone']);
    expect(plan.out).toBe('/tmp/x');
  });

  it.each([
    [['--rate', 'fast'], '--rate wants a whole number from 1 to 1000000, not "fast"'],
    [['--seconds', '5'], '--seconds wants a whole number from 15 to 3600, not "5"'],
    [['--algorithm', 'best'], 'no --algorithm "best"; there are p2c_ewma, '],
    [['--scenario', 'flood'], 'no --scenario "flood"; there are steady, '],
    [['--speed', '9'], "Unknown option '--speed'"],
    [['ring_hash'], "Unexpected argument 'ring_hash'"],
    [
      ['--sidecars', '1000', '--endpoints', '10000'],
      'are too many: at most 500000 together; --subset makes them fewer',
    ],
  ])('says what is wrong with %j', (args, words) => {
    expect(readPlan(args)).toContain(words);
  });
});
