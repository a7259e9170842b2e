import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Peer } from '../../../src/http/conduit.ts';
import { Edits } from '../../../src/http/edits.ts';
import type { RequestHead } from '../../../src/http/head.ts';
import { Visit } from '../../../src/policy/door.ts';
import type { RateLimitOptions } from '../../../src/route/doors/options.ts';
import { RateLimits } from '../../../src/route/doors/rate-limits.ts';
import { PEER, type RequestText, requestHead } from '../../support/exchange-script.ts';

const PLAIN: RateLimitOptions = {
  name: 'all',
  requests: 3,
  windowMs: 1000,
  burst: 3,
  mode: 'enforce',
  by: null,
  maxKeys: 100,
  path: null,
  methods: null,
  tells: 'limited',
};

function limitsOf(...options: readonly Partial<RateLimitOptions>[]): RateLimits {
  return new RateLimits(
    options.map((one) => ({ ...PLAIN, ...one })),
    new SeededRandom(1),
    null,
  );
}

const visit = new Visit();

function enters(limits: RateLimits, head: RequestHead | null = requestHead(), now = 1000, peer: Peer = PEER): boolean {
  visit.reset();
  return limits.enter(head, peer, visit, now) === null;
}

function count(limits: RateLimits, times: number, text: RequestText = {}, now = 1000): number {
  let entered = 0;
  for (let i = 0; i < times; i++) entered += enters(limits, requestHead(text), now) ? 1 : 0;
  return entered;
}

function marks(limits: RateLimits): string[] {
  const edits = new Edits();
  limits.mark(visit, edits);
  return edits.names.slice(0, edits.addedCount).map((name, i) => `${name}: ${edits.values[i]}`);
}

describe('RateLimits', () => {
  it('let in as many as they may, and tell the others when to come again', () => {
    const limits = limitsOf({});
    expect(count(limits, 10)).toBe(3);
    expect(limits.enter(requestHead(), PEER, visit, 1001)).toBe('rate_limited');
    expect([visit.retryAfterMs, visit.isMarked]).toEqual([333, true]);
    expect(marks(limits)).toEqual(['ratelimit-policy: "all";q=3;w=1', 'ratelimit: "all";r=0;t=1']);
    expect(count(limits, 10, {}, 2000)).toBe(3);
    expect(limits.all[0]!.counts).toEqual({ enforced: 15, observed: 0, evicted: 0 });
  });

  it.each<[what: string, by: RateLimitOptions['by'], first: RequestText, second: RequestText]>([
    ['a header', { kind: 'header', name: 'x-user' }, { fields: { 'x-user': 'ann' } }, { fields: { 'x-user': 'bob' } }],
    ['a segment', { kind: 'segment', number: 1 }, { path: '/ann/1' }, { path: '/bob/1' }],
  ])('go by %s', (_what, by, first, second) => {
    const limits = limitsOf({ by });
    expect(count(limits, 5, first)).toBe(3);
    expect(count(limits, 5, second)).toBe(3);
    expect(limits.all[0]!.keys).toBe(2);
  });

  it('go by the identity of callers, or else by their address', () => {
    const limits = limitsOf({ by: { kind: 'caller' }, requests: 1, burst: 1 });
    const at = (address: string, identity: string | null): Peer => ({ ...PEER, address, identity });
    const seen = [at('10.0.0.1', null), at('10.0.0.2', null), at('10.0.0.1', null)];
    expect(seen.map((peer) => enters(limits, requestHead(), 1000, peer))).toEqual([true, true, false]);
    const known = [at('10.0.0.1', 'orders'), at('10.0.0.2', 'orders')];
    expect(known.map((peer) => enters(limits, requestHead(), 1000, peer))).toEqual([true, false]);
  });

  it('have one limit for all requests that lack the key', () => {
    const limits = limitsOf({ by: { kind: 'header', name: 'x-user' } });
    expect(count(limits, 5, { path: '/a' })).toBe(3);
    expect(count(limits, 5, { path: '/b' })).toBe(0);
  });

  it('concern the paths and methods that they name', () => {
    const limits = limitsOf({ path: '/orders/*', methods: ['POST', 'PUT'] });
    expect(count(limits, 5, { path: '/orders/1', method: 'POST' })).toBe(3);
    expect(count(limits, 5, { path: '/orders/1', method: 'PUT' })).toBe(0);
    expect(count(limits, 5, { path: '/orders/1' })).toBe(5);
    expect(count(limits, 5, { path: '/users/1', method: 'POST' })).toBe(5);
    expect(enters(limits, null)).toBe(true);
  });

  it('concern opaque connections where they name none', () => {
    const limits = limitsOf({ by: { kind: 'caller' } });
    expect([1, 2, 3, 4].map(() => enters(limits, null))).toEqual([true, true, true, false]);
  });

  it('take nothing from any of them for who is refused by one', () => {
    const limits = limitsOf(
      { name: 'mine', by: { kind: 'header', name: 'x-user' }, requests: 2, burst: 2 },
      { name: 'ours', requests: 5, burst: 5 },
    );
    expect(count(limits, 100, { fields: { 'x-user': 'greedy' } })).toBe(2);
    expect(count(limits, 2, { fields: { 'x-user': 'modest' } })).toBe(2);
    expect(limits.all.map(({ counts }) => counts.enforced)).toEqual([98, 0]);
  });

  it('name the one that lasts longest to who is refused by several', () => {
    const limits = limitsOf({ name: 'quick' }, { name: 'slow', requests: 3, windowMs: 60_000 });
    count(limits, 3);
    expect(enters(limits)).toBe(false);
    expect(visit.retryAfterMs).toBe(20_000);
    expect(marks(limits)).toEqual(['ratelimit-policy: "slow";q=3;w=60', 'ratelimit: "slow";r=0;t=20']);
  });

  it('refuse nobody where they observe', () => {
    const limits = limitsOf({ mode: 'observe' });
    expect(count(limits, 10)).toBe(10);
    expect(limits.all[0]!.counts).toEqual({ enforced: 0, observed: 7, evicted: 0 });
  });

  it('tell every answer of the nearest, where they are asked to', () => {
    const limits = limitsOf({ name: 'wide', requests: 10, burst: 10, tells: 'all' }, { name: 'near', tells: 'all' });
    expect(enters(limits)).toBe(true);
    expect(visit.isMarked).toBe(true);
    expect(marks(limits)).toEqual(['ratelimit-policy: "near";q=3;w=1', 'ratelimit: "near";r=2;t=1']);
    const silent = limitsOf({});
    enters(silent);
    expect(visit.isMarked).toBe(false);
    expect(marks(silent)).toEqual([]);
  });

  it('say no window that is not whole seconds', () => {
    const limits = limitsOf({ windowMs: 500, tells: 'all' });
    enters(limits);
    expect(marks(limits)[0]).toBe('ratelimit-policy: "all";q=3');
  });

  it('remember so many keys, and count who lost a bucket that was not full', () => {
    const limits = limitsOf({ by: { kind: 'header', name: 'x-user' }, maxKeys: 2 });
    const by = (user: string, now = 1000): number => count(limits, 3, { fields: { 'x-user': user } }, now);
    expect([by('ann'), by('bob'), by('cat')]).toEqual([3, 3, 3]);
    expect(limits.all[0]!.counts.evicted).toBe(1);
    expect(by('ann')).toBe(3); // it has been forgotten
    expect(limits.all[0]!.counts.evicted).toBe(2);
    by('dan', 10_000); // what it takes was full again
    expect(limits.all[0]!.counts.evicted).toBe(2);
    expect(limits.all[0]!.keys).toBe(2);
  });

  it('go on after a change with what was counted under their names', () => {
    const before = limitsOf({ name: 'a' }, { name: 'b', by: { kind: 'caller' } });
    count(before, 5);
    const change = (...options: readonly Partial<RateLimitOptions>[]): RateLimits =>
      new RateLimits(
        options.map((one) => ({ ...PLAIN, ...one })),
        new SeededRandom(2),
        before,
      );
    expect(count(change({ name: 'b', by: { kind: 'caller' } }, { name: 'a', path: '/*' }), 5)).toBe(0);
    expect(count(change({ name: 'a', requests: 6, burst: 6 }), 5, {}, 1500)).toBe(3);
    const otherKeys = change({ name: 'b', by: { kind: 'header', name: 'x-user' } });
    expect(count(otherKeys, 5)).toBe(3);
    expect(otherKeys.all[0]!.counts.enforced).toBeGreaterThan(0);
  });
});
