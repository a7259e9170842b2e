import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { type LensSpec, lensesInside } from '../../src/cluster/lens.ts';
import type { BalancerOptions } from '../../src/cluster/options.ts';
import type { Balancer } from '../../src/cluster/picker.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { FAILURE } from '../support/evidence.ts';
import { IdleConnector, pickContext, spec } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

function make(balancer?: Balancer) {
  const clock = new ManualClock();
  const random = new SeededRandom(11);
  const connectors = new Map<string, IdleConnector[]>();
  const changes: string[] = [];
  const tasks: (() => void)[] = [];
  const cluster = new Cluster({
    name: 'orders',
    options: { balancer: { name: 'round_robin' }, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses: [] },
    balancer: balancer ?? makeBalancer({ name: 'round_robin' }, random),
    connectorFactory: ({ id }) => {
      const connector = new IdleConnector();
      connectors.set(id, [...(connectors.get(id) ?? []), connector]);
      return connector;
    },
    clock,
    random,
    listener: { onBreakerChange: (endpoint, from, to) => void changes.push(`${endpoint.id} ${from} ${to}`) },
    later: (task) => void tasks.push(task),
  });
  const apply = (...endpoints: EndpointSpec[]) => cluster.apply({ service: 'orders', endpoints, source: 'test' });
  const picks = () => {
    const ids = new Set<string>();
    for (let i = 0; i < 100; i++) ids.add(cluster.pick(pickContext({ now: clock.now() }))?.id ?? 'none');
    return [...ids].sort();
  };
  const find = (id: string) => [...cluster.endpoints].find((endpoint) => endpoint.id === id)!;
  return { cluster, clock, connectors, changes, tasks, apply, picks, find };
}

function trip(endpoint: ReturnType<ReturnType<typeof make>['find']>): void {
  for (let i = 0; i < 5; i++) endpoint.gate.settle(endpoint.gate.admit(1000), FAILURE, 1000);
}

/** Builds a round-robin picker, but in as many slices as there are endpoints, each of which takes 3 ms. */
function slow(clock: () => ManualClock): Balancer {
  const inner = makeBalancer({ name: 'round_robin' }, new SeededRandom(1));
  return {
    name: 'slow',
    *build(endpoints) {
      for (const _ of endpoints) {
        clock().advance(3);
        yield;
      }
      return yield* inner.build(endpoints);
    },
  };
}

const EVERYONE: LensSpec = { key: 'everyone', matches: () => true, otherwise: null, balancer: null };

describe('Cluster', () => {
  it("finishes what it builds although somebody's health changes all the time", () => {
    const made = make(slow(() => made.clock));
    const { cluster, tasks, apply, picks, find } = made;
    const all = [...'abcdefgh'].map((id) => spec(id));
    const turn = (): void => {
      for (const task of tasks.splice(0)) task();
    };
    apply(...all);
    for (let i = 0; i < 10; i++) turn();
    apply(...all.slice(1));
    for (let i = 0; i < 20; i++) {
      find('h').isProbedDown = i % 2 === 0;
      cluster.onHealthChange();
      turn();
    }
    expect(picks()).not.toContain('a');
    for (let i = 0; i < 20; i++) turn();
    expect(picks()).toEqual([...'bcdefgh']);
    find('h').isProbedDown = true;
    cluster.onHealthChange();
    for (let i = 0; i < 20; i++) turn();
    expect(picks()).toEqual([...'bcdefg']);
    expect(tasks).toEqual([]);
  });

  it('waits for discovery before its first snapshot', () => {
    const { cluster } = make();
    const context = pickContext();
    expect(cluster.hasSnapshot).toBe(false);
    expect(cluster.pick(context)).toBeNull();
    expect(context.refusal).toBe('discovery_pending');
  });

  it('has no endpoint after an empty snapshot', () => {
    const { cluster, apply } = make();
    apply();
    const context = pickContext();
    expect(cluster.hasSnapshot).toBe(true);
    expect(cluster.pick(context)).toBeNull();
    expect(context.refusal).toBe('no_endpoint');
  });

  it('picks what is passing or warning, and knows the others', () => {
    const { cluster, apply, picks } = make();
    apply(
      spec('a'),
      spec('b', { health: 'warning' }),
      spec('c', { health: 'maintenance' }),
      spec('d', { health: 'critical' }),
    );
    expect(picks()).toEqual(['a', 'b']);
    expect([...cluster.endpoints].map((endpoint) => endpoint.id)).toEqual(['a', 'b', 'c', 'd']);
    expect(cluster.size).toBe(4);
  });

  it('picks from the critical when nobody is better, never from maintenance, and no longer than it must', () => {
    const { cluster, apply, picks, find } = make();
    const rest = [spec('b', { health: 'critical' }), spec('c', { health: 'maintenance' })];
    apply(spec('a', { health: 'critical' }), ...rest);
    expect(picks()).toEqual(['a', 'b']);
    expect(cluster.criticalParts).toEqual(['']);
    trip(find('a'));
    expect(picks()).toEqual(['b']);
    apply(spec('a', { health: 'critical' }), ...rest, spec('d', { health: 'warning' }));
    expect(picks()).toEqual(['d']);
    expect(cluster.criticalParts).toEqual([]);
  });

  it('has no endpoint when all are in maintenance', () => {
    const { cluster, apply, picks } = make();
    apply(spec('a', { health: 'maintenance' }));
    expect(picks()).toEqual(['none']);
    expect(cluster.criticalParts).toEqual([]);
  });

  it('says that circuits are open when all are', () => {
    const { cluster, apply, find, changes } = make();
    apply(spec('a'), spec('b'));
    trip(find('a'));
    trip(find('b'));
    const context = pickContext({ now: 1001 });
    expect(cluster.pick(context)).toBeNull();
    expect(context.refusal).toBe('circuit_open');
    expect(changes).toEqual(['a closed open', 'b closed open']);
  });

  describe('apply', () => {
    it('keeps circuit, latency, attempts in flight and connector of an identity that stays', () => {
      const { apply, find, connectors } = make();
      apply(spec('a'), spec('b'));
      const endpoint = find('a');
      trip(endpoint);
      endpoint.active = 3;
      apply(spec('b'), spec('a', { weight: 7, tags: ['v2'] }));
      expect(find('a')).toBe(endpoint);
      expect(endpoint.gate.state).toBe('open');
      expect(endpoint.spec.tags).toEqual(['v2']);
      expect(endpoint.spec.weight).toBe(7);
      expect(connectors.get('a')).toHaveLength(1);
      expect(connectors.get('a')![0]!.retired).toBe(0);
    });

    it('keeps them through maintenance and back', () => {
      const { apply, find, picks, connectors } = make();
      apply(spec('a'), spec('b'));
      const endpoint = find('a');
      apply(spec('a', { health: 'critical' }), spec('b'));
      expect(picks()).toEqual(['b']);
      expect([endpoint.isRemoved, connectors.get('a')![0]!.retired]).toEqual([false, 0]);
      apply(spec('a'), spec('b'));
      expect(find('a')).toBe(endpoint);
      expect(picks()).toEqual(['a', 'b']);
    });

    it('picks by the new weights', () => {
      const { cluster, apply } = make();
      apply(spec('a'), spec('b'));
      apply(spec('a', { weight: 9 }), spec('b'));
      let heavy = 0;
      for (let i = 0; i < 1000; i++) if (cluster.pick(pickContext())!.id === 'a') heavy++;
      expect(Math.abs(heavy - 900)).toBeLessThanOrEqual(1);
    });

    it('retires what is gone, once, and forgets what it learned', () => {
      const { apply, find, picks, connectors } = make();
      apply(spec('a'), spec('b'));
      const gone = find('a');
      trip(gone);
      apply(spec('b'));
      apply(spec('b'));
      expect([gone.isRemoved, connectors.get('a')![0]!.retired]).toEqual([true, 1]);
      expect(picks()).toEqual(['b']);
      apply(spec('a'), spec('b'));
      expect(find('a')).not.toBe(gone);
      expect(find('a').gate.state).toBe('closed');
      expect(connectors.get('a')![1]!.retired).toBe(0);
    });

    it('takes an identity that is named twice once', () => {
      const { cluster, apply } = make();
      apply(spec('a', { weight: 2 }), spec('a', { weight: 3 }));
      expect(cluster.size).toBe(1);
      expect([...cluster.endpoints][0]!.spec.weight).toBe(2);
    });

    it('counts in flight for the pickers that it has, and not for those it had', () => {
      const options: BalancerOptions = { name: 'ring_hash', boundedLoad: 1.25 };
      const { cluster, apply, find, picks } = make(makeBalancer(options, new SeededRandom(1)));
      const tallies = () => [...cluster.endpoints].map(({ inFlight }) => inFlight.tallyCount);
      apply(spec('gone'), spec('a'));
      picks();
      const { inFlight } = find('gone');
      for (let weight = 1; weight < 10; weight++) {
        apply(spec('a', { weight }), spec('b'));
        picks();
      }
      apply(spec('a', { weight: 9, tags: ['v2'] }), spec('b'));
      expect([tallies(), inFlight.tallyCount]).toEqual([[1, 1], 0]);
    });

    it('does not disturb the picker when nothing changed that it was built from', () => {
      const builds: number[] = [];
      const inner = makeBalancer({ name: 'round_robin' }, new SeededRandom(1));
      const { apply } = make({
        name: 'counting',
        build: (endpoints) => {
          builds.push(endpoints.length);
          return inner.build(endpoints);
        },
      });
      apply(spec('a'), spec('b', { health: 'critical' }));
      apply(spec('a', { tags: ['v2'] }), spec('c', { health: 'maintenance' }));
      expect(builds).toEqual([1]);
      apply(spec('a', { weight: 2 }));
      expect(builds).toEqual([1, 1]);
    });

    it('builds again when a level, a zone or who may be used has changed, and at the same health of others not', () => {
      let builds = 0;
      const inner = makeBalancer({ name: 'round_robin' }, new SeededRandom(1));
      const { apply } = make({
        name: 'counting',
        build: (endpoints) => {
          builds += 1;
          return inner.build(endpoints);
        },
      });
      const buildsOf = (...specs: EndpointSpec[]): number => {
        builds = 0;
        apply(...specs);
        return builds;
      };
      expect(buildsOf(spec('a'), spec('b'))).toBe(1);
      expect(buildsOf(spec('a'), spec('b', { priority: 1 }))).toBe(2);
      expect(buildsOf(spec('a'), spec('b', { priority: 1 }))).toBe(0);
      expect(buildsOf(spec('a', { health: 'warning' }), spec('b', { priority: 1 }))).toBe(0);
      expect(buildsOf(spec('a', { zone: 'eu' }), spec('b', { priority: 1 }))).toBe(2);
      // The first level has lost a half of what it had, and so its share, though nothing else.
      expect(buildsOf(spec('a', { zone: 'eu' }), spec('b', { priority: 1 }), spec('c', { health: 'critical' }))).toBe(
        2,
      );
    });

    it('fails over to the next level and comes back, and keeps what it knows of both', () => {
      const { cluster, apply, picks, find } = make();
      apply(spec('a'), spec('b', { priority: 1 }));
      const [a, b] = [find('a'), find('b')];
      expect(picks()).toEqual(['a']);
      apply(spec('a', { health: 'critical' }), spec('b', { priority: 1 }));
      expect([picks(), cluster.criticalParts]).toEqual([['b'], []]);
      expect(cluster.spills.toLevels).toBe(100);
      apply(spec('a'), spec('b', { priority: 1 }));
      expect(picks()).toEqual(['a']);
      expect([find('a'), find('b')]).toEqual([a, b]);
      apply(spec('a', { health: 'critical' }), spec('b', { priority: 1, health: 'critical' }));
      expect([picks(), cluster.criticalParts]).toEqual([['a'], ['']]);
      trip(a);
      expect(picks()).toEqual(['b']);
    });

    it('is in panic when it is told to be, and says so', () => {
      const { cluster, apply, picks } = make();
      apply(spec('a'), spec('b', { health: 'critical' }), spec('c', { health: 'critical' }));
      expect([picks(), cluster.isPanic]).toEqual([['a'], false]);
      cluster.reconfigure({ ...cluster.options, tree: { ...DEFAULT_TREE, panic: 0.5 } }, null);
      expect([picks(), cluster.isPanic]).toEqual([['a', 'b', 'c'], true]);
      expect(cluster.places).toEqual([{ level: 0, zone: null, healthy: 1, total: 3, share: 100, isPanic: true }]);
    });

    it('tells its listeners after every swap, until they have had enough', () => {
      const { cluster, apply } = make();
      const heard: boolean[] = [];
      const stop = cluster.onApply(() => void heard.push(cluster.hasSnapshot));
      apply(spec('a'));
      apply(spec('a'));
      stop();
      apply(spec('b'));
      expect(heard).toEqual([true, true]);
    });
  });

  describe('with a picker that takes long to build', () => {
    function makeSlow() {
      const made: ReturnType<typeof make> = make(slow(() => made.clock));
      return made;
    }

    function runTasks(tasks: (() => void)[]): void {
      while (tasks.length > 0) tasks.shift()!();
    }

    it('lets others run after some ms, and is not ready before the first is built', () => {
      const { cluster, apply, tasks, clock, picks } = makeSlow();
      apply(spec('a'), spec('b'), spec('c'), spec('d'));
      expect([cluster.hasSnapshot, tasks.length, clock.now()]).toEqual([false, 1, 1006]);
      runTasks(tasks);
      expect(cluster.hasSnapshot).toBe(true);
      expect(picks()).toEqual(['a', 'b', 'c', 'd']);
    });

    it('answers with the old picker meanwhile, and retires nothing that it may pick', () => {
      const { apply, tasks, picks, connectors, find } = makeSlow();
      apply(spec('a'));
      const a = find('a');
      apply(spec('b'), spec('c'), spec('d'));
      expect(picks()).toEqual(['a']);
      expect([a.isRemoved, connectors.get('a')![0]!.retired]).toEqual([false, 0]);
      runTasks(tasks);
      expect(picks()).toEqual(['b', 'c', 'd']);
      expect([a.isRemoved, connectors.get('a')![0]!.retired]).toEqual([true, 1]);
    });

    it('drops a build that a newer snapshot overtakes', () => {
      const { apply, tasks, picks, connectors } = makeSlow();
      apply(spec('a'), spec('b'), spec('c'));
      apply(spec('d'));
      expect(picks()).toEqual(['d']);
      runTasks(tasks);
      expect(picks()).toEqual(['d']);
      for (const id of ['a', 'b', 'c']) expect(connectors.get(id)![0]!.retired).toBe(1);
      expect(connectors.get('d')![0]!.retired).toBe(0);
    });

    it('builds again for a snapshot equal to the one whose build it drops', () => {
      const { apply, tasks, picks } = makeSlow();
      apply(spec('a'));
      apply(spec('b'), spec('c'), spec('d'));
      apply(spec('a'));
      runTasks(tasks);
      expect(picks()).toEqual(['a']);
    });

    it('does not take the old picker for that of a build in progress', () => {
      const { apply, tasks, picks } = makeSlow();
      apply(spec('a'));
      apply(spec('b'), spec('c'), spec('d'));
      apply(spec('b'), spec('c'), spec('d'));
      runTasks(tasks);
      expect(picks()).toEqual(['b', 'c', 'd']);
    });

    it('goes on with its build when a newer snapshot asks for the same', () => {
      const { apply, tasks, picks, connectors } = makeSlow();
      apply(spec('a'));
      apply(spec('b'), spec('c'), spec('d'));
      for (let i = 0; i < 10; i++) {
        apply(spec('b', { tags: [`${i}`] }), spec('c'), spec('d'));
        tasks.shift()?.();
      }
      expect([picks(), tasks.length, connectors.get('a')![0]!.retired]).toEqual([['b', 'c', 'd'], 0, 1]);
    });

    it('stops building when it is superseded', () => {
      const { cluster, apply, tasks, connectors } = makeSlow();
      apply(spec('a'), spec('b'), spec('c'));
      cluster.supersede(null);
      runTasks(tasks);
      expect(cluster.hasSnapshot).toBe(false);
      for (const [connector] of connectors.values()) expect(connector!.retired).toBe(1);
    });
  });

  describe('supersede', () => {
    it('retires every pool and takes no more snapshots, but picks for who holds it still', () => {
      const { cluster, apply, connectors, find, picks } = make();
      apply(spec('a'), spec('b'));
      const a = find('a');
      cluster.supersede(null);
      cluster.supersede(null);
      apply(spec('c'));
      expect(picks()).toEqual(['a', 'b']);
      expect([a.isRemoved, connectors.get('a')![0]!.retired, connectors.get('b')![0]!.retired]).toEqual([true, 1, 1]);
      expect(connectors.has('c')).toBe(false);
    });

    it('sends on to its successor who waited for its first snapshot', () => {
      const { cluster, picks } = make();
      const next = make();
      next.apply(spec('n'));
      cluster.supersede(next.cluster);
      expect(picks()).toEqual(['n']);
    });

    it('leads from its parts to the same ones of its successor, and to that one’s', () => {
      const [before, next, last] = [make(), make(), make()];
      for (const { cluster } of [before, next, last])
        cluster.reconfigure({ ...cluster.options, lenses: [EVERYONE] }, null);
      for (const [{ apply }, name] of [
        [before, 'a'],
        [next, 'c'],
        [last, 'e'],
      ] as const)
        apply(spec(name));
      const lens = before.cluster.lensOf(EVERYONE.key);
      before.cluster.supersede(next.cluster);
      next.cluster.supersede(last.cluster);
      expect(before.cluster.pick({ ...pickContext(), lens })?.id).toBe('e');
      last.cluster.supersede(null);
      expect(before.cluster.pick({ ...pickContext(), lens })?.id).toBe('e');
    });

    it('sends on who waited for a part of it to the same part of its successor', () => {
      const lens = (key: string): LensSpec => ({
        key,
        matches: ({ tags }) => tags.includes(key),
        otherwise: null,
        balancer: null,
      });
      const { cluster } = make();
      cluster.reconfigure({ ...cluster.options, lenses: [lens('primary'), lens('gone')] }, null);
      const [primary, gone] = [cluster.lensOf('primary'), cluster.lensOf('gone')];
      const next = make();
      next.cluster.reconfigure({ ...next.cluster.options, lenses: [lens('primary')] }, null);
      next.apply(spec('n'), spec('p', { tags: ['primary'] }));
      cluster.supersede(next.cluster);
      const context = pickContext({ lens: primary });
      expect([cluster.pick(context)?.id, cluster.pick(context)?.id]).toEqual(['p', 'p']);
      const lost = pickContext({ lens: gone });
      expect([cluster.pick(lost), lost.refusal, lost.lens]).toEqual([null, 'no_endpoint', gone]);
    });

    it('has no endpoint when there is neither a snapshot nor a successor', () => {
      const { cluster } = make();
      cluster.supersede(null);
      const context = pickContext();
      expect(cluster.pick(context)).toBeNull();
      expect(context.refusal).toBe('no_endpoint');
    });
  });

  describe('reconfigure', () => {
    it('keeps circuits and connectors, and judges by the new options', () => {
      const { cluster, apply, find, connectors, changes } = make();
      apply(spec('a'), spec('b'));
      trip(find('a'));
      cluster.reconfigure({ ...cluster.options, breaker: { ...DEFAULT_BREAKER, consecutiveFailures: 1 } }, null);
      expect(find('a').gate.state).toBe('open');
      const { gate } = find('b');
      gate.settle(gate.admit(1000), FAILURE, 1000);
      expect(changes).toEqual(['a closed open', 'b closed open']);
      expect(connectors.get('a')).toHaveLength(1);
      apply(spec('a'), spec('c'));
      const added = find('c').gate;
      added.settle(added.admit(1000), FAILURE, 1000);
      expect(added.state).toBe('open');
    });

    it('chooses by the new balancer among the same endpoints', () => {
      const { cluster, apply, find, picks } = make();
      apply(spec('a'), spec('b', { health: 'critical' }), spec('c'));
      const a = find('a');
      const first: Balancer = {
        name: 'first',
        *build(endpoints) {
          return { pick: () => endpoints[0] ?? null };
        },
      };
      cluster.reconfigure({ ...cluster.options, balancer: { name: 'random' } }, first);
      expect(picks()).toEqual(['a']);
      expect(find('a')).toBe(a);
      expect(cluster.options.balancer.name).toBe('random');
      apply(spec('c'), spec('a'));
      expect(picks()).toEqual(['c']);
    });

    it('needs no snapshot', () => {
      const { cluster, apply, picks } = make();
      cluster.reconfigure(cluster.options, makeBalancer({ name: 'random' }, new SeededRandom(1)));
      expect(cluster.hasSnapshot).toBe(false);
      apply(spec('a'));
      expect(picks()).toEqual(['a']);
    });
  });

  describe('with lenses', () => {
    const tagged = (tag: string, otherwise: string | null = null): LensSpec => ({
      key: tag,
      matches: ({ tags }) => tags.includes(tag),
      otherwise,
      balancer: null,
    });

    it('shows each its part, and follows a tag that moves without a word about anything else', () => {
      const { cluster, apply, find } = make();
      cluster.reconfigure({ ...cluster.options, lenses: [tagged('primary'), tagged('replica', 'primary')] }, null);
      const seenBy = (key: string) => cluster.pick(pickContext({ lens: cluster.lensOf(key) }))?.id ?? null;
      const primary = cluster.lensOf('primary');
      apply(spec('a', { tags: ['primary'] }), spec('b', { tags: ['replica'] }));
      expect([seenBy('primary'), seenBy('replica')]).toEqual(['a', 'b']);
      const a = find('a');
      apply(spec('a', { tags: ['replica'] }), spec('b', { tags: ['primary'] }));
      expect([seenBy('primary'), seenBy('replica')]).toEqual(['b', 'a']);
      expect(find('a')).toBe(a);
      apply(spec('b', { tags: ['primary'] }));
      expect([seenBy('primary'), seenBy('replica')]).toEqual(['b', 'b']);
      apply(spec('a'));
      expect([seenBy('primary'), seenBy('replica')]).toEqual([null, null]);
      expect(cluster.lensOf('primary')).toBe(primary);
    });

    it('uses of each part so many as a subset has, however few of the whole that are', () => {
      const options: BalancerOptions = { name: 'random', subsetSize: 2 };
      const { cluster, apply } = make(makeBalancer(options, new SeededRandom(1), 'web-1'));
      cluster.reconfigure({ ...cluster.options, lenses: [tagged('x'), tagged('y')] }, null);
      const named = (tag: string, n: number) =>
        Array.from({ length: n }, (_, i) => spec(`${tag}${i}`, { tags: [tag] }));
      apply(...named('other', 50), ...named('x', 5), ...named('y', 1));
      const seenBy = (key: string | null) => {
        const lens = key === null ? null : cluster.lensOf(key);
        return new Set(Array.from({ length: 100 }, () => cluster.pick(pickContext({ lens }))!.id));
      };
      expect([seenBy(null).size, seenBy('x').size, [...seenBy('y')]]).toEqual([2, 2, ['y0']]);
    });

    it('knows levels within a part: it fails over when its own first level is down, whatever the whole has', () => {
      const { cluster, apply } = make();
      cluster.reconfigure({ ...cluster.options, lenses: [tagged('x')] }, null);
      const down = { health: 'critical' } as const;
      apply(spec('a'), spec('x1', { tags: ['x'], ...down }), spec('x2', { tags: ['x'], priority: 1 }));
      expect(cluster.pick(pickContext({ lens: cluster.lensOf('x') }))?.id).toBe('x2');
    });

    it('picks from the critical of a part in which nobody is better, and not where another part stands in for it', () => {
      const { cluster, apply } = make();
      cluster.reconfigure(
        { ...cluster.options, lenses: [tagged('x'), tagged('primary'), tagged('replica', 'primary')] },
        null,
      );
      const seenBy = (key: string) => cluster.pick(pickContext({ lens: cluster.lensOf(key) }))?.id ?? null;
      const sick = { health: 'critical' } as const;
      apply(
        spec('a', { tags: ['x'], ...sick }),
        spec('p', { tags: ['primary'] }),
        spec('r', { tags: ['replica'], ...sick }),
      );
      expect([seenBy('x'), seenBy('replica'), cluster.criticalParts]).toEqual(['a', 'p', ['x']]);
      apply(spec('p', { tags: ['primary'], ...sick }), spec('r', { tags: ['replica'], ...sick }), spec('b'));
      expect([seenBy('primary'), seenBy('replica'), cluster.criticalParts]).toEqual(['p', 'r', ['primary', 'replica']]);
    });

    it('does without the critical of a part whose peers are well, and not when they are sick too', () => {
      const { cluster, apply } = make();
      const primary = { ...tagged('primary'), peers: () => true };
      const shard = tagged('b');
      cluster.reconfigure({ ...cluster.options, lenses: [primary, shard, ...lensesInside(shard, [primary])] }, null);
      const seenBy = (key: string) => cluster.pick(pickContext({ lens: cluster.lensOf(key) }))?.id ?? null;
      const sick = { health: 'critical' } as const;
      apply(spec('p', { tags: ['primary', 'b'], ...sick }), spec('r', { tags: ['b'] }), spec('x'));
      expect([seenBy('primary'), seenBy('b/primary')]).toEqual([null, null]);
      apply(spec('p', { tags: ['primary', 'b'], ...sick }), spec('r', { tags: ['b'], ...sick }), spec('x'));
      expect([seenBy('primary'), seenBy('b/primary')]).toEqual([null, 'p']);
      apply(spec('p', { tags: ['primary', 'b'], ...sick }), spec('r', { tags: ['b'], ...sick }));
      expect([seenBy('primary'), seenBy('b/primary')]).toEqual(['p', 'p']);
    });

    it('leaves a part of which nobody is healthy to the one that stands in for it, in panic too', () => {
      const { cluster, apply } = make();
      const tree = { ...DEFAULT_TREE, panic: 0.5 };
      cluster.reconfigure(
        { ...cluster.options, tree, lenses: [tagged('primary'), tagged('replica', 'primary')] },
        null,
      );
      apply(spec('p', { tags: ['primary'] }), spec('r', { tags: ['replica'], health: 'critical' }));
      expect(cluster.pick(pickContext({ lens: cluster.lensOf('replica') }))?.id).toBe('p');
    });

    it('keeps the last picker of one that it has no longer, and the identity of one that it still has', () => {
      const { cluster, apply } = make();
      cluster.reconfigure({ ...cluster.options, lenses: [tagged('old'), tagged('both')] }, null);
      const [old, both] = [cluster.lensOf('old'), cluster.lensOf('both')];
      apply(spec('a', { tags: ['old'] }), spec('b', { tags: ['both', 'new'] }));
      cluster.reconfigure({ ...cluster.options, lenses: [tagged('both'), tagged('new')] }, null);
      expect(cluster.lensOf('both')).toBe(both);
      expect(cluster.pick(pickContext({ lens: cluster.lensOf('new') }))?.id).toBe('b');
      expect(cluster.pick(pickContext({ lens: old }))?.id).toBe('a');
    });
  });
});
