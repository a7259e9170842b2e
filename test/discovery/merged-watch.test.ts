import { expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import type { ClusterSnapshot, EndpointSpec } from '../../src/cluster/snapshot.ts';
import { MergedWatch } from '../../src/discovery/merged-watch.ts';
import { namesOf, spec, specs } from '../support/endpoint-specs.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp(subset: { readonly tags: readonly string[]; readonly meta: object } | null = null, targets = 2) {
  const clock = new ManualClock();
  const ends = new AbortController();
  const names = ['orders', 'orders@dc2', 'orders-eu'].slice(0, targets);
  const cells = names.map(() => new Cell<ClusterSnapshot>(clock));
  const watch = new MergedWatch(
    names.map((name, i) => ({ name, watch: cells[i]!, subset: i === 0 ? (subset as never) : null })),
    clock,
    ends.signal,
  );
  const heard: string[] = [];
  watch.subscribe(({ endpoints }) => void heard.push(namesOf(endpoints)));
  const answer = (target: number, endpoints: readonly EndpointSpec[], source = 'consul'): void =>
    cells[target]!.set({ service: 'orders', endpoints, source });
  const levels = () =>
    Object.fromEntries((watch.value?.endpoints ?? []).map(({ id, priority }) => [id.at(-1), priority]));
  return { clock, ends, cells, watch, heard, answer, levels };
}

it('makes each target a level, in their order', () => {
  const { answer, levels, watch } = setUp();
  answer(0, specs('ab'));
  answer(1, specs('cd'), 'disk');
  expect(levels()).toEqual({ a: 0, b: 0, c: 1, d: 1 });
  expect([watch.value!.source, watch.value!.service, watch.problem]).toEqual(['consul+disk', 'orders', null]);
});

it('has a value as soon as the first target has somebody healthy', () => {
  const { answer, heard } = setUp();
  answer(0, specs('ab'));
  expect(heard).toEqual(['ab']);
  answer(1, specs('c'));
  expect(heard).toEqual(['ab', 'abc']);
});

it('takes what a target says later at once, be it nothing', () => {
  const { answer, heard } = setUp();
  answer(0, specs('ab'));
  answer(0, []);
  expect(heard).toEqual(['ab', '']);
});

it.each([
  ['nobody', []],
  ['nobody healthy', [spec('a', { health: 'critical' })]],
])('waits for the other targets when the first has %s', (_what, endpoints) => {
  const { answer, heard } = setUp();
  answer(0, endpoints);
  expect(heard).toEqual([]);
  answer(1, specs('c'));
  expect(heard).toEqual([`${namesOf(endpoints)}c`]);
});

it('waits a second for the first target and then goes on without it, until it answers', () => {
  const { clock, answer, heard, watch, cells, levels } = setUp();
  cells[0]!.fail('No path to datacenter');
  answer(1, specs('c'));
  clock.advance(990);
  expect(heard).toEqual([]);
  clock.advance(20);
  expect([heard, levels()]).toEqual([['c'], { c: 1 }]);
  expect(watch.problem).toBe('orders: No path to datacenter');
  answer(0, specs('a'));
  expect([heard, watch.problem]).toEqual([['c', 'ac'], null]);
});

it('has a value with the first answer when the grace is over', () => {
  const { clock, answer, heard, watch } = setUp();
  clock.advance(5_000);
  expect([heard, watch.value, watch.freshAt]).toEqual([[], null, 0]);
  answer(1, specs('c'));
  expect(heard).toEqual(['c']);
  expect(watch.problem).toBe('orders: no answer yet');
});

it('keeps what each target said last, and names the one that fails', () => {
  const { clock, answer, cells, watch, levels } = setUp(null, 3);
  answer(0, specs('a'));
  answer(1, specs('b'));
  clock.advance(2_000);
  answer(2, specs('c'));
  cells[1]!.fail('no leader');
  answer(0, []);
  expect(levels()).toEqual({ b: 1, c: 2 });
  expect(watch.problem).toBe('orders@dc2: no leader');
  expect(watch.freshAt).toBe(clock.now() - 2_000);
});

it('gives an endpoint that two targets find to the first', () => {
  const { answer, levels } = setUp();
  answer(1, specs('ab'));
  answer(0, specs('b'));
  expect(levels()).toEqual({ b: 0, a: 1 });
});

it('shows the subset of a target alone', () => {
  const { answer, levels } = setUp({ tags: ['v2'], meta: { stage: 'beta' } });
  const beta = { tags: ['v1', 'v2'], meta: { stage: 'beta' } };
  answer(1, specs('x'));
  answer(0, [spec('a', beta), spec('b', { ...beta, tags: ['v1'] }), spec('c', { ...beta, meta: {} })]);
  expect(levels()).toEqual({ a: 0, x: 1 });
});

it('leaves a single target the levels it has', () => {
  const { answer, levels, cells, watch } = setUp({ tags: [], meta: {} }, 1);
  answer(0, [spec('a'), spec('b', { priority: 3 })]);
  expect(levels()).toEqual({ a: 0, b: 3 });
  cells[0]!.fail('no leader');
  expect(watch.problem).toBe('no leader');
});

it('hears nothing any more when it is over', () => {
  const { clock, ends, answer, heard } = setUp();
  answer(1, specs('c'));
  ends.abort();
  answer(0, specs('a'));
  clock.advance(2_000);
  expect(heard).toEqual([]);
});
