import { describe, expect, it } from 'vitest';
import { contenders } from '../sim/contenders.ts';
import { KEYS, makeCluster, setKey, specOf } from '../sim/simulation.ts';
import { allocatedPer } from '../support/allocated.ts';
import { pickContext } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The smallest thing on the heap takes 12 bytes; a deoptimised moment is spread over ten thousand picks. */
const NOTHING = 1;
/**
 * What is expected of an endpoint is a fraction, computed in calls that the compiler inlines, or not, as it sees fit: then
 * their argument and result are numbers on the heap for a moment, for each of the two that are compared.
 */
const FRACTIONS: Readonly<Record<string, number>> = { p2c_ewma: 4 * 16 };

describe.each(contenders())('$name', ({ name, optionsIn }) => {
  it.each([
    ['equal', () => 1],
    ['unequal', (i: number) => 1 + (i % 7)],
  ])('allocates nothing to pick among endpoints of %s weight', (_, weight) => {
    const cluster = makeCluster(optionsIn('a'), 1, new ManualClock());
    const endpoints = Array.from({ length: 100 }, (_, i) => specOf(i, weight(i)));
    cluster.apply({ service: 'orders', endpoints, source: 'test' });
    const context = pickContext({ hasHash: true });
    const pick = (times: number): void => {
      for (let i = 0; i < times; i++) {
        setKey(context, i % KEYS);
        context.now += 0.01;
        cluster.pick(context);
      }
    };
    expect(allocatedPer(pick)).toBeLessThan(NOTHING + (FRACTIONS[name] ?? 0));
  });
});
