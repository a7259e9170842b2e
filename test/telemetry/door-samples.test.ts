import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Visit } from '../../src/policy/door.ts';
import { DEFAULT_OVERLOAD, OverloadGuard } from '../../src/policy/overload-guard.ts';
import { DEFAULT_THROTTLE } from '../../src/policy/throttle.ts';
import { makeDoors, NO_DOORS } from '../../src/route/doors/doors.ts';
import { doorSamples, overloadSamples } from '../../src/telemetry/door-samples.ts';
import type { Sample } from '../../src/telemetry/registry.ts';
import { evidence } from '../support/evidence.ts';
import { PEER, requestHead } from '../support/exchange-script.ts';

const random = new SeededRandom(1);
const labels = { direction: 'outbound', upstream: 'orders', protocol: 'http' } as const;
const guardOf = () => new OverloadGuard(DEFAULT_OVERLOAD, random, { onPressure: () => undefined });

function lines(samples: Iterable<Sample>): string[] {
  return [...samples].map(({ name, labels: values, value }) => `${name} ${values.join(' ')} ${value}`);
}

it('tells what was turned away, by limit and by how it was meant', () => {
  const limit = {
    name: 'all',
    requests: 2,
    windowMs: 1000,
    burst: 2,
    by: null,
    maxKeys: 1,
    path: null,
    methods: null,
    tells: 'limited',
  } as const;
  const rateLimits = [
    { ...limit, mode: 'enforce' },
    { ...limit, name: 'tight', requests: 1, burst: 1, mode: 'observe' },
  ] as const;
  const throttle = { ...DEFAULT_THROTTLE, minPerSecond: 0 };
  const door = makeDoors(guardOf(), { rateLimits, throttle }, random, null);
  const visit = new Visit();
  for (let i = 0; i < 5; i++) {
    visit.reset();
    if (door.enter(requestHead(), PEER, visit, 1000) === null) door.leave(visit, evidence('success'), 1000);
  }
  expect(lines(doorSamples({ labels, door }, 1000))).toEqual([
    'remora_rate_limited_total outbound orders all enforce 3',
    'remora_rate_limited_total outbound orders all observe 0',
    'remora_rate_limit_keys outbound orders all 1',
    'remora_rate_limit_evicted_total outbound orders all 0',
    'remora_rate_limited_total outbound orders tight enforce 0',
    'remora_rate_limited_total outbound orders tight observe 4',
    'remora_rate_limit_keys outbound orders tight 1',
    'remora_rate_limit_evicted_total outbound orders tight 0',
    'remora_throttled_total orders enforce 0',
    'remora_throttled_total orders observe 0',
    'remora_throttle_ratio orders 0',
  ]);
});

it('tells nothing of doors that are not there', () => {
  expect(lines(doorSamples({ labels, door: makeDoors(guardOf(), NO_DOORS, random, null) }, 1000))).toEqual([]);
});

it('tells how near the process is to its bounds', () => {
  const guard = guardOf();
  for (let i = 0; i < 5; i++) guard.sample(600, 0, 1, 1000 + i);
  guard.enter(null, PEER, new Visit(), 1000);
  guard.refusesConnection();
  expect(lines(overloadSamples(guard))).toEqual([
    'remora_overload_pressure loop 0.5',
    'remora_overload_pressure heap 0',
    'remora_overload_pressure sockets 1',
    ...['critical_plus', 'critical', 'sheddable_plus', 'sheddable'].flatMap((name) => [
      `remora_shed_total ${name} enforce 0`,
      `remora_shed_total ${name} observe 0`,
    ]),
    'remora_shed_total connection enforce 1',
  ]);
});
