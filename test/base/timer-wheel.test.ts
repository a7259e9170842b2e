import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timer } from '../../src/base/clock.ts';
import { TimerWheel } from '../../src/base/timer-wheel.ts';

const TICK_MS = 10;

/** A wheel and, beside it, a plain list of what is armed and in which tick it has to fire. */
class Model {
  readonly wheel: TimerWheel;
  readonly timers: Timer[];
  readonly dueTick = new Map<Timer, number>();
  readonly fired: number[] = [];
  /** What a timer does when it fires, besides being noted. */
  onFire: (index: number) => void = () => undefined;
  private nextTick: number;
  private lastFired = 0;

  constructor(
    public now: number,
    timers: number,
  ) {
    this.wheel = new TimerWheel(now);
    this.nextTick = Math.floor(now / TICK_MS) + 1;
    this.timers = Array.from(
      { length: timers },
      (_, i) => new Timer({ onTimer: (timer, at) => this.fire(i, timer, at) }),
    );
  }

  arm(index: number, at: number): void {
    const timer = this.timers[index]!;
    this.wheel.arm(timer, at);
    this.dueTick.set(timer, Math.max(this.nextTick, Math.ceil(at / TICK_MS)));
  }

  disarm(index: number): void {
    const timer = this.timers[index]!;
    this.wheel.disarm(timer);
    this.dueTick.delete(timer);
  }

  advance(ms: number): void {
    this.now += ms;
    this.lastFired = 0;
    this.wheel.advance(this.now);
    const last = Math.floor(this.now / TICK_MS);
    this.nextTick = Math.max(this.nextTick, last + 1);
    for (const due of this.dueTick.values()) expect(due).toBeGreaterThan(last);
    this.checkNextAt();
  }

  checkNextAt(): void {
    const next = this.wheel.nextAt();
    expect(this.wheel.size).toBe(this.dueTick.size);
    for (const timer of this.timers) expect(timer.isArmed).toBe(this.dueTick.has(timer));
    if (this.dueTick.size === 0) {
      expect(next).toBe(Number.POSITIVE_INFINITY);
    } else {
      expect(next).toBeLessThanOrEqual(Math.min(...this.dueTick.values()) * TICK_MS);
      expect(next).toBeGreaterThanOrEqual(this.nextTick * TICK_MS);
    }
  }

  private fire(index: number, timer: Timer, now: number): void {
    const due = this.dueTick.get(timer);
    expect(due, 'fires only what is armed').toBeDefined();
    expect(now).toBe(this.now);
    expect(due! * TICK_MS, 'never early').toBeLessThanOrEqual(now);
    expect(due, 'in the order of ticks').toBeGreaterThanOrEqual(this.lastFired);
    this.lastFired = due!;
    this.nextTick = due! + 1;
    this.dueTick.delete(timer);
    this.fired.push(index);
    this.onFire(index);
  }
}

const TIMERS = 12;
const index = fc.nat(TIMERS - 1);
const delay = fc.oneof(
  fc.double({ min: -50, max: 60, noNaN: true }),
  fc.integer({ min: 0, max: 3000 }),
  fc.integer({ min: 2000, max: 700_000 }),
  fc.integer({ min: 600_000, max: 200_000_000 }),
);
const step = fc.oneof(
  fc.record({ kind: fc.constant('arm' as const), index, ms: delay }),
  fc.record({ kind: fc.constant('disarm' as const), index, ms: fc.constant(0) }),
  fc.record({
    kind: fc.constant('advance' as const),
    index,
    ms: fc.oneof(fc.double({ min: 0, max: 40, noNaN: true }), fc.nat(2600), fc.nat(30_000), fc.nat(1_500_000)),
  }),
);
const reaction = fc.record({ kind: fc.constantFrom('arm', 'disarm', 'nothing'), index, ms: delay });

describe('TimerWheel', () => {
  it('does what a plain list would, whatever is armed, moved and disarmed, also by timers that fire', () => {
    const start = fc.oneof(fc.double({ min: 0, max: 10_000, noNaN: true }), fc.integer({ min: 0, max: 2 ** 40 }));
    const script = fc.array(step, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(start, script, fc.array(reaction, { maxLength: 40 }), (startAt, steps, reactions) => {
        const model = new Model(startAt, TIMERS);
        let reacted = 0;
        model.onFire = () => {
          const what = reactions[reacted++];
          if (what?.kind === 'arm') model.arm(what.index, model.now + what.ms);
          else if (what?.kind === 'disarm') model.disarm(what.index);
        };
        for (const { kind, index, ms } of steps) {
          if (kind === 'arm') model.arm(index, model.now + ms);
          else if (kind === 'disarm') model.disarm(index);
          else model.advance(ms);
          model.checkNextAt();
        }
      }),
      { numRuns: 400 },
    );
  });

  it('fires in the right tick on either side of every level', () => {
    const edges = [1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_791, 131_072];
    for (const startTick of [0, 1, 255, 256, 65_535, 65_536, 65_280]) {
      const model = new Model(startTick * TICK_MS, edges.length);
      edges.forEach((ticks, i) => model.arm(i, model.now + ticks * TICK_MS));
      for (const [i, ticks] of edges.entries()) {
        model.advance((startTick + ticks) * TICK_MS - 1 - model.now);
        expect(model.fired).toHaveLength(i);
        model.advance(1);
        expect(model.fired).toHaveLength(i + 1);
      }
    }
  });

  it('fires a timer of days at its time', () => {
    const days = 86_400_000;
    const model = new Model(123_456, 3);
    model.arm(0, model.now + 1.9 * days);
    model.arm(1, model.now + 2.1 * days);
    model.arm(2, model.now + 600 * days);
    model.advance(1.9 * days - 1);
    expect(model.fired).toEqual([]);
    model.advance(1 + TICK_MS);
    expect(model.fired).toEqual([0]);
    model.advance(0.2 * days);
    expect(model.fired).toEqual([0, 1]);
    expect(model.timers[2]!.isArmed).toBe(true);
  });

  it('wakes its driver once a round for a timer far away', () => {
    const model = new Model(0, 1);
    model.arm(0, 60_000);
    let wakes = 0;
    while (model.fired.length === 0) {
      model.advance(model.wheel.nextAt() - model.now);
      wakes++;
    }
    expect(model.now).toBe(60_000);
    expect(wakes).toBeLessThan(60_000 / 2560 + 3);
  });

  it('lets a timer that arms itself for now wait a tick, instead of never letting go', () => {
    const model = new Model(0, 1);
    model.onFire = () => model.arm(0, 0);
    model.arm(0, 0);
    model.advance(100);
    expect(model.fired).toHaveLength(10);
  });

  it('fires the others when an owner throws, and passes the throw on', () => {
    const wheel = new TimerWheel(0);
    const fired: string[] = [];
    const bad = new Timer({
      onTimer: () => {
        throw new Error('bad owner');
      },
    });
    const good = new Timer({ onTimer: () => void fired.push('good') });
    wheel.arm(bad, 10);
    wheel.arm(good, 10);
    expect(() => wheel.advance(20)).toThrow('bad owner');
    expect(fired).toEqual(['good']);
    expect(wheel.size).toBe(0);
    wheel.arm(good, 30);
    wheel.advance(30);
    expect(fired).toEqual(['good', 'good']);
  });
});
