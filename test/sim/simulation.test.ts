import { describe, expect, it } from 'vitest';
import { HASHING_NAMES } from '../../src/cluster/hashing-options.ts';
import { chart } from './chart.ts';
import { type Contender, contenders } from './contenders.ts';
import { type Measured, measure } from './measures.ts';
import { type Scenario, scenariosOf } from './scenarios.ts';
import { subsetOf } from './subsets.ts';
import { table } from './table.ts';

/** As many of each in every zone. */
const SIZE = { sidecars: 6, servers: 12, subset: null, requestsPerSecond: 1000, seconds: 30, seed: 1 };

function scenario(name: string, seconds = SIZE.seconds): Scenario {
  return scenariosOf(seconds).find((one) => one.name === name)!;
}

function run({ optionsIn }: Contender, name: string, more: Partial<typeof SIZE> = {}): Measured {
  const size = { ...SIZE, ...more };
  const played = scenario(name, size.seconds);
  return measure({ ...size, optionsIn, course: played.course }, played);
}

function report(name: string, seed: number): string {
  const size = { seed, sidecars: 3, seconds: 15, requestsPerSecond: 300 };
  const rows = new Map(contenders().map((contender) => [contender.name, run(contender, name, size)]));
  return table(rows) + chart(scenario(name), rows);
}

describe('the simulator', () => {
  it('prints and draws the same for the same seed, and something else for another', () => {
    expect(report('zone', 5)).toBe(report('zone', 5));
    expect(report('zone', 5)).not.toBe(report('zone', 6));
  });

  it('draws a well-formed chart with a panel for each algorithm', () => {
    const svg = report('slow', 1);
    for (const { name } of contenders()) expect(svg).toContain(`>${name}</text>`);
    expect(svg.match(/<(g|path|text|svg)\b/g)!.length).toBe(svg.match(/<\/(g|text|svg)>|<path[^>]*\/>/g)!.length);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});

/** Of algorithms that look at keys, the share of a server is the share of its keys; some do not spread at all. */
const GREATEST_VARIATION: Readonly<Record<string, number>> = {
  first: 3.4,
  ring_hash: 0.15,
  'ring_hash as Envoy': 0.15,
  'ring_hash, bounded': 0.15,
};
/** Keys that a change moves between servers it is not about; elsewhere none. */
const NEEDLESS: Readonly<Record<string, number>> = {
  maglev: 0.02,
  'maglev, bounded': 0.02,
  'ring_hash as Envoy': 0.12,
};
/** Chance alone leaves 1 / sqrt(2000 requests a server) = 2 %, and one of twelve is rarely at three times that. */
const BY_CHANCE = 0.05;
/** Seconds until a server that comes back has three quarters of its share. */
const BACK_WITHIN: Readonly<Record<string, number>> = { 'round_robin, slow start': 10 };

describe.each(contenders())('$name in the simulator', (contender) => {
  it('spreads a steady load over equal servers', () => {
    const { variation, failed } = run(contender, 'steady');
    expect(variation).toBeLessThan(GREATEST_VARIATION[contender.name] ?? BY_CHANCE);
    expect(failed).toBe(0);
  });

  it('loses nothing when a server is taken out, and moves the keys of that server alone', () => {
    const { failed, leftAfter, backAfter, moved } = run(contender, 'removed');
    expect(failed).toBe(0);
    expect(leftAfter).toBe(0);
    expect(backAfter).toBeLessThan(BACK_WITHIN[contender.name] ?? 3);
    if (moved !== null) {
      const needless = NEEDLESS[contender.name] ?? 0;
      expect(Math.abs(moved.moved - moved.needless - 1 / SIZE.servers)).toBeLessThan(0.03);
      expect(moved.needless).toBeLessThanOrEqual(needless);
    }
  });

  it('leaves a server that fails at once within three seconds, and returns to it', () => {
    const { leftAfter, backAfter } = run(contender, 'failing', { seconds: 60 });
    expect(leftAfter).toBeLessThan(3);
    expect(backAfter).not.toBeNull();
  });
});

it('finds the algorithms that look at keys', () => {
  // Turns of the ten in a zone come round in step with ten thousand keys.
  const size = { sidecars: 1, servers: 30, requestsPerSecond: 10 };
  const hashing = contenders().filter((contender) => run(contender, 'zone', size).moved !== null);
  expect(hashing.map(({ name }) => name)).toEqual(expect.arrayContaining([...HASHING_NAMES]));
  expect(hashing.map(({ name }) => name).filter((name) => !/^(ring_hash|maglev|rendezvous)/.test(name))).toEqual([]);
});

describe('subsets', () => {
  const members = Array.from({ length: 500 }, (_, server) => `orders-${server}`);

  it('give every server about as many callers', () => {
    const callers = new Map<string, number>();
    for (let sidecar = 0; sidecar < 400; sidecar++) {
      for (const id of subsetOf(members, sidecar, 50)) callers.set(id, (callers.get(id) ?? 0) + 1);
    }
    // 40 each on average, and a standard deviation of 6.
    expect(callers.size).toBe(500);
    expect(Math.min(...callers.values())).toBeGreaterThan(15);
    expect(Math.max(...callers.values())).toBeLessThan(65);
  });

  it('change by one server when one goes', () => {
    const before = subsetOf(members, 3, 50);
    const after = subsetOf(
      members.filter((id) => id !== before[7]),
      3,
      50,
    );
    expect(after.length).toBe(50);
    expect(after.filter((id) => !before.includes(id)).length).toBe(1);
  });
});
