import { describe, expect, it } from 'vitest';
import type { Log } from '../../src/base/log.ts';
import { Cell } from '../../src/base/watch.ts';
import { type RoleRule, type RoleWitness, roleInText } from '../../src/cluster/role.ts';
import type { ClusterSnapshot, EndpointSpec } from '../../src/cluster/snapshot.ts';
import type { KvDocument } from '../../src/discovery/kv.ts';
import { RoleSource } from '../../src/discovery/role-source.ts';
import { queryFor, spec } from '../support/endpoint-specs.ts';
import { ManualClock } from '../support/manual-clock.ts';

const WORDS = { primary: 'primary', replica: 'replica' };

function scene(from: RoleWitness, kind: RoleRule['kind'] = 'primary_replica') {
  const clock = new ManualClock();
  const listed = new Cell<ClusterSnapshot>(clock);
  const lock = new Cell<KvDocument>(clock);
  const asked: string[] = [];
  const events: string[] = [];
  const note = (event: string): void => void events.push(event);
  const log: Log = { debug: note, info: note, warn: note, error: note } as unknown as Log;
  const locks = {
    follow: (key: string) => {
      asked.push(key);
      return lock;
    },
  };
  const abort = new AbortController();
  const source = new RoleSource({ follow: () => listed }, locks, log);
  const watch = source.follow(
    queryFor('db', { roles: { kind, from, words: WORDS, lag: { kind: 'meta', key: 'lag' } } }),
    abort.signal,
    'cold',
  );
  const heard: string[] = [];
  const roles = (): string =>
    watch.value!.endpoints.map(({ id, role }) => `${id.at(-1)}:${role?.[0] ?? '-'}`).join(' ');
  watch.subscribe(() => heard.push(roles()));
  const list = (...endpoints: readonly EndpointSpec[]): void =>
    listed.set({ service: 'db', source: 'consul', endpoints });
  const hold = (text: string | null, isHeld = true): void => lock.set({ key: 'k', text, isHeld, revision: '1' });
  return { watch, listed, lock, list, hold, roles, heard, asked, events, abort };
}

const primary = (name: string, more: Partial<EndpointSpec> = {}) => spec(name, { tags: ['primary'], ...more });
const replica = (name: string, more: Partial<EndpointSpec> = {}) => spec(name, { tags: ['replica', 'x'], ...more });

describe('roles', () => {
  it('are left alone where nobody asks for them', () => {
    const listed = new Cell<ClusterSnapshot>(new ManualClock());
    const source = new RoleSource({ follow: () => listed }, null, {} as Log);
    expect(source.follow(queryFor('db'), new AbortController().signal, 'cold')).toBe(listed);
  });

  it('are told by tags; who has none or both has no role', () => {
    const { list, roles } = scene({ kind: 'tag' });
    list(primary('a'), replica('b'), spec('c'), spec('d', { tags: ['primary', 'replica'] }));
    expect(roles()).toBe('a:p b:r c:- d:-');
  });

  it('are told by metadata', () => {
    const { list, roles } = scene({ kind: 'meta', key: 'role' });
    list(spec('a', { meta: { role: 'replica' } }), spec('b', { meta: { role: 'primary' } }), primary('c'));
    expect(roles()).toBe('a:r b:p c:-');
  });

  it('are what the check of an instance said', () => {
    const { list, roles } = scene({ kind: 'check', name: 'role' });
    list(spec('a', { role: 'primary' }), spec('b', { role: 'replica' }), primary('c'));
    expect(roles()).toBe('a:p b:r c:-');
  });

  it('move in one snapshot', () => {
    const { list, heard } = scene({ kind: 'tag' });
    list(primary('a'), replica('b'));
    list(replica('a'), primary('b'));
    expect(heard).toEqual(['a:p b:r', 'a:r b:p']);
  });

  it('end with those who follow them', () => {
    const { list, heard, abort } = scene({ kind: 'tag' });
    abort.abort();
    list(primary('a'));
    expect(heard).toEqual([]);
  });
});

describe('two that claim to be the primary', () => {
  it('are one: who was it before is believed, the other has no role, and operators are told', () => {
    const { list, roles, watch, events } = scene({ kind: 'tag' });
    list(replica('a'), primary('b'));
    expect(watch.problem).toBeNull();
    list(primary('a'), primary('b'));
    expect(roles()).toBe('a:- b:p');
    expect(watch.problem).toBe('2 endpoints claim to be the primary; 10.0.0.2:80/b is believed');
    list(primary('a'), primary('b'), replica('c'));
    expect(events).toEqual(['primary_changed', 'primary_in_doubt']);
    list(primary('a'), replica('b'));
    expect(roles()).toBe('a:p b:r');
    expect(watch.problem).toBeNull();
  });

  it('at the start are the one with the lowest id, in whatever order they come', () => {
    for (const endpoints of [
      [primary('a'), primary('b')],
      [primary('b'), primary('a')],
    ]) {
      const { list, watch } = scene({ kind: 'tag' });
      list(...endpoints);
      expect(watch.value!.endpoints.find(({ role }) => role === 'primary')!.id).toBe('10.0.0.1:80/a');
    }
  });

  it('are no riddle when one of them is dead and could not say that it is none any more', () => {
    const { list, roles, watch } = scene({ kind: 'tag' });
    list(primary('a'), replica('b'));
    list(primary('a', { health: 'critical' }), primary('b'));
    expect(roles()).toBe('a:- b:p');
    expect(watch.problem).toBeNull();
    list(primary('a'), primary('b'));
    expect(roles()).toBe('a:- b:p');
  });

  it('are two where there may be several', () => {
    const { list, roles, watch } = scene({ kind: 'tag' }, 'multi_primary');
    list(primary('a'), primary('b'), replica('c'));
    expect(roles()).toBe('a:p b:p c:r');
    expect(watch.problem).toBeNull();
  });
});

describe('a lock', () => {
  const LOCK = { kind: 'lock', key: 'service/db/leader' } as const;

  it.each(['b', ' b\n', '10.0.0.2:80'])('names the primary, here as %j; all others are replicas', (text) => {
    const { list, hold, roles, asked } = scene(LOCK);
    hold(text);
    list(spec('a'), spec('b'));
    expect(roles()).toBe('a:r b:p');
    expect(asked).toEqual(['service/db/leader']);
  });

  it('that nobody holds, or that has not been read, is no primary', () => {
    const { list, hold, heard } = scene(LOCK);
    list(spec('a'), spec('b'));
    hold('a', false);
    hold('a');
    hold(null, false);
    hold('b');
    expect(heard).toEqual(['a:r b:r', 'a:r b:r', 'a:p b:r', 'a:r b:r', 'a:r b:p']);
  });

  it('stays as it was while Consul does not answer', () => {
    const { list, hold, lock, roles, watch } = scene(LOCK);
    list(spec('a'), spec('b'));
    hold('a');
    lock.fail('Consul is away');
    expect(roles()).toBe('a:p b:r');
    expect(watch.problem).toBe('Consul is away');
  });

  it('that names nobody is shown', () => {
    const { list, hold, watch } = scene(LOCK);
    list(spec('a'));
    hold('z');
    expect(watch.problem).toBe('the lock names "z", which is no endpoint of db');
  });
});

describe('metadata of an endpoint', () => {
  it('say how late it is, and nothing that is no lag', () => {
    const { list, watch } = scene({ kind: 'tag' });
    list(spec('a', { meta: { lag: '1.5s' } }), spec('b', { meta: { lag: 'soon' } }), spec('c'));
    expect(watch.value!.endpoints.map(({ lagMs }) => lagMs)).toEqual([1_500, undefined, undefined]);
    list(spec('a'));
    expect(watch.value!.endpoints[0]).not.toHaveProperty('lagMs');
  });
});

describe('the output of a check', () => {
  const RULE: RoleRule = { kind: 'primary_replica', from: { kind: 'check', name: 'role' }, words: WORDS, lag: null };

  it.each([
    ['primary', 'primary'],
    ['HTTP GET http://a/role: 200 OK Output: replica', 'replica'],
    ['role=primary, lag=0', 'primary'],
    ['secondary', null],
    ['primary_old', null],
    ['replica of primary 10.0.0.1', null],
    ['', null],
    [`${'x'.repeat(5_000)} primary`, null],
  ])('%j says %s', (text, expected) => {
    expect(roleInText(text, RULE)).toBe(expected);
  });
});
