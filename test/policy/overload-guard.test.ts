import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Edits } from '../../src/http/edits.ts';
import type { Criticality } from '../../src/policy/criticality.ts';
import { Visit } from '../../src/policy/door.ts';
import { DEFAULT_OVERLOAD, OverloadGuard, type OverloadOptions } from '../../src/policy/overload-guard.ts';
import { PEER } from '../support/exchange-script.ts';

const ALL: OverloadOptions = {
  loop: { mode: 'enforce', start: 200, full: 1000 },
  heap: { mode: 'enforce', start: 0.8, full: 1 },
  sockets: { mode: 'enforce', start: 0.8, full: 1 },
};

function guarded(options: OverloadOptions = ALL) {
  const said: string[] = [];
  const guard = new OverloadGuard(options, new SeededRandom(1), {
    onPressure: (resource, { isOn }) => said.push(`${resource} ${isOn ? 'on' : 'off'}`),
  });
  let now = 1000;
  const read = (lateMs: number, heap: number, sockets: number, times = 5): void => {
    for (let i = 0; i < times; i++, now += 200) guard.sample(lateMs, heap, sockets, now);
  };
  return { guard, said, read };
}

/** Share of each criticality that is refused, the most important first. */
function refused(guard: OverloadGuard, count = 4000): number[] {
  return ([0, 1, 2, 3] as Criticality[]).map((criticality) => {
    let shed = 0;
    for (let i = 0; i < count; i++) {
      const visit = new Visit();
      visit.criticality = criticality;
      const code = guard.enter(null, PEER, visit, 1000);
      if (code === null) continue;
      shed += 1;
      expect([code, visit.retryAfterMs]).toEqual(['sidecar_overloaded', 1000]);
    }
    return Math.round((shed / count) * 10) / 10;
  });
}

describe('OverloadGuard', () => {
  it.each([
    [200, [0, 0, 0, 0]],
    [300, [0, 0, 0, 0.5]],
    [500, [0, 0, 0.5, 1]],
    [700, [0, 0.5, 1, 1]],
    [900, [0.5, 1, 1, 1]],
    [1000, [1, 1, 1, 1]],
  ])('with a loop that is %d ms late refuses the least important first', (lateMs, shares) => {
    const { guard, read } = guarded();
    read(lateMs, 0, 0);
    expect(refused(guard)).toEqual(shares);
  });

  it('goes by whichever of loop and heap is nearer to its bound', () => {
    const { guard, read } = guarded();
    read(300, 0.94, 0);
    expect(refused(guard)).toEqual([0, 0.8, 1, 1]);
  });

  it('lets a thousand requests in after a pause', () => {
    const { guard, read, said } = guarded();
    read(0, 0, 0);
    read(60_000, 0, 0, 1);
    expect(refused(guard)).toEqual([0, 0, 0, 0]);
    read(0, 0, 0);
    expect(refused(guard)).toEqual([0, 0, 0, 0]);
    expect(said).toEqual([]);
  });

  it('refuses connections and no request when sockets run out', () => {
    const { guard, read } = guarded();
    read(0, 0, 0.95);
    expect(refused(guard)).toEqual([0, 0, 0, 0]);
    expect(guard.refusesConnection()).toBe(false);
    read(0, 0, 1);
    expect(guard.refusesConnection()).toBe(true);
    expect(guard.connectionsRefused).toBe(1);
  });

  it('lets connections end with their answers from half of the way on', () => {
    const { guard, read } = guarded();
    const closes = (): boolean => {
      const visit = new Visit();
      const edits = new Edits();
      guard.enter(null, PEER, visit, 1000);
      if (visit.isMarked) guard.mark(visit, edits);
      return edits.closes;
    };
    read(0, 0, 0.85);
    expect(closes()).toBe(false);
    read(0, 0, 0.91);
    expect(closes()).toBe(true);
    read(0, 0, 0, 40);
    expect(closes()).toBe(false);
  });

  it('only counts what it would refuse where it observes', () => {
    const { guard, read } = guarded(DEFAULT_OVERLOAD);
    read(5000, 0, 0);
    expect(refused(guard, 100)).toEqual([0, 0, 0, 0]);
    expect(guard.observed).toEqual([100, 100, 100, 100]);
    expect(guard.enforced).toEqual([0, 0, 0, 0]);
  });

  it('says once what began, and once that it is over', () => {
    const { read, said } = guarded();
    read(500, 0.9, 0, 20);
    expect(said).toEqual(['loop on', 'heap on']);
    read(0, 0.1, 0, 100);
    expect(said.slice(2)).toEqual(['loop off', 'heap off']);
  });

  it('takes other bounds as they come', () => {
    const { guard, read } = guarded();
    read(0, 0.9, 0);
    expect(refused(guard)[3]).toBe(1);
    guard.reconfigure({ ...ALL, heap: { mode: 'off', start: 0.8, full: 1 } });
    read(0, 0.9, 0, 1);
    expect(refused(guard)).toEqual([0, 0, 0, 0]);
  });
});
