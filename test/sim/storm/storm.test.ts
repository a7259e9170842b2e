import { describe, expect, it } from 'vitest';
import { type Weathered, weather } from './measures.ts';
import { AT_ONCE, BOTH, BREAKER, BUDGET, NO_RETRIES, type Policy, SLOWLY, UNBOUND } from './policies.ts';
import { stormChart, stormTable } from './report.ts';
import { Server } from './server.ts';
import { stormsOf } from './storms.ts';

/** In any ten seconds; a budget is told by the seconds before a retry and not by those after it, which differ by chance. */
const A_FIFTH_MORE = 1.2 * 1.02;
/** Small, so that all of it takes a few seconds. */
const SIZE = { sidecars: 20, servers: 10, seconds: 45, seed: 1 };

function run(name: string, policy: Policy): Weathered {
  return weather(SIZE, stormsOf(SIZE.seconds).find((storm) => storm.name === name)!, policy);
}

describe('a retry storm', () => {
  it('triples the load when all retries are made', () => {
    expect(run('retry-storm', UNBOUND).amplification).toBeGreaterThan(2.9);
  });

  it('adds a fifth with a budget', () => {
    const { amplification, worst, backAfter } = run('retry-storm', BUDGET);
    expect(amplification).toBeGreaterThan(1.1);
    // What was saved up in the ten seconds before may be spent at once, so less than ten seconds may see more.
    expect(worst).toBeLessThanOrEqual(A_FIFTH_MORE);
    expect(backAfter).toBe(0);
  });

  it('is kept from servers that fail altogether by breakers', () => {
    expect(run('retry-storm', BREAKER).amplification).toBeLessThan(0.5);
  });
});

describe('an overload by something that is over', () => {
  it('goes away by itself without retries', () => {
    expect(run('metastable', NO_RETRIES).backAfter).not.toBeNull();
  });

  it('stays for good when all retries are made', () => {
    const { backAfter, failedAfter, amplification } = run('metastable', UNBOUND);
    expect(backAfter).toBeNull();
    expect(failedAfter).toBeGreaterThan(0.5);
    expect(amplification).toBeGreaterThan(2);
  });

  it.each([BUDGET, BOTH])('goes away with $name', (policy) => {
    const { backAfter, worst } = run('metastable', policy);
    expect(backAfter).not.toBeNull();
    expect(worst).toBeLessThanOrEqual(A_FIFTH_MORE);
  });
});

it('a cold server costs less with a slow start', () => {
  const [atOnce, slowly] = [run('cold-start', AT_ONCE), run('cold-start', SLOWLY)];
  expect(slowly.failedIn).toBeLessThan(atOnce.failedIn);
});

it('prints and draws the same for the same seed, well-formed', () => {
  const storm = stormsOf(20).find(({ name }) => name === 'metastable')!;
  const report = (seed: number): string => {
    const size = { ...SIZE, seconds: 20, seed };
    const rows = new Map(storm.policies.map((policy) => [policy.name, weather(size, storm, policy)]));
    return stormTable(rows) + stormChart(storm, size, rows);
  };
  const first = report(1);
  expect(report(1)).toBe(first);
  expect(report(2)).not.toBe(first);
  for (const { name } of storm.policies) expect(first).toContain(`>${name}</text>`);
  expect(first).not.toMatch(/NaN|Infinity|undefined/);
});

describe('a server of two places and a line of two', () => {
  it('serves two, lets two wait in turn and refuses the fifth', () => {
    const server = new Server<string>(2, 2);
    expect(['a', 'b', 'c', 'd', 'e'].map((one) => server.take(one))).toEqual([
      'begin',
      'begin',
      'wait',
      'wait',
      'refused',
    ]);
    expect([server.done(), server.done(), server.done(), server.done()]).toEqual(['c', 'd', null, null]);
    expect(server.take('f')).toBe('begin');
  });
});
