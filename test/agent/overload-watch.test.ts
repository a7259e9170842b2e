import { describe, expect, it } from 'vitest';
import { OverloadWatch } from '../../src/agent/overload-watch.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { CRITICALITY_NAMES, type Criticality } from '../../src/policy/criticality.ts';
import { Visit } from '../../src/policy/door.ts';
import { DEFAULT_OVERLOAD, OverloadGuard } from '../../src/policy/overload-guard.ts';
import { PEER } from '../support/exchange-script.ts';
import { ManualClock } from '../support/manual-clock.ts';

function watched() {
  const clock = new ManualClock();
  const said: string[] = [];
  const options = { ...DEFAULT_OVERLOAD, loop: { ...DEFAULT_OVERLOAD.loop, mode: 'enforce' as const } };
  const guard = new OverloadGuard(options, new SeededRandom(1), {
    onPressure: (resource, { isOn }) => said.push(`${resource} ${isOn ? 'on' : 'off'}`),
  });
  const machine = { heap: 0, share: 0 };
  const ends = new AbortController();
  new OverloadWatch(guard, machine, clock, () => machine.heap).start(ends.signal);
  /** How many of a thousand of the least important come in. */
  const admitted = (): number => {
    const visit = new Visit();
    let count = 0;
    for (let i = 0; i < 1000; i++) {
      visit.reset();
      visit.criticality = (CRITICALITY_NAMES.length - 1) as Criticality;
      if (guard.enter(null, PEER, visit, clock.now()) === null) count += 1;
    }
    return count;
  };
  return { clock, said, guard, machine, ends, admitted };
}

describe('OverloadWatch', () => {
  it('sheds nothing for one pause of the process, not even right after it', () => {
    const { clock, said, admitted } = watched();
    clock.advance(5_000);
    for (const pauseMs of [1_000, 60_000, 3_600_000]) {
      clock.pause(pauseMs);
      expect(admitted()).toBe(1000);
      for (let i = 0; i < 10; i++) {
        clock.advance(200);
        expect(admitted()).toBe(1000);
      }
    }
    expect(said).toEqual([]);
  });

  it('sheds while every turn of the loop is late, and stops when none is', () => {
    const { clock, said, admitted } = watched();
    for (let i = 0; i < 10; i++) clock.pause(800);
    expect(admitted()).toBe(0);
    expect(said).toEqual(['loop on']);
    clock.advance(8_000);
    expect(admitted()).toBe(1000);
    expect(said).toEqual(['loop on', 'loop off']);
  });

  it('reads heap and sockets as often', () => {
    const { clock, said, machine, guard } = watched();
    machine.heap = 0.9;
    machine.share = 1;
    clock.advance(1_000);
    expect(said).toEqual(['heap on', 'sockets on']);
    expect(guard.refusesConnection()).toBe(true);
  });

  it('ends with the program', () => {
    const { clock, ends } = watched();
    expect(clock.armed).toBe(1);
    ends.abort();
    expect(clock.armed).toBe(0);
  });
});
