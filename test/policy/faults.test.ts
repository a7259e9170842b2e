import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { type FaultEffect, type FaultOptions, Mishap } from '../../src/policy/fault.ts';
import { FaultList } from '../../src/policy/fault-list.ts';
import { RequestMatch } from '../../src/route/request-match.ts';
import { allocatedPer } from '../support/allocated.ts';
import { PEER, requestHead } from '../support/exchange-script.ts';

const WALL = 1_000_000;
const ANYONE = { path: null, headers: [], callers: [] };
const DELAY: FaultEffect = { kind: 'delay', delayMs: 200, header: null };
const ABORT: FaultEffect = { kind: 'abort', status: 418, grpcStatus: 9 };

function fault(effect: FaultEffect, more: Partial<FaultOptions> = {}): FaultOptions {
  return { effect, share: 10_000, match: ANYONE, maxActive: 10, untilMs: WALL + 60_000, ...more };
}

function listOf(options: readonly FaultOptions[], before: FaultList | null = null, now = 0, wallMs = WALL): FaultList {
  return new FaultList(options, ({ match }) => new RequestMatch(match), { now, wallMs }, before);
}

function chosen(list: FaultList, now = 0, head: ReturnType<typeof requestHead> | null = requestHead()): string | null {
  const mishap = new Mishap();
  list.choose(head, PEER, new SeededRandom(1), mishap, now);
  return mishap.words;
}

describe('faults', () => {
  it('end by themselves, to the millisecond, and do not come back when the wall clock is set back', () => {
    const list = listOf([fault(DELAY)]);
    expect([chosen(list, 59_999), chosen(list, 60_000)]).toEqual(['delay', null]);
    const again = listOf([fault(DELAY)], list, 60_000, WALL - 3_600_000);
    expect(chosen(again, 60_000)).toBe(null);
    expect(again.inForce(59_999)).toHaveLength(1);
    expect(again.inForce(60_000)).toEqual([]);
  });

  it('are one delay, one end and one bandwidth for a request, each the first that matches', () => {
    const pace: FaultEffect = { kind: 'bandwidth', bytesPerSecond: 1024 };
    const list = listOf([
      fault(ABORT),
      fault({ kind: 'reset' }),
      fault(DELAY),
      fault({ ...DELAY, delayMs: 9 }),
      fault(pace),
    ]);
    const mishap = new Mishap();
    expect(list.choose(requestHead(), PEER, new SeededRandom(1), mishap, 0)).toBe(true);
    expect([mishap.words, mishap.delayMs, mishap.end!.answer!.status]).toEqual(['delay, abort, bandwidth', 200, 418]);
    expect(list.counts).toEqual({ delay: 1, abort: 1, reset: 0, bandwidth: 1, skipped: 0 });
  });

  it('befall their share of requests, the same ones for the same seed', () => {
    const run = (): number => {
      const list = listOf([fault({ kind: 'reset' }, { share: 2_500 })]);
      const random = new SeededRandom(5);
      const mishap = new Mishap();
      for (let i = 0; i < 10_000; i++) {
        list.choose(requestHead(), PEER, random, mishap, 0);
        list.leave(mishap);
        mishap.reset();
      }
      return list.counts.reset;
    };
    expect(run()).toBeGreaterThan(2_350);
    expect(run()).toBeLessThan(2_650);
    expect(run()).toBe(run());
  });

  it('hold so many requests at once and let the others pass', () => {
    const list = listOf([fault(DELAY, { maxActive: 2 })]);
    const mishaps = [new Mishap(), new Mishap(), new Mishap()];
    const words = mishaps.map((mishap) => list.choose(requestHead(), PEER, new SeededRandom(1), mishap, 0));
    expect(words).toEqual([true, true, false]);
    list.leave(mishaps[0]!);
    expect(chosen(list)).toBe('delay');
    expect(list.counts).toMatchObject({ delay: 3, skipped: 1 });
  });

  it('go on counting over another list, those that stay with whom they hold', () => {
    const list = listOf([fault(DELAY, { maxActive: 1 })]);
    const held = new Mishap();
    list.choose(requestHead(), PEER, new SeededRandom(1), held, 0);
    const next = listOf([fault({ kind: 'reset' }, { share: 0 }), fault(DELAY, { maxActive: 1 })], list);
    expect(chosen(next)).toBe(null);
    list.leave(held);
    expect(chosen(next)).toBe('delay');
    expect(next.counts).toMatchObject({ delay: 2, skipped: 1 });
  });

  it('take a delay from a field, in whole milliseconds and within bounds', () => {
    const list = listOf([fault({ kind: 'delay', delayMs: 500, header: 'x-delay' })]);
    const asked = (value: string): number => {
      const mishap = new Mishap();
      list.choose(requestHead({ fields: { 'x-delay': value } }), PEER, new SeededRandom(1), mishap, 0);
      return mishap.isMarked ? mishap.delayMs : 0;
    };
    expect(['20', '9999', '0', '-5', '1.5', '1e3', '', '12345678901'].map(asked)).toEqual([20, 500, 0, 0, 0, 0, 0, 0]);
  });

  it('are chosen by path, fields and caller, and of opaque connections by caller alone', () => {
    const match = {
      path: '/a/*',
      headers: [
        { name: 'x-a', value: 'b' },
        { name: 'x-c', value: null },
      ],
      callers: ['127.0.0.1'],
    };
    const list = listOf([fault(ABORT, { match })]);
    const of = (path: string, fields: Record<string, string>) => chosen(list, 0, requestHead({ path, fields }));
    expect(of('/a/1?q', { 'x-a': 'b', 'x-c': '' })).toBe('abort');
    expect(of('/b/1', { 'x-a': 'b', 'x-c': '1' })).toBe(null);
    expect(of('/a/1', { 'x-a': 'bb', 'x-c': '1' })).toBe(null);
    expect(of('/a/1', { 'x-a': 'b' })).toBe(null);
    expect(chosen(listOf([fault(ABORT, { match: { ...ANYONE, callers: ['10.0.0.1'] } })]))).toBe(null);
    const tcp = (effect: FaultEffect, over = ANYONE) => chosen(listOf([fault(effect, { match: over })]), 0, null);
    expect([tcp(ABORT), tcp({ kind: 'reset' }), tcp(DELAY, { ...ANYONE, path: '/*' as never })]).toEqual([
      null,
      'reset',
      null,
    ]);
  });

  it('cost nothing on the heap, neither where they match nor where they do not', () => {
    const match = { path: '/x/*', headers: [{ name: 'x-a', value: 'b' }], callers: [] };
    const list = listOf([
      fault(ABORT, { share: 0 }),
      fault(ABORT, { match }),
      fault(DELAY),
      fault({ kind: 'reset' }, { untilMs: 0 }),
    ]);
    const head = { ...requestHead(), path: '/y', get: () => null };
    const random = new SeededRandom(1);
    const mishap = new Mishap();
    const moment = { now: 10 };
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) {
        list.choose(head, PEER, random, mishap, moment.now);
        list.leave(mishap);
        mishap.reset();
      }
    };
    expect(allocatedPer(run)).toBeLessThan(1);
  });
});
