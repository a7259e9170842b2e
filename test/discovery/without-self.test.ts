import { expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import type { ClusterSnapshot, DiscoverySource } from '../../src/cluster/snapshot.ts';
import { type IsSelf, WithoutSelf } from '../../src/discovery/without-self.ts';
import { namesOf, queryFor, specs } from '../support/endpoint-specs.ts';
import { ManualClock } from '../support/manual-clock.ts';

function follow(self: IsSelf | null = ({ port, host }) => host === '10.0.0.1' && port === 80) {
  const clock = new ManualClock();
  const inner = new Cell<ClusterSnapshot>(clock);
  const who = new Cell<IsSelf>(clock, self);
  const events: string[] = [];
  const log = { info: () => undefined, warn: (event: string) => void events.push(event), error: () => undefined };
  const source: DiscoverySource = { follow: () => inner };
  const ends = new AbortController();
  const watch = new WithoutSelf(source, who, log).follow(queryFor('orders'), ends.signal, 'cold');
  const heard: string[] = [];
  watch.subscribe(({ endpoints }) => void heard.push(namesOf(endpoints)));
  const answer = (names: string): void => inner.set({ service: 'orders', endpoints: specs(names), source: 'consul' });
  return { clock, inner, who, watch, heard, answer, events, ends };
}

it('leaves the sidecar itself out among others', () => {
  const { watch, heard, answer, events } = follow();
  expect(watch.value).toBe(null);
  answer('abc');
  answer('ab');
  expect(heard).toEqual(['bc', 'b']);
  expect(namesOf(watch.value!.endpoints)).toBe('b');
  expect(watch.problem).toBe(null);
  expect(events).toEqual([]);
});

it('keeps it when there is nobody else, and says so once each time', () => {
  const { watch, heard, answer, events } = follow();
  answer('a');
  answer('a');
  expect(watch.problem).toMatch(/own registration/);
  answer('ab');
  expect(watch.problem).toBe(null);
  answer('a');
  expect(heard).toEqual(['a', 'a', 'b', 'a']);
  expect(events).toEqual(['only_itself_to_call', 'only_itself_to_call']);
});

it('leaves it out as soon as it is known where the sidecar listens', () => {
  const { who, heard, answer } = follow(null);
  answer('ab');
  who.set(({ host }) => host === '10.0.0.1');
  who.set(({ host }) => host === '10.0.0.1');
  expect(heard).toEqual(['ab', 'b']);
});

it('tells nobody anew who has nothing to do with it', () => {
  const { who, heard, answer } = follow(null);
  answer('bc');
  who.set(({ host }) => host === '10.0.0.1');
  expect(heard).toEqual(['bc']);
});

it('takes an empty answer as it is', () => {
  const { watch, heard, answer, events } = follow();
  answer('');
  expect(heard).toEqual(['']);
  expect([watch.problem, events]).toEqual([null, []]);
});

it('is as fresh, and has the problems, of what it stands on', () => {
  const { watch, inner, answer, clock } = follow();
  answer('a');
  inner.fail('Consul is away');
  expect(watch.problem).toBe('Consul is away');
  clock.advance(50);
  inner.confirm();
  expect(watch.freshAt).toBe(clock.now());
});

it('hears nothing more when its time is over', () => {
  const { ends, heard, answer, who } = follow();
  answer('ab');
  ends.abort();
  answer('abc');
  who.set(() => false);
  expect(heard).toEqual(['b']);
});
