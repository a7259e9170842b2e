import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { CRITICALITY_NAMES } from '../../src/policy/criticality.ts';
import { type Door, OPEN_DOOR } from '../../src/policy/door.ts';
import { DEFAULT_FALLBACK_CODES, DEFAULT_STALE } from '../../src/policy/fallback.ts';
import { type FaultEffect, NO_FAULTS } from '../../src/policy/fault.ts';
import { FaultList } from '../../src/policy/fault-list.ts';
import { type LiveHedge, NO_HEDGE } from '../../src/policy/hedge.ts';
import { DEFAULT_THROTTLE, Throttle } from '../../src/policy/throttle.ts';
import { Fallbacks } from '../../src/proxy/fallback.ts';
import { NO_FALLBACK, type Plan } from '../../src/proxy/plan.ts';
import { Doors } from '../../src/route/doors/doors.ts';
import { RateLimits } from '../../src/route/doors/rate-limits.ts';
import { RequestMatch } from '../../src/route/request-match.ts';
import { Caller, Endpoints } from '../support/both-ends.ts';
import { ExchangeScript } from '../support/exchange-script.ts';

const MAX_REQUESTS = 4;
const MAX_PENDING = 3;
const MAX_PARKED = 4;
const MAX_RETRIES_AT_ONCE = 2;
const MAX_ATTEMPTS = 3;
const CACHE_BYTES = 2_000;
const NAMES = { none: [], one: ['a'], two: ['a', 'b'], three: ['a', 'b', 'c'] } as const;
const ROLES = {
  none: [],
  one: ['a=replica'],
  two: ['a=primary', 'b=replica'],
  three: ['a=replica', 'b=primary', 'c=replica'],
} as const;

const EFFECTS: readonly FaultEffect[] = [
  { kind: 'delay', delayMs: 300, header: null },
  { kind: 'abort', status: 500, grpcStatus: 13 },
  { kind: 'reset' },
  { kind: 'bandwidth', bytesPerSecond: 100 },
];

const happening = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      method: fc.constantFrom('POST', 'PUT', 'GET', 'GET', 'GET'),
      path: fc.constantFrom('/a', '/a', '/b'),
      hasBody: fc.constantFrom(true, false, false),
      isCall: fc.constantFrom(true, false, false),
      /** Which fields it has beside; and whether its connection is used again. */
      extra: fc.nat(7),
      which: fc.nat(20),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('client' as const),
      what: fc.constantFrom('piece', 'done', 'done', 'gone', 'full', 'drain'),
      which: fc.nat(20),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      how: fc.constantFrom(
        ...([
          'connected',
          'connected',
          'ok',
          'ok',
          'head',
          'head',
          'body',
          'trailers',
          'failed trailers',
          'drain',
        ] as const),
        ...([
          'unavailable',
          'later',
          'refused',
          'misdirected',
          'gone',
          'lost',
          'stale',
          'interim',
          'trailers only',
        ] as const),
      ),
      which: fc.nat(20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...(['none', 'one', 'two', 'three'] as const))
      .map((names) => ({ kind: 'discover' as const, names })),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom(10, 30, 60, 60, 120, 400, 1_500).map((ms) => ({ kind: 'wait' as const, ms })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'turn' as const,
        'turn' as const,
        'connections' as const,
        'limits' as const,
        'reload' as const,
      ),
      which: fc.nat(20),
    }),
  },
);

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

interface Setting {
  readonly warm: boolean;
  readonly hasRoles: boolean;
  readonly grpcIdempotent: boolean;
  readonly hasBudget: boolean;
  readonly returnsUnseen: boolean;
  readonly faults: readonly { effect: FaultEffect; share: number }[];
  readonly cluster: boolean;
  readonly stale: boolean;
  readonly written: boolean;
}

const setting: fc.Arbitrary<Setting> = fc.record({
  warm: fc.boolean(),
  hasRoles: fc.constantFrom(true, false, false),
  grpcIdempotent: fc.constantFrom(true, true, false),
  hasBudget: fc.constantFrom(true, true, true, false),
  returnsUnseen: fc.boolean(),
  faults: fc.array(fc.record({ effect: fc.constantFrom(...EFFECTS), share: fc.constantFrom(500, 2_000) }), {
    maxLength: 3,
  }),
  cluster: fc.boolean(),
  stale: fc.boolean(),
  written: fc.boolean(),
});

/** Counts who comes in and who leaves. */
class CountingDoor implements Door {
  inside = 0;

  constructor(private readonly door: Door) {}

  enter(...args: Parameters<Door['enter']>): FailureCode | null {
    const refusal = this.door.enter(...args);
    if (refusal === null) this.inside += 1;
    return refusal;
  }

  leave(...args: Parameters<Door['leave']>): void {
    this.inside -= 1;
    this.door.leave(...args);
  }

  mark(...args: Parameters<Door['mark']>): void {
    this.door.mark(...args);
  }
}

const used: Record<string, number> = {};

function count(name: string, times: number): void {
  used[name] = (used[name] ?? 0) + times;
}

class Trial {
  readonly script: ExchangeScript;
  readonly other: ExchangeScript;
  readonly endpoints: Endpoints;
  readonly callers: Caller[] = [];
  readonly repeatable = new Set<string>();
  private requests = 0;
  private readonly door: CountingDoor;
  private readonly otherDoor: CountingDoor;
  private readonly fallback: Fallbacks;
  private faults!: FaultList;
  private readonly bare: Plan;
  private readonly full: Plan;

  constructor(private readonly what: Setting) {
    const { warm, hasRoles, grpcIdempotent, hasBudget, returnsUnseen } = what;
    const answer = { status: 200, contentType: 'text/plain', fields: {}, body: 'b', grpcStatus: 1, anyMethod: true };
    this.fallback = new Fallbacks(
      {
        codes: DEFAULT_FALLBACK_CODES,
        statuses: [503],
        upstream: what.cluster ? 'other' : null,
        stale: what.stale ? { ...DEFAULT_STALE, maxBodyBytes: 50, maxBytes: CACHE_BYTES } : null,
        answer: what.written ? answer : null,
      },
      () => this.other.plan,
    );
    const budget = hasBudget
      ? { ratio: 1, minPerSecond: 10, windowMs: 10_000 }
      : { ratio: 0, minPerSecond: 0, windowMs: 10_000 };
    const options = {
      warm,
      returnsUnseen,
      retry: { maxAttempts: MAX_ATTEMPTS, grpcIdempotent, maxConcurrent: MAX_RETRIES_AT_ONCE, budget, replayBytes: 40 },
      limits: {
        maxRequests: MAX_REQUESTS,
        maxPending: MAX_PENDING,
        pendingTimeoutMs: 400,
        maxParked: MAX_PARKED,
        parkTimeoutMs: 500,
      },
      hedge: { delayMs: 50, maxExtraLoad: 1, methods: ['GET', 'PUT'] },
      adaptive: { mode: 'enforce', law: { ...DEFAULT_ADAPTIVE.law, min: 2, initial: 3, max: 4 } },
      breaker: { consecutiveFailures: 4, coolDownMs: 200, maxCoolDownMs: 400 },
      timeouts: { attemptMs: 600, attemptIdleMs: 350, requestMs: 2_500, streamIdleMs: 2_000, maxDurationMs: 6_000 },
    } as const;
    const match = { path: null, headers: [], callers: [] };
    const roles = hasRoles ? { roles: { hold: { timeMs: 700, requests: 2, bytes: 100 } } } : {};
    this.script = new ExchangeScript({
      ...options,
      ...roles,
      endpoints: hasRoles ? ROLES.two : NAMES.two,
      fallback: this.fallback,
      faults: (clock) => {
        const untilMs = clock.wallMs() + 30_000;
        const list = what.faults.map((one) => ({ ...one, match, maxActive: 2, untilMs }));
        this.faults = new FaultList(list, (one) => new RequestMatch(one.match), {
          now: clock.now(),
          wallMs: clock.wallMs(),
        });
        return this.faults;
      },
    });
    const { clock } = this.script;
    this.other = new ExchangeScript({ ...options, endpoints: ['y', 'z'], clock });
    this.door = new CountingDoor(doors());
    this.otherDoor = new CountingDoor(doors());
    this.full = { ...this.script.plan, door: this.door };
    this.bare = { ...this.full, hedge: NO_HEDGE, faults: NO_FAULTS, fallback: NO_FALLBACK, door: OPEN_DOOR };
    this.script.plan = this.full;
    this.other.plan = { ...this.other.plan, door: this.otherDoor };
    this.endpoints = new Endpoints(this.both);
  }

  get both(): ExchangeScript[] {
    return [this.script, this.other];
  }

  step(what: Happening): void {
    const { script } = this;
    if (what.kind === 'request') this.ask(what);
    else if (what.kind === 'client') {
      const open = this.callers.filter(({ isOpen }) => isOpen);
      open[what.which % open.length]?.does(what.what);
    } else if (what.kind === 'end') this.endpoints.does(what.how, what.which);
    else if (what.kind === 'discover') script.discover((this.what.hasRoles ? ROLES : NAMES)[what.names]);
    else if (what.kind === 'wait') script.clock.advance(what.ms);
    else if (what.kind === 'turn') for (const one of this.both) one.endTurn();
    else if (what.kind === 'reload') script.plan = what.which % 3 === 0 ? this.bare : this.full;
    else if (what.kind === 'limits') {
      script.admission.reconfigure(1 + (what.which % MAX_REQUESTS));
      script.line.roomMade();
    } else {
      const connectors = this.both.flatMap((one) => [...one.endpoints.values()]);
      const connector = connectors[what.which % Math.max(1, connectors.length)];
      if (connector !== undefined) connector.isExhausted = !connector.isExhausted;
    }
    this.endpoints.collect();
    for (const one of this.both) {
      one.take();
      expect(one.admission.inFlight).toBeLessThanOrEqual(MAX_REQUESTS);
      expect(one.line.size).toBeLessThanOrEqual(MAX_PENDING);
      expect(one.parking.size).toBeLessThanOrEqual(MAX_PARKED);
      expect(one.slots.inUse).toBeLessThanOrEqual(MAX_RETRIES_AT_ONCE);
      expect(one.slots.inUse).toBeGreaterThanOrEqual(0);
    }
    expect(this.fallback.stale.bytes).toBeLessThanOrEqual(CACHE_BYTES);
  }

  private ask(what: Happening & { kind: 'request' }): void {
    const idle = this.callers.filter(({ isOpen }) => !isOpen);
    let caller = what.extra % 2 === 0 ? idle[what.which % Math.max(1, idle.length)] : undefined;
    if (caller === undefined) {
      caller = new Caller(this.script);
      this.callers.push(caller);
    }
    const id = `r${this.requests++}`;
    const { method, path, isCall, extra } = what;
    const fields: Record<string, string> = {
      'x-request-id': id,
      'x-remora-criticality': CRITICALITY_NAMES[what.which % 4]!,
      ...(extra === 1 ? { 'x-remora-deadline-ms': '300' } : {}),
      ...(extra === 2 ? { 'x-remora-attempt': '2' } : {}),
      ...(extra === 3 ? { 'x-remora-max-retries': '1' } : {}),
      ...(isCall ? { 'content-type': 'application/grpc' } : {}),
      ...(isCall && extra === 4 ? { 'grpc-timeout': '900m' } : {}),
    };
    const isRepeatable = isCall ? this.what.grpcIdempotent : method !== 'POST';
    if (isRepeatable) this.repeatable.add(id);
    const head = { method: isCall ? 'POST' : method, path, fields, ...(isCall ? { version: '2' } : {}) };
    caller.asks(head, what.hasBody || isCall);
  }

  end(): void {
    const { script, other, callers, fallback, faults } = this;
    for (const caller of callers) if (caller.isOpen) caller.does('done');
    for (let turns = 0; turns < 20; turns++) {
      script.clock.advance(500);
      for (const one of this.both) one.endTurn();
    }
    this.endpoints.collect();
    for (const caller of callers) if (caller.isOpen) caller.does('gone');
    for (const one of this.both) one.endTurn();
    script.clock.advance(2_000);
    for (const one of this.both) {
      expect(one.books()).toEqual({ admitted: 0, active: 0, parked: 0, timers: 0 });
      expect(one.slots.inUse, 'places of retries').toBe(0);
    }
    expect(this.endpoints.open.length, 'connections that nobody ended').toBe(0);
    expect([this.door.inside, this.otherDoor.inside]).toEqual([0, 0]);
    expect(faults.inForce(0).every(({ active }) => active === 0)).toBe(true);
    const requests = callers.reduce((sum, { requests }) => sum + requests, 0);
    const moves = fallback.counts.cluster;
    expect(script.records.length).toBe(requests);
    expect(other.records.length).toBe(moves);
    // One more than may be for a connection that was dying, and one for what nobody had been sent.
    for (const one of this.both)
      for (const { attempts } of one.records) expect(attempts.length).toBeLessThanOrEqual(MAX_ATTEMPTS + 2);
    for (const [id, times] of this.endpoints.seenBy())
      if (!this.repeatable.has(id)) expect(times, `who may have looked at ${id}`).toBeLessThanOrEqual(1);
    const { size, bytes } = fallback.stale;
    expect(bytes > 0).toBe(size > 0);
    this.tell();
  }

  private tell(): void {
    const { script, other, fallback, faults } = this;
    for (const [name, times] of [...Object.entries(faults.counts), ...Object.entries(fallback.counts)])
      count(name, times);
    for (const one of this.both) {
      const hedge = one.plan.hedge as LiveHedge;
      count('hedges', hedge.sent ?? 0);
      count('hedges won', hedge.won ?? 0);
      count('in line', one.line.entered);
      count('waited in vain', one.line.expired);
    }
    count('held', script.hold.held);
    count('kept answers', fallback.stale.counts.kept);
    for (const { attempts, code } of [...script.records, ...other.records]) {
      if (code !== null) count(code, 1);
      if (attempts.length > 2) count('third attempts', 1);
    }
  }
}

function doors(): Door {
  const random = new SeededRandom(9);
  const throttle = new Throttle({ ...DEFAULT_THROTTLE, mode: 'enforce', minPerSecond: 0.3 }, random);
  const limits = new RateLimits([], random, null);
  return new Doors(OPEN_DOOR, throttle, limits);
}

it('closes all books and answers each client once, with everything on and whatever happens', () => {
  fc.assert(
    fc.property(setting, fc.array(happening, { minLength: 30, maxLength: 90, size: 'max' }), (what, happenings) => {
      const trial = new Trial(what);
      for (const one of happenings) trial.step(one);
      trial.end();
    }),
    { numRuns: 600 },
  );
  // The scripts have been everywhere.
  for (const [name, times] of Object.entries(used)) expect(times, name).toBeGreaterThan(0);
});
