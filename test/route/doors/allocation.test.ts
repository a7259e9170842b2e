import { expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Peer } from '../../../src/http/conduit.ts';
import { type Door, Visit } from '../../../src/policy/door.ts';
import { DEFAULT_OVERLOAD, OverloadGuard } from '../../../src/policy/overload-guard.ts';
import { DEFAULT_THROTTLE } from '../../../src/policy/throttle.ts';
import { type DoorOptions, makeDoors, NO_DOORS } from '../../../src/route/doors/doors.ts';
import type { RateLimitOptions } from '../../../src/route/doors/options.ts';
import { allocatedPer } from '../../support/allocated.ts';
import { evidence } from '../../support/evidence.ts';
import { PEER, requestHead } from '../../support/exchange-script.ts';

/** The smallest thing on the heap takes 12 bytes. */
const NOTHING = 1;
const SUCCESS = evidence('success', { status: 200 });
const FAILURE = evidence('failure', { status: 503 });

const LIMIT: RateLimitOptions = {
  name: 'all',
  requests: 1_000_000,
  windowMs: 1000,
  burst: 1_000_000,
  mode: 'enforce',
  by: null,
  maxKeys: 10_000,
  path: null,
  methods: null,
  tells: 'limited',
};
/** What is read of a head is its connection's business, so the head here has its values at hand. */
const HEAD = Object.assign(requestHead({ method: 'POST', path: '/orders/1' }), { get: () => 'ann' });
const CALLERS: readonly Peer[] = Array.from({ length: 500 }, (_, i) => ({ ...PEER, address: `10.0.${i >> 8}.${i}` }));

/**
 * Instants as exchanges have them: read once from a clock, which puts them on the heap, and handed on from there. An
 * array that begins with something else keeps them so.
 */
const INSTANTS: readonly unknown[] = [null, ...Array.from({ length: 1_300_000 }, (_, i) => 2000.5 + i / 4)];

const throttle = { ...DEFAULT_THROTTLE, mode: 'enforce' } as const;
const cases: [what: string, options: DoorOptions, lateMs: number][] = [
  ['that are not there', NO_DOORS, 0],
  ['of a sidecar with too much to do', NO_DOORS, 700],
  ['that hold a share back', { ...NO_DOORS, throttle }, 0],
  [
    'with rate limits by nothing, caller and header',
    {
      throttle,
      rateLimits: [
        LIMIT,
        { ...LIMIT, name: 'caller', by: { kind: 'caller' }, requests: 10, burst: 10 },
        { ...LIMIT, name: 'header', by: { kind: 'header', name: 'x-user' }, path: '/orders/*', methods: ['POST'] },
      ],
    },
    0,
  ],
];

it.each(cases)('a request allocates nothing at doors %s', (_what, options, lateMs) => {
  const random = new SeededRandom(1);
  const guard = new OverloadGuard({ ...DEFAULT_OVERLOAD, loop: { mode: 'enforce', start: 200, full: 1000 } }, random, {
    onPressure: () => undefined,
  });
  for (let i = 0; i < 5; i++) guard.sample(lateMs, 0, 0, 1000 + i);
  const doors: Door = makeDoors(guard, options, random, null);
  const visit = new Visit();
  let at = 0;
  let entered = 0;
  let refused = 0;
  const pass = (times: number): void => {
    for (let i = 0; i < times; i++) {
      at += 1;
      const now = INSTANTS[at] as number;
      visit.reset();
      if (doors.enter(HEAD, CALLERS[i % CALLERS.length]!, visit, now) !== null) {
        refused += 1;
        continue;
      }
      entered += 1;
      doors.leave(visit, i % 10 === 0 ? FAILURE : SUCCESS, now);
    }
  };
  expect(allocatedPer(pass)).toBeLessThan(NOTHING);
  expect(entered).toBeGreaterThan(0);
  expect(refused > 0).toBe(options !== NO_DOORS || lateMs > 0);
});
