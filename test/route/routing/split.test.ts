import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { Routed } from '../../../src/proxy/routed.ts';
import type { Leaf } from '../../../src/route/routing/leaf.ts';
import { Split } from '../../../src/route/routing/split.ts';
import { makeStickyKey } from '../../../src/route/routing/sticky.ts';
import type { StickyOptions } from '../../../src/route/table/options.ts';
import { ExchangeScript, requestHead } from '../../support/exchange-script.ts';

const BY_USER: StickyOptions = { kind: 'header', name: 'x-user' };

interface FakeLeaf extends Leaf {
  isDeserted: boolean;
}

const PLAN = new ExchangeScript().plan;

function leaf(name: string): FakeLeaf {
  const plan = { ...PLAN, labels: { ...PLAN.labels, upstream: name } };
  return { to: { name }, plan, isDeserted: false, letGo: () => undefined };
}

function split(weights: Record<string, number>, sticky: StickyOptions | null = null, seed = 1) {
  const branches = Object.entries(weights).map(([name, weight]) => ({ leaf: leaf(name), weight, name }));
  const random = new SeededRandom(seed);
  const made = new Split({ requests: 0 }, branches, makeStickyKey(sticky, random), random);
  const routed = new Routed();
  const ask = (fields: Record<string, string> = {}): string => {
    routed.reset();
    return made.planOf(requestHead({ fields }), routed)!.labels.upstream;
  };
  const desert = (name: string): void => {
    branches.find((branch) => branch.name === name)!.leaf.isDeserted = true;
  };
  return { ask, desert, routed, count: made.count };
}

const USERS = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);

function placesOf(weights: Record<string, number>): readonly string[] {
  const { ask } = split(weights, BY_USER);
  return USERS.map((user) => ask({ 'x-user': user }));
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

describe('a split', () => {
  it.each([[{ a: 90, b: 10 }], [{ a: 1, b: 1, c: 2 }], [{ a: 1, b: 999 }]])(
    'of %j gives each its share, by chance and by key',
    (weights) => {
      const { ask, count } = split(weights);
      const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
      for (const names of [USERS.map(() => ask()), placesOf(weights)]) {
        const counts = countsOf(names);
        for (const [name, weight] of Object.entries(weights)) {
          const expected = (USERS.length * weight) / total;
          // Five standard deviations.
          expect(Math.abs((counts[name] ?? 0) - expected)).toBeLessThan(
            5 * Math.sqrt(expected * (1 - weight / total)) + 1,
          );
        }
      }
      expect(count.requests).toBe(USERS.length);
    },
  );

  it('keeps a client where it is, whoever asks', () => {
    expect(placesOf({ a: 50, b: 50 })).toEqual(placesOf({ b: 50, a: 50 }));
  });

  it('moves nobody but to the target that grows', () => {
    const before = placesOf({ a: 90, b: 10 });
    const after = placesOf({ a: 80, b: 20 });
    const moves = USERS.map((_, i) => `${before[i]} ${after[i]}`).filter((move) => move === 'a b' || move === 'b a');
    expect(countsOf(moves)['b a']).toBeUndefined();
    expect(moves.length / USERS.length).toBeCloseTo(0.1, 1);
  });

  it('moves nobody but to a target that is new, and from one that is gone', () => {
    const before = placesOf({ a: 50, b: 50 });
    const after = placesOf({ a: 50, b: 50, c: 25 });
    expect(USERS.every((_, i) => after[i] === before[i] || after[i] === 'c')).toBe(true);
  });

  it('draws for a client without a key', () => {
    const { ask } = split({ a: 50, b: 50 }, BY_USER);
    expect(new Set(USERS.slice(0, 50).map(() => ask())).size).toBe(2);
  });

  it('passes over a target where nobody is, and moves its clients alone', () => {
    const before = placesOf({ a: 50, b: 30, c: 20 });
    const { ask, desert } = split({ a: 50, b: 30, c: 20 }, BY_USER);
    desert('b');
    const after = USERS.map((user) => ask({ 'x-user': user }));
    expect(after).not.toContain('b');
    expect(USERS.every((_, i) => before[i] === 'b' || after[i] === before[i])).toBe(true);
  });

  it('sends a client where it belongs when nobody is anywhere', () => {
    const before = placesOf({ a: 50, b: 50 });
    const { ask, desert } = split({ a: 50, b: 50 }, BY_USER);
    desert('a');
    desert('b');
    expect(USERS.map((user) => ask({ 'x-user': user }))).toEqual(before);
  });
});

describe('a cookie', () => {
  const cookie = (ttlMs: number | null): StickyOptions => ({ kind: 'cookie', name: 'version', ttlMs, path: '/shop' });

  it('is made for a client that has none, and leads it to the same target from then on', () => {
    const { ask, routed } = split({ a: 50, b: 50 }, cookie(3_600_000));
    for (let i = 0; i < 50; i++) {
      const first = ask();
      const made = /^version=([0-9a-f]{32}); Max-Age=3600; Path=\/shop; HttpOnly$/.exec(routed.setCookie!)!;
      expect(ask({ cookie: `a=b; version=${made[1]}` })).toBe(first);
      expect(routed.setCookie).toBeNull();
    }
  });

  it('is not made without a lifetime, and counts when it comes', () => {
    const { ask, routed } = split({ a: 50, b: 50 }, cookie(null));
    ask();
    expect(routed.setCookie).toBeNull();
    const places = new Set(Array.from({ length: 50 }, () => ask({ cookie: 'version=x' })));
    expect(places.size).toBe(1);
  });

  it('of no lifetime ends with the session of the client', () => {
    const { ask, routed } = split({ a: 50, b: 50 }, cookie(0));
    ask();
    expect(routed.setCookie).toMatch(/^version=[0-9a-f]{32}; Path=\/shop; HttpOnly$/);
  });
});
