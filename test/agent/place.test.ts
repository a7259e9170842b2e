import { expect, it } from 'vitest';
import { followPlace, type Place } from '../../src/agent/place.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { Cell } from '../../src/base/watch.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import type { IsSelf } from '../../src/discovery/without-self.ts';
import { agentParts } from '../support/agent-parts.ts';
import { FakeConsulApi } from '../support/fake-consul-api.ts';
import { settled } from '../support/settled.ts';

function setUp(zone: string | null, api: FakeConsulApi | null = new FakeConsulApi()) {
  const { parts, clock, consul, services } = agentParts({ hasConsul: api !== null });
  const self = new Cell<IsSelf>(clock);
  const ends = new AbortController();
  const seeker = { clock, random: parts.random, log: NO_LOG };
  const place = followPlace({ name: 'web', zone }, api, parts.sources, self, seeker, ends.signal);
  const seen: (Place | null)[] = [];
  place.subscribe((value) => void seen.push(value));
  return { clock, consul, services, self, ends, place, seen, api };
}

it('is what the file says, and asks no agent', async () => {
  const { place, api } = setUp('a');
  api!.ownZone = 'b';
  await settled();
  expect(place.value).toEqual({ zone: 'a', callers: null });
});

it('is what the agent says when the file says nothing, however late', async () => {
  const api = new FakeConsulApi();
  api.failures.push(new ConsulError('connection refused'), new ConsulError('no leader', 500));
  api.ownZone = 'b';
  const { place, clock } = setUp(null, api);
  await settled();
  expect(place.value).toEqual({ zone: null, callers: null });
  for (let i = 0; i < 3; i++) {
    clock.advance(10_000);
    await settled();
  }
  expect(place.value).toEqual({ zone: 'b', callers: null });
});

it('is unknown, and no siblings are asked for, where nobody says', async () => {
  const { place, consul } = setUp(null);
  await settled();
  expect([place.value, consul.asked.length]).toEqual([{ zone: null, callers: null }, 0]);
  expect(setUp(null, null).place.value).toEqual({ zone: null, callers: null });
});

it('counts the healthy siblings of each zone, and this sidecar once', () => {
  const { place, consul, self, seen } = setUp('a');
  expect(consul.asked.map(({ query }) => query.service)).toEqual(['web']);
  const inZones = (zones: string, health: 'passing' | 'critical' = 'passing') =>
    [...zones].map((zone) => ({ zone: zone === '-' ? null : zone, health }));
  consul.answer(0, 'mnop', inZones('abb-'));
  expect(place.value!.callers).toEqual(
    new Map([
      ['a', 2],
      ['b', 2],
    ]),
  );
  self.set(({ id }) => id.endsWith('m'));
  expect(place.value!.callers!.get('a')).toBe(1);
  const before = seen.length;
  consul.answer(0, 'mnop', inZones('abb-'));
  expect(seen.length).toBe(before);
  consul.answer(0, 'mn', inZones('ab', 'critical'));
  expect(place.value!.callers).toEqual(new Map([['a', 1]]));
});

it('does not take a service that is not in Consul for one that nobody calls from', () => {
  const { place, consul } = setUp('a');
  consul.answer(0, '');
  expect(place.value).toEqual({ zone: 'a', callers: null });
});
