import { describe, expect, it } from 'vitest';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { ClusterSnapshot } from '../../src/cluster/snapshot.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { ConsulSource } from '../../src/discovery/consul-source.ts';
import { namesOf, queryFor, spec, specs } from '../support/endpoint-specs.ts';
import { FakeConsulApi, healthAnswer } from '../support/fake-consul-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

async function following(seed: string | null = null) {
  const clock = new ManualClock();
  const api = new FakeConsulApi();
  const ends = new AbortController();
  const source = new ConsulSource(api, clock, new SeededRandom(3), NO_LOG);
  const snapshot: ClusterSnapshot | null =
    seed === null ? null : { service: 'web', endpoints: specs(seed), source: 'disk' };
  const watch = source.followFrom(queryFor('web'), ends.signal, snapshot);
  const published: string[] = [];
  watch.subscribe((value) => published.push(namesOf(value.endpoints)));
  await settled();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await settled();
    }
  };
  const says = async (names: string, index: number, more = {}): Promise<void> => {
    api.poll?.answer(healthAnswer(specs(names), index, more));
    await settled();
  };
  const fails = async (error: Error): Promise<void> => {
    api.poll?.fail(error);
    await settled();
  };
  const leaderSays = async (names: string, more = {}): Promise<void> => {
    api.leaderRead?.answer(healthAnswer(specs(names), 1, more));
    api.leaderRead = null;
    await settled();
  };
  return { clock, api, ends, watch, published, pass, says, fails, leaderSays };
}

describe('ConsulSource', () => {
  it('publishes what Consul lists, and only confirms when nothing changed', async () => {
    const { clock, watch, published, pass, says } = await following();
    expect(watch.value).toBe(null);
    expect(watch.freshAt).toBe(0);
    await says('ab', 10);
    expect(watch.value).toEqual({ service: 'web', endpoints: specs('ab'), source: 'consul' });
    await pass(60_000);
    await says('ab', 10);
    expect(watch.freshAt).toBe(clock.now());
    await says('abc', 11);
    expect(published).toEqual(['ab', 'abc']);
  });

  it('reads from any server, so that an election does not silence it', async () => {
    const { api } = await following();
    expect(api.poll?.read.mode).toBe('stale');
  });

  it('believes a first empty answer of a server that has a leader, and of no other', async () => {
    const sure = await following();
    await sure.says('', 5);
    expect(sure.watch.value?.endpoints).toEqual([]);

    const lost = await following();
    await lost.says('', 5, { knowsLeader: false });
    expect(lost.watch.value).toBe(null);
    expect(lost.watch.problem).toContain('no leader');
  });

  it('keeps the last good endpoints while Consul fails, says why, and does not call them fresh', async () => {
    const { clock, watch, pass, says, fails } = await following();
    await says('ab', 10);
    const vouchedAt = clock.now();
    await pass(500);
    await fails(new ConsulError('connect ECONNREFUSED'));
    await pass(100_000);
    expect(namesOf(watch.value?.endpoints)).toBe('ab');
    expect(watch.problem).toBe('connect ECONNREFUSED');
    expect(watch.freshAt).toBe(vouchedAt);
  });

  it('clears the problem with the next answer, also when it is the same one', async () => {
    const { clock, watch, published, pass, says, fails } = await following();
    await says('ab', 10);
    await fails(new ConsulError('500'));
    await pass(1_000);
    await says('ab', 10);
    expect(watch.problem).toBe(null);
    expect(watch.freshAt).toBe(clock.now());
    expect(published).toEqual(['ab']);
  });

  it('keeps the endpoints when all vanish, and lets them go once the leader says so five seconds later', async () => {
    const { api, watch, published, pass, says, leaderSays } = await following();
    await says('abc', 10);
    await says('', 11);
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    expect(watch.problem).toContain('3 of 3');
    await pass(4_900);
    expect(api.leaderRead).toBe(null);
    await pass(200);
    expect(api.leaderRead?.read).toMatchObject({ mode: 'leader', index: 0n });
    await leaderSays('');
    expect(watch.value?.endpoints).toEqual([]);
    expect(watch.problem).toBe(null);
    expect(published).toEqual(['abc', '']);
  });

  it('keeps everything when the leader does not confirm the loss', async () => {
    const { watch, published, pass, says, leaderSays } = await following();
    await says('abc', 10);
    await says('', 11);
    await pass(5_100);
    await leaderSays('abc');
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    expect(watch.problem).toBe(null);
    expect(published).toEqual(['abc']);
  });

  it('asks again when the confirming read fails, has no leader, is filtered or the token is refused', async () => {
    const { api, watch, pass, says, leaderSays } = await following();
    await says('abc', 10);
    await says('', 11);
    await pass(5_100);
    api.leaderRead?.fail(new ConsulError('No cluster leader'));
    api.leaderRead = null;
    await settled();
    expect(watch.problem).toContain('No cluster leader');
    for (const more of [{ knowsLeader: false }, { isFiltered: true }]) {
      await pass(10_100);
      expect(api.leaderRead).not.toBe(null);
      await leaderSays('', more);
      expect(namesOf(watch.value?.endpoints)).toBe('abc');
    }
    api.rights = new ConsulError('ACL not found', 403);
    await pass(10_100);
    await leaderSays('');
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    api.rights = 'open';
    await pass(10_100);
    await leaderSays('');
    expect(watch.value?.endpoints).toEqual([]);
  });

  it('holds for ever, and says why, while the token is not proved to have its rights', async () => {
    const { api, watch, published, pass, says } = await following();
    await says('abc', 10);
    api.rights = new ConsulError('the token may not read service "web"');
    await says('', 11);
    await pass(120_000);
    expect(watch.problem).toContain('the token may not read service "web"');
    // What a token without rights would read is nothing to judge by, whatever the next token may do.
    expect(api.leaderRead).toBe(null);
    expect(published).toEqual(['abc']);
    expect(api.rightsAsked[0]).toBe('service web, node n1');
  });

  it('does not believe rights that are gone by the end of the read', async () => {
    const { api, pass, says, leaderSays, published } = await following();
    await says('abc', 10);
    await says('', 11);
    await pass(5_100);
    api.rights = new ConsulError('the token may not read service "web"');
    await leaderSays('');
    expect(published).toEqual(['abc']);
  });

  it('reads a loss twice where there are ACLs, longer apart than agents remember rights', async () => {
    const { api, clock, watch, pass, says, leaderSays } = await following();
    api.rights = 'granted';
    await says('abc', 10);
    await says('', 11);
    await pass(5_100);
    const since = clock.now();
    while (clock.now() < since + 39_000) {
      await leaderSays('');
      expect(namesOf(watch.value?.endpoints)).toBe('abc');
      await pass(1_000);
    }
    expect(watch.problem).toContain('the leader says so too');
    await pass(12_000);
    await leaderSays('');
    expect(watch.value?.endpoints).toEqual([]);
    expect(watch.problem).toBe(null);
  });

  it('begins anew where there are ACLs when a loss was made good in between', async () => {
    const { api, watch, pass, says, leaderSays } = await following();
    api.rights = 'granted';
    await says('abc', 10);
    await says('', 11);
    await pass(5_100);
    await leaderSays('');
    await says('abc', 12);
    await pass(60_000);
    api.leaderRead = null;
    await says('', 13);
    await pass(10_100);
    await leaderSays('');
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    await pass(60_000);
    await leaderSays('');
    expect(watch.value?.endpoints).toEqual([]);
  });

  it('begins anew where there are ACLs when something else goes missing', async () => {
    const { api, watch, pass, says, leaderSays } = await following();
    api.rights = 'granted';
    await says('abcd', 10);
    await says('a', 11);
    await pass(5_100);
    await leaderSays('a');
    await pass(60_000);
    await leaderSays('');
    expect(namesOf(watch.value?.endpoints)).toBe('abcd');
    await pass(60_000);
    await leaderSays('');
    expect(watch.value?.endpoints).toEqual([]);
  });

  it('publishes a first empty answer of a token without rights, and says what speaks against it', async () => {
    const { api, watch, pass, says } = await following();
    api.rights = new ConsulError('the token may not read service "web"');
    await says('', 5);
    expect(watch.value?.endpoints).toEqual([]);
    expect(watch.problem).toContain('the token may not read service "web"');
    expect(api.rightsAsked).toEqual(['service web, node ']);
    await pass(60_000);
    await says('', 5);
    expect(watch.problem).toContain('the token may not read service "web"');

    api.rights = 'granted';
    await pass(60_000);
    await says('', 5);
    expect(watch.problem).toBe(null);
  });

  it('says so when Consul itself marks a first empty answer as filtered', async () => {
    const { watch, says } = await following();
    await says('', 5, { isFiltered: true });
    expect(watch.problem).toContain('may see');
    await says('a', 6);
    expect(watch.problem).toBe(null);
  });

  it('names the instances that are left out, and vouches for the others', async () => {
    const { clock, watch, pass, says } = await following();
    await pass(1_000);
    await says('a', 5, { skipped: ['"b" has port 70000'] });
    expect(namesOf(watch.value?.endpoints)).toBe('a');
    expect(watch.problem).toContain('"b" has port 70000');
    expect(watch.freshAt).toBe(clock.now());
    await says('ab', 6);
    expect(watch.problem).toBe(null);
  });

  it('takes in new endpoints at once while it keeps the old ones', async () => {
    const { watch, pass, says, leaderSays } = await following();
    await says('abcd', 10);
    await says('', 11);
    await says('x', 12);
    expect(namesOf(watch.value?.endpoints)).toBe('axbcd');
    await pass(5_100);
    await leaderSays('x');
    expect(namesOf(watch.value?.endpoints)).toBe('x');
  });

  it('believes critical and maintenance at once, however many they are', async () => {
    const { api, watch, says } = await following();
    await says('ab', 10);
    api.poll?.answer(healthAnswer([spec('a', { health: 'critical' }), spec('b', { health: 'maintenance' })], 11));
    await settled();
    expect(watch.value?.endpoints.map(({ health }) => health)).toEqual(['critical', 'maintenance']);
    expect(watch.problem).toBe(null);
  });

  it('gives services time to come back after trouble, whatever the index says', async () => {
    const { api, pass, says, fails, watch } = await following();
    await says('abc', 50);
    await fails(new ConsulError('ECONNRESET'));
    await pass(1_000);
    await says('', 90);
    await pass(29_000);
    expect(api.leaderRead).toBe(null);
    await says('abc', 99);
    await pass(10_000);
    expect(api.leaderRead).toBe(null);
    expect(watch.problem).toBe(null);
  });

  it('gives services time to come back when the index went backwards, as it does when Consul lost its data', async () => {
    const { api, pass, says, watch } = await following();
    await says('abc', 50);
    await says('', 4);
    expect(watch.problem).toBe(null);
    await says('', 4);
    expect(watch.problem).toContain('3 of 3');
    await pass(29_000);
    expect(api.leaderRead).toBe(null);
    await pass(1_100);
    expect(api.leaderRead).not.toBe(null);
  });

  it('judges a loss against what an earlier run believed, without publishing it', async () => {
    const { watch, pass, says, leaderSays } = await following('abc');
    expect(watch.value).toBe(null);
    await says('', 5);
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    await pass(5_100);
    await leaderSays('');
    expect(watch.value?.endpoints).toEqual([]);
  });

  it('asks for the right to see every node when it knows what is missing from the disk alone', async () => {
    const { api, watch, pass, says, leaderSays } = await following('abc');
    api.rights = 'granted';
    await says('a', 5);
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    await pass(5_100);
    await leaderSays('a');
    expect(api.rightsAsked[0]).toBe('service web, node ');
  });

  it('says when the server that answers has no leader, and does not call its answer fresh', async () => {
    const { clock, watch, pass, says } = await following();
    await says('ab', 10);
    const vouchedAt = clock.now();
    await pass(60_000);
    await says('ab', 10, { knowsLeader: false });
    expect(watch.problem).toContain('no leader');
    expect(watch.freshAt).toBe(vouchedAt);
  });

  it('stops everything when it is told to, also in the middle of a doubt', async () => {
    const { clock, api, ends, says, pass } = await following();
    await says('abc', 10);
    await says('', 11);
    ends.abort();
    await settled();
    const { polls } = api;
    expect(clock.armed).toBe(0);
    await pass(20_000);
    expect(api.polls).toBe(polls);
    expect(api.leaderRead).toBe(null);
  });
});
