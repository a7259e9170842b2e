import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timer } from '../../src/base/clock.ts';
import { AdaptiveLimit } from '../../src/policy/adaptive-limit.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { Admission } from '../../src/policy/admission.ts';
import type { Criticality } from '../../src/policy/criticality.ts';
import { NO_EVIDENCE } from '../../src/policy/evidence.ts';
import { REFUSED, type Ticket } from '../../src/policy/gate.ts';
import { DEFAULT_LIMITS } from '../../src/policy/options.ts';
import { LinePlace } from '../../src/proxy/line-place.ts';
import { WaitingLine } from '../../src/proxy/waiting-line.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** A line before a gate of one place, which is taken. */
function scene({ maxPending = 8, places = 1 } = {}) {
  const clock = new ManualClock(1_000);
  const limits = { ...DEFAULT_LIMITS, maxPending, pendingTimeoutMs: 1_000 };
  const gate = new Admission(places, new AdaptiveLimit({ ...DEFAULT_ADAPTIVE, mode: 'off' }));
  const tasks: (() => void)[] = [];
  const line = new WaitingLine(clock, gate, limits, (task) => tasks.push(task));
  const tickets: Ticket[] = [];
  const log: string[] = [];
  const take = (): boolean => {
    const ticket = gate.admit(clock.now());
    if (ticket !== REFUSED) tickets.push(ticket);
    return ticket !== REFUSED;
  };
  while (take());
  /** Waits, and takes its place when it is woken; `onWake` in place of that. */
  const guest = (name: string, onWake?: (place: LinePlace) => void): LinePlace => {
    const place: LinePlace = new LinePlace({
      parkTimer: new Timer({
        onTimer: (_timer, now) => log.push(`${name} ${line.end(place, now)}`),
      }),
      onWake: () => {
        log.push(`${name} woken`);
        if (onWake === undefined) take();
        else onWake(place);
      },
    });
    return place;
  };
  const enter = (name: string, criticality: Criticality = 1): boolean =>
    line.enter(guest(name), criticality, 0, clock.now());
  return {
    clock,
    line,
    gate,
    limits,
    log,
    tasks,
    guest,
    enter,
    take,
    /** One that is in flight ends. */
    free: (): void => {
      gate.settle(tickets.pop()!, NO_EVIDENCE, clock.now());
      line.roomMade();
    },
    endTurn: (): void => {
      for (const task of tasks.splice(0)) task();
    },
    said: (): string[] => log.splice(0),
  };
}

describe('who is next', () => {
  it('is the oldest, when the turn is over and not before', () => {
    const { enter, free, endTurn, said, line } = scene();
    for (const name of ['a', 'b', 'c']) expect(enter(name)).toBe(true);
    free();
    expect(said()).toEqual([]);
    endTurn();
    expect(said()).toEqual(['a woken']);
    expect([line.size, line.entered]).toEqual([2, 3]);
  });

  it('is woken with as many others as there are places, in one task', () => {
    const { enter, free, endTurn, said, tasks } = scene({ places: 3 });
    for (const name of ['a', 'b', 'c', 'd']) enter(name);
    free();
    free();
    expect(tasks.length).toBe(1);
    endTurn();
    expect(said()).toEqual(['a woken', 'b woken']);
  });

  it('is who matters most, then the oldest', () => {
    const { enter, free, endTurn, said } = scene();
    enter('a', 3);
    enter('b', 1);
    enter('c', 0);
    enter('d', 1);
    for (let i = 0; i < 4; i++) {
      free();
      endTurn();
    }
    expect(said()).toEqual(['c woken', 'b woken', 'd woken', 'a woken']);
  });

  it('is the newest once the oldest has waited for half of its time', () => {
    const { clock, enter, free, endTurn, said } = scene();
    enter('a');
    clock.advance(490);
    enter('b');
    free();
    endTurn();
    expect(said()).toEqual(['a woken']);
    enter('c');
    clock.advance(500);
    enter('d');
    for (let i = 0; i < 3; i++) {
      free();
      endTurn();
    }
    // Of b and c, the one that came first has waited too long by then; alone, c has not.
    expect(said()).toEqual(['d woken', 'c woken', 'b woken']);
  });

  it('has its place back when it is woken in vain, and nobody else is woken then', () => {
    const { line, clock, guest, enter, free, endTurn, said } = scene({ places: 2 });
    let tries = 0;
    const stubborn = guest('a', (place) => {
      tries += 1;
      if (tries < 3) expect(line.enter(place, 1, 0, clock.now())).toBe(true);
    });
    line.enter(stubborn, 1, 0, clock.now());
    enter('b');
    free();
    endTurn();
    expect(said()).toEqual(['a woken']);
    clock.advance(100);
    free();
    endTurn();
    expect(said()).toEqual(['a woken']);
    line.roomMade();
    endTurn();
    expect(said()).toEqual(['a woken', 'b woken']);
    expect(line.entered).toBe(2);
  });

  it('is nobody who has no room among his likes', () => {
    const { line, clock, guest, endTurn, said } = scene();
    const limit = new AdaptiveLimit({
      ...DEFAULT_ADAPTIVE,
      mode: 'enforce',
      law: { ...DEFAULT_ADAPTIVE.law, min: 1, initial: 4 },
    });
    const gate = new Admission(100, limit);
    const tasks: (() => void)[] = [];
    const other = new WaitingLine(clock, gate, { ...DEFAULT_LIMITS, maxPending: 5 }, (task) => tasks.push(task));
    gate.admit(0);
    gate.admit(0);
    const low = guest('low');
    other.enter(low, 3, 0, clock.now());
    other.roomMade();
    for (const task of tasks.splice(0)) task();
    expect([other.size, line.size, said()]).toEqual([1, 0, []]);
    endTurn();
    other.leave(low);
  });
});

describe('newcomers', () => {
  it('do not pass who waits and matters as much, and pass who matters less', () => {
    const { line, clock, enter } = scene();
    enter('a', 1);
    const isBefore = (level: Criticality): boolean => line.isBefore(level, clock.now());
    expect([isBefore(0), isBefore(1), isBefore(2)]).toEqual([false, true, true]);
  });

  it('pass those who have waited too long to be next', () => {
    const { line, clock, enter } = scene();
    enter('a', 1);
    clock.advance(500);
    expect([line.isBefore(1, clock.now()), line.isBefore(2, clock.now())]).toEqual([false, true]);
  });

  it('are not held up by nobody', () => {
    expect(scene().line.isBefore(3, 0)).toBe(false);
  });

  it('do not hold up who is woken', () => {
    const { line, clock, guest, enter, free, endTurn } = scene();
    const seen: boolean[] = [];
    line.enter(
      guest('a', () => seen.push(line.isBefore(1, clock.now()))),
      1,
      0,
      clock.now(),
    );
    enter('b');
    free();
    endTurn();
    expect(seen[0]).toBe(false);
  });
});

describe('what bounds it', () => {
  it('is time, from when it came, however often it was woken', () => {
    const { line, clock, guest, said, free, endTurn } = scene();
    const place = guest('a', (self) => line.enter(self, 1, 0, clock.now()));
    line.enter(place, 1, 0, clock.now());
    clock.advance(600);
    free();
    endTurn();
    said();
    clock.advance(390);
    expect(said()).toEqual([]);
    clock.advance(20);
    expect(said()).toEqual(['a pending_timeout']);
    expect([line.size, line.expired, clock.armed]).toEqual([0, 1, 0]);
  });

  it('is number', () => {
    const { line, enter } = scene({ maxPending: 2 });
    expect([enter('a'), enter('b'), enter('c')]).toEqual([true, true, false]);
    expect([line.size, line.full]).toEqual([2, 1]);
  });

  it('is what is kept of bodies, also of those that grow while they wait', () => {
    const { line, clock, guest, said } = scene();
    const [big, small] = [guest('big'), guest('small')];
    expect(line.enter(big, 1, 16 * 2 ** 20, clock.now())).toBe(true);
    expect(line.enter(small, 1, 1, clock.now())).toBe(false);
    expect(line.enter(small, 1, 0, clock.now())).toBe(true);
    line.grow(small, 1, clock.now());
    clock.advance(10);
    expect(said()).toEqual(['small overloaded']);
    line.leave(big);
    expect(line.enter(guest('next'), 1, 16 * 2 ** 20, clock.now())).toBe(true);
    expect(line.full).toBe(2);
  });

  it('is nothing where nobody may wait', () => {
    const { line, enter } = scene({ maxPending: 0 });
    expect([enter('a'), line.full]).toEqual([false, 0]);
  });

  it('puts out the newest that matters least for one that matters more', () => {
    const { line, clock, enter, said } = scene({ maxPending: 3 });
    enter('a', 3);
    enter('b', 2);
    enter('c', 3);
    expect(enter('d', 3)).toBe(false);
    expect(enter('e', 1)).toBe(true);
    clock.advance(10);
    expect(said()).toEqual(['c overloaded']);
    expect([line.size, line.displaced, line.full, line.expired]).toEqual([3, 1, 1, 0]);
  });

  it('puts nobody out for one whose body finds no room all the same, and counts the room of who would go', () => {
    const { line, clock, guest, said } = scene({ maxPending: 2 });
    line.enter(guest('a'), 1, 15 * 2 ** 20, clock.now());
    line.enter(guest('b'), 3, 2 ** 19, clock.now());
    expect(line.enter(guest('big'), 1, 2 * 2 ** 20, clock.now())).toBe(false);
    clock.advance(10);
    expect(said()).toEqual([]);
    expect([line.size, line.displaced, line.full]).toEqual([2, 0, 1]);
    expect(line.enter(guest('fits'), 1, 2 ** 20, clock.now())).toBe(true);
    clock.advance(10);
    expect(said()).toEqual(['b overloaded']);
  });

  it('puts out the oldest where the newest is next', () => {
    const { clock, enter, said } = scene({ maxPending: 2 });
    enter('a', 3);
    clock.advance(600);
    enter('b', 3);
    enter('c', 1);
    clock.advance(10);
    expect(said()).toEqual(['a overloaded']);
  });
});

describe('a change of limits', () => {
  it('lets in who waits where there are more places now', () => {
    const { line, gate, limits, enter, endTurn, said } = scene();
    enter('a');
    enter('b');
    gate.reconfigure(2);
    line.reconfigure(limits);
    endTurn();
    expect(said()).toEqual(['a woken']);
  });

  it('keeps who waits where nobody may from now on', () => {
    const { line, limits, enter, free, endTurn, said } = scene();
    enter('a');
    line.reconfigure({ ...limits, maxPending: 0 });
    endTurn();
    expect(enter('b')).toBe(false);
    free();
    endTurn();
    expect(said()).toEqual(['a woken']);
  });
});

it('is left in the middle, twice, and by who was never here', () => {
  const { line, clock, guest, enter, free, endTurn, said } = scene();
  enter('a');
  const middle = guest('b');
  line.enter(middle, 1, 5, clock.now());
  enter('c');
  line.leave(middle);
  line.leave(middle);
  line.leave(guest('stranger'));
  expect(line.size).toBe(2);
  for (let i = 0; i < 2; i++) {
    free();
    endTurn();
  }
  expect(said()).toEqual(['a woken', 'c woken']);
  expect(clock.armed).toBe(0);
});

it('bears that those who are woken take others with them', () => {
  const { line, clock, guest, enter, free, endTurn, said } = scene();
  const second = guest('b');
  const first = guest('a', (place) => {
    line.leave(second);
    line.enter(place, 1, 0, clock.now());
  });
  line.enter(first, 1, 0, clock.now());
  line.enter(second, 1, 0, clock.now());
  enter('c');
  free();
  endTurn();
  line.leave(first);
  line.roomMade();
  endTurn();
  expect(said()).toEqual(['a woken', 'c woken']);
  expect(line.size).toBe(0);
});

it('keeps its books whatever happens', () => {
  const step = fc.record({
    kind: fc.constantFrom('enter', 'enter', 'leave', 'free', 'turn', 'wait'),
    which: fc.nat(1_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const { line, clock, guest, take, free, endTurn, gate } = scene({ maxPending: 5, places: 2 });
      const places: LinePlace[] = [];
      for (const { kind, which } of steps) {
        if (kind === 'enter' && (line.isBefore((which % 4) as Criticality, clock.now()) || !take())) {
          const place = guest('x');
          if (line.enter(place, (which % 4) as Criticality, which, clock.now())) places.push(place);
        } else if (kind === 'leave' && places.length > 0) line.leave(places[which % places.length]!);
        else if (kind === 'free' && gate.inFlight > 0) free();
        else if (kind === 'turn') endTurn();
        else if (kind === 'wait') clock.advance(which);
        expect(line.size).toBe(places.filter(({ isIn }) => isIn).length);
        expect(line.size).toBeLessThanOrEqual(5);
        expect(gate.inFlight).toBeLessThanOrEqual(2);
      }
      clock.advance(1_010);
      expect([line.size, clock.armed]).toEqual([0, 0]);
    }),
  );
});
