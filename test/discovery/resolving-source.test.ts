import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Cell } from '../../src/base/watch.ts';
import type { ClusterSnapshot } from '../../src/cluster/snapshot.ts';
import type { NameResolver, ResolvedName } from '../../src/discovery/name-resolver.ts';
import { ResolvingSource } from '../../src/discovery/resolving-source.ts';
import { queryFor, spec } from '../support/endpoint-specs.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

const named = (host: string, port = 80) =>
  spec('a', { id: `${host}:${port}/web`, host, port, weight: 3, tags: ['v1'] });
const found = (v4: readonly string[] | null, v6: readonly string[] | null, ttlMs: number): ResolvedName => ({
  v4,
  v6,
  ttlMs,
});

/** `answers` holds what each name leads to now; an error stands for a server that does not answer. */
async function following(hosts: readonly string[], answers: Record<string, ResolvedName | Error>) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const resolver: NameResolver = {
    resolve: async (name) => {
      asked.push(`${clock.now() - 1000} ${name}`);
      const answer = answers[name] ?? new Error('ENOTFOUND');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const inner = new Cell<ClusterSnapshot>(clock);
  const say = async (list: readonly string[]): Promise<void> => {
    inner.set({ service: 'web', endpoints: list.map((host) => named(host)), source: 'file' });
    await settled();
  };
  await say(hosts);
  const ends = new AbortController();
  const watch = new ResolvingSource({ follow: () => inner }, resolver, clock, new SeededRandom(1)).follow(
    queryFor('web'),
    ends.signal,
    'cold',
  );
  const seen: string[] = [];
  watch.subscribe(({ endpoints }) => seen.push(endpoints.map(({ host }) => host).join(' ')));
  await settled();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await settled();
    }
  };
  return { clock, asked, answers, inner, watch, seen, say, pass, ends };
}

describe('ResolvingSource', () => {
  it('lets addresses through as they are, and asks nothing', async () => {
    const { watch, inner, asked } = await following(['10.0.0.1', '::1'], {});
    expect(watch.value).toEqual(inner.value);
    expect(asked).toEqual([]);
  });

  it('makes every record an endpoint of its own', async () => {
    const { watch } = await following(['web.local'], {
      'web.local': found(['10.0.0.2', '10.0.0.1'], ['fd00::1'], 60_000),
    });
    expect(watch.value?.source).toBe('dns');
    expect(watch.value?.endpoints.map(({ id }) => id)).toEqual([
      '10.0.0.1:80/web',
      '10.0.0.2:80/web',
      'fd00::1:80/web',
    ]);
    expect(watch.value?.endpoints[0]).toMatchObject({ host: '10.0.0.1', port: 80, weight: 3, tags: ['v1'] });
  });

  it('asks again when the TTL has run out, within 1 s and 5 min', async () => {
    const ttl = await following(['web.local'], { 'web.local': found(['10.0.0.1'], [], 30_000) });
    await ttl.pass(61_000);
    expect(ttl.asked.length).toBe(3);
    const zero = await following(['web.local'], { 'web.local': found(['10.0.0.1'], [], 0) });
    await zero.pass(10_000);
    expect(zero.asked.length).toBeLessThanOrEqual(11);
    const day = await following(['web.local'], { 'web.local': found(['10.0.0.1'], [], 86_400_000) });
    await day.pass(301_000);
    expect(day.asked.length).toBe(2);
  });

  it('says nothing when only the order of the records changed', async () => {
    const { answers, seen, pass } = await following(['web.local'], {
      'web.local': found(['10.0.0.1', '10.0.0.2'], [], 1_000),
    });
    answers['web.local'] = found(['10.0.0.2', '10.0.0.1'], [], 1_000);
    await pass(3_000);
    expect(seen).toEqual(['10.0.0.1 10.0.0.2']);
    answers['web.local'] = found(['10.0.0.3'], [], 1_000);
    await pass(1_100);
    expect(seen).toEqual(['10.0.0.1 10.0.0.2', '10.0.0.3']);
  });

  it('keeps the last answer while nobody answers, says so, and backs off', async () => {
    const { clock, asked, answers, inner, watch, pass } = await following(['web.local'], {
      'web.local': found(['10.0.0.1'], [], 1_000),
    });
    const freshAt = watch.freshAt;
    answers['web.local'] = new Error('queryA ETIMEOUT web.local');
    await pass(600_000);
    expect(watch.value?.endpoints.map(({ host }) => host)).toEqual(['10.0.0.1']);
    expect(watch.problem).toBe('web.local: queryA ETIMEOUT web.local');
    expect(watch.freshAt).toBe(freshAt);
    expect(asked.length).toBeLessThan(80);
    answers['web.local'] = found(['10.0.0.1'], [], 60_000);
    await pass(31_000);
    expect(watch.problem).toBe(null);
    inner.confirm();
    expect(clock.now() - watch.freshAt).toBeLessThan(31_100);
  });

  it('keeps the addresses of a family that could not be asked', async () => {
    const { answers, watch, pass } = await following(['web.local'], {
      'web.local': found(['10.0.0.1'], ['fd00::1'], 1_000),
    });
    answers['web.local'] = found(['10.0.0.2'], null, 1_000);
    await pass(1_100);
    expect(watch.value?.endpoints.map(({ host }) => host)).toEqual(['10.0.0.2', 'fd00::1']);
  });

  it('publishes nothing, rather than nobody, until a name is known', async () => {
    const { answers, watch, seen, pass } = await following(['web.local'], {});
    expect(watch.value).toBe(null);
    expect(watch.problem).toContain('ENOTFOUND');
    answers['web.local'] = found(['10.0.0.1'], [], 1_000);
    await pass(3_000);
    expect(seen).toEqual(['10.0.0.1']);
  });

  it('serves the addresses and the names it knows when another name leads nowhere', async () => {
    const { watch } = await following(['10.0.0.9', 'good', 'bad'], { good: found(['10.0.0.1'], [], 1_000) });
    expect(watch.value?.endpoints.map(({ host }) => host)).toEqual(['10.0.0.9', '10.0.0.1']);
    expect(watch.problem).toContain('bad');
  });

  it('lists an address once when two names lead to it', async () => {
    const { watch } = await following(['x', 'y'], {
      x: found(['10.0.0.1'], [], 1_000),
      y: found(['10.0.0.1'], [], 1_000),
    });
    expect(watch.value?.endpoints.length).toBe(1);
  });

  it('forgets a name that is no longer listed', async () => {
    const { asked, watch, say, pass } = await following(['x', 'y'], {
      x: found(['10.0.0.1'], [], 1_000),
      y: found(['10.0.0.2'], [], 1_000),
    });
    await say(['x']);
    expect(watch.value?.endpoints.map(({ host }) => host)).toEqual(['10.0.0.1']);
    const before = asked.filter((line) => line.endsWith('y')).length;
    await pass(5_000);
    expect(asked.filter((line) => line.endsWith('y')).length).toBe(before);
  });

  it('asks nothing more once it is told to stop', async () => {
    const { clock, asked, ends, pass } = await following(['x'], { x: found(['10.0.0.1'], [], 1_000) });
    ends.abort();
    await settled();
    expect(clock.armed).toBe(0);
    await pass(5_000);
    expect(asked.length).toBe(1);
  });
});
