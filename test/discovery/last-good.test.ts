import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Cell } from '../../src/base/watch.ts';
import type { ClusterSnapshot, ServiceQuery, Start } from '../../src/cluster/snapshot.ts';
import { ConsulSource } from '../../src/discovery/consul-source.ts';
import { LastGoodSource, type SeededSource } from '../../src/discovery/last-good.ts';
import { namesOf, queryFor, specs } from '../support/endpoint-specs.ts';
import { eventually } from '../support/eventually.ts';
import { FakeConsulApi, healthAnswer } from '../support/fake-consul-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

let folder: string;
let ends: AbortController;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remora-last-good-'));
  ends = new AbortController();
});
afterEach(async () => {
  ends.abort();
  await rm(folder, { recursive: true, force: true });
});

const snapshotOf = (names: string): ClusterSnapshot => ({ service: 'web', endpoints: specs(names), source: 'consul' });

interface RunOptions {
  query?: ServiceQuery;
  origin?: string;
  clock?: ManualClock;
  directory?: string;
  start?: Start;
}

/** One run of a sidecar over the folder; `live` is what the inner source says. */
function run(options: RunOptions = {}) {
  const clock = options.clock ?? new ManualClock();
  const live = new Cell<ClusterSnapshot>(clock);
  const seeds: (ClusterSnapshot | null)[] = [];
  const inner: SeededSource = {
    followFrom: (_query, _signal, seed) => {
      seeds.push(seed);
      return live;
    },
  };
  const source = new LastGoodSource(inner, options.directory ?? folder, options.origin ?? 'http://c', clock, NO_LOG);
  const watch = source.follow(options.query ?? queryFor('web'), ends.signal, options.start ?? 'cold');
  const heard: string[] = [];
  watch.subscribe((value) => heard.push(`${value.source} ${namesOf(value.endpoints)}`));
  const saved = async (names: string): Promise<void> => {
    await eventually(async () => {
      clock.advance(50);
      const [file] = (await readdir(folder)).filter((name) => name.endsWith('.json'));
      if (file === undefined) return false;
      const { snapshot } = JSON.parse(await readFile(join(folder, file), 'utf8')) as { snapshot: ClusterSnapshot };
      return namesOf(snapshot.endpoints) === names;
    });
  };
  return { clock, live, watch, heard, seeds, saved };
}

const onlyFile = async (): Promise<string> => join(folder, (await readdir(folder))[0]!);

describe('LastGoodSource', () => {
  it('serves the snapshot of an earlier run at once, and the live one from its first word', async () => {
    const first = run();
    first.live.set(snapshotOf('ab'));
    await first.saved('ab');

    const second = run();
    expect(second.heard).toEqual(['disk ab']);
    expect(namesOf(second.watch.value?.endpoints)).toBe('ab');
    expect(second.watch.problem).toContain('earlier run');
    expect(namesOf(second.seeds[0]?.endpoints)).toBe('ab');
    second.live.set(snapshotOf('abc'));
    expect(second.heard).toEqual(['disk ab', 'consul abc']);
    expect(second.watch.problem).toBe(null);
  });

  it('does not know how late replicas are by now', async () => {
    const first = run();
    const [a] = specs('a');
    first.live.set({ ...snapshotOf('a'), endpoints: [{ ...a!, lagMs: 90_000 }] });
    await first.saved('a');
    expect(run().watch.value!.endpoints).toEqual([a]);
  });

  it('knows no roles of endpoints but those that were read in the check that is asked for', async () => {
    const words = { primary: 'primary', replica: 'replica' };
    const asking = (name: string): ServiceQuery => {
      return {
        ...queryFor('web'),
        roles: { kind: 'primary_replica', from: { kind: 'check', name }, words, lag: null },
      };
    };
    const first = run({ query: asking('db role') });
    const endpoints = specs('a').map((spec) => ({ ...spec, role: 'primary' as const }));
    first.live.set({ ...snapshotOf('a'), endpoints });
    await first.saved('a');
    expect(run({ query: asking('db role') }).watch.value?.endpoints).toEqual(endpoints);
    expect(run({ query: asking('other') }).watch.value).toBe(null);
    expect(run().watch.value).toBe(null);
  });

  it('has no say where endpoints are in use, and is kept up to date all the same', async () => {
    const first = run();
    first.live.set(snapshotOf('ab'));
    await first.saved('ab');

    const second = run({ start: 'warm' });
    expect(second.heard).toEqual([]);
    expect([second.watch.value, second.watch.problem, second.seeds]).toEqual([null, null, [null]]);
    second.live.set(snapshotOf('c'));
    expect(second.heard).toEqual(['consul c']);
    await second.saved('c');
  });

  it('has nothing to say before the first run', () => {
    const { watch, heard, seeds } = run();
    expect(watch.value).toBe(null);
    expect(watch.problem).toBe(null);
    expect(watch.freshAt).toBe(0);
    expect(heard).toEqual([]);
    expect(seeds).toEqual([null]);
  });

  it('prefers what Consul says is wrong to its own remarks', async () => {
    const first = run();
    first.live.set(snapshotOf('ab'));
    await first.saved('ab');
    const second = run();
    second.live.fail('connect ECONNREFUSED');
    expect(second.watch.problem).toBe('connect ECONNREFUSED');
    expect(namesOf(second.watch.value?.endpoints)).toBe('ab');
  });

  it('knows how old the snapshot of an earlier run is', async () => {
    const first = run();
    first.live.set(snapshotOf('ab'));
    await first.saved('ab');
    const later = new ManualClock(1000 + 3_600_000);
    const { watch } = run({ clock: later });
    expect(later.now() - watch.freshAt).toBeGreaterThan(3_590_000);
    expect(later.now() - watch.freshAt).toBeLessThanOrEqual(3_600_000);
  });

  it('writes a file only its owner can read, and leaves no other behind', async () => {
    const { live, saved } = run();
    live.set(snapshotOf('ab'));
    await saved('ab');
    expect((await stat(await onlyFile())).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).length).toBe(1);
  });

  it('writes at most once a second, and the last state always', async () => {
    const { clock, live, saved } = run();
    live.set(snapshotOf('a'));
    await saved('a');
    for (const names of ['ab', 'abc', 'abcd']) live.set(snapshotOf(names));
    clock.advance(100);
    await settled();
    expect(
      namesOf(
        (JSON.parse(await readFile(await onlyFile(), 'utf8')) as { snapshot: ClusterSnapshot }).snapshot.endpoints,
      ),
    ).toBe('a');
    await saved('abcd');
  });

  it('brings the time in the file up to date now and then', async () => {
    const { clock, live, saved } = run();
    live.set(snapshotOf('a'));
    await saved('a');
    const timeIn = async () =>
      (JSON.parse(await readFile(await onlyFile(), 'utf8')) as { vouchedWallMs: number }).vouchedWallMs;
    const before = await timeIn();
    await settled();
    clock.advance(300_000);
    live.confirm();
    await eventually(async () => {
      clock.advance(10_000);
      return (await timeIn()) > before;
    });
    expect((await timeIn()) - before).toBeGreaterThanOrEqual(299_000);
  });

  it('keeps queries and origins apart', async () => {
    const first = run();
    first.live.set(snapshotOf('ab'));
    await first.saved('ab');
    expect(run({ query: queryFor('web', { tag: 'v2' }) }).watch.value).toBe(null);
    expect(run({ query: queryFor('api') }).watch.value).toBe(null);
    expect(run({ origin: 'http://other' }).watch.value).toBe(null);
  });

  it('cannot be led out of its folder by the name of a service', async () => {
    const { live, clock } = run({ query: queryFor('../../etc/passwd') });
    live.set(snapshotOf('ab'));
    await eventually(async () => {
      clock.advance(50);
      return (await readdir(folder)).some((name) => name.startsWith('______etc_passwd-'));
    });
  });

  it('ignores a file it cannot use, says so, and replaces it', async () => {
    const first = run();
    first.live.set(snapshotOf('ab'));
    await first.saved('ab');
    const path = await onlyFile();
    const good = await readFile(path, 'utf8');
    for (const bad of [
      '',
      '{',
      'null',
      '[]',
      good.slice(0, good.length / 2),
      good.replace('"version":1', '"version":0'),
      good.replace('"port":80', '"port":"80"'),
      good.replace('"health":"passing"', '"health":"fine"'),
      good.replace('"endpoints":[', '"endpoints":[null,'),
    ]) {
      await writeFile(path, bad);
      const { watch, seeds } = run();
      expect(watch.value, bad).toBe(null);
      expect(seeds).toEqual([null]);
      expect(watch.problem).toContain('is ignored');
    }
    const { watch, live, saved } = run();
    live.set(snapshotOf('c'));
    await saved('c');
    await eventually(() => watch.problem === null);
  });

  it('reads a file of a version that knew no roles', async () => {
    const first = run();
    first.live.set(snapshotOf('ab'));
    await first.saved('ab');
    const path = await onlyFile();
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll(',"role":null', ''));
    expect(run().watch.value?.endpoints).toEqual(specs('ab'));
  });

  it('keeps the endpoints on the disk when the list becomes empty', async () => {
    const first = run();
    first.live.set(snapshotOf('a'));
    await first.saved('a');
    first.live.set(snapshotOf(''));
    for (const _ of [1, 2, 3]) {
      first.clock.advance(2_000);
      await settled();
    }
    expect(first.watch.value?.endpoints).toEqual([]);
    expect(namesOf(run().watch.value?.endpoints)).toBe('a');
  });

  it('does no harm to traffic when the disk does not take it, and says so', async () => {
    const blocked = join(folder, 'file');
    await writeFile(blocked, 'in the way of a folder');
    const { clock, live, watch } = run({ directory: join(blocked, 'state') });
    live.set(snapshotOf('ab'));
    await eventually(() => {
      clock.advance(50);
      return watch.problem?.startsWith('cannot keep the last good snapshot');
    });
    expect(namesOf(watch.value?.endpoints)).toBe('ab');
    live.set(snapshotOf('abc'));
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    // Room again, and nothing new to say: the snapshot gets there all the same.
    await rm(blocked);
    await eventually(() => {
      clock.advance(1_000);
      return watch.problem === null;
    });
  });

  it.skipIf(process.getuid?.() === 0)('does no harm to traffic when the folder is read-only', async () => {
    const state = join(folder, 'state');
    await mkdir(state);
    await chmod(state, 0o500);
    const { clock, live, watch } = run({ directory: state });
    live.set(snapshotOf('ab'));
    await eventually(() => {
      clock.advance(50);
      return watch.problem?.includes('EACCES');
    });
  });

  it('does not let a first empty answer take away what an earlier run knew', async () => {
    const first = run();
    first.live.set(snapshotOf('abc'));
    await first.saved('abc');

    const clock = new ManualClock();
    const api = new FakeConsulApi();
    const consul = new ConsulSource(api, clock, new SeededRandom(1), NO_LOG);
    const watch = new LastGoodSource(consul, folder, 'http://c', clock, NO_LOG).follow(
      queryFor('web'),
      ends.signal,
      'cold',
    );
    await settled();
    expect(watch.value?.source).toBe('disk');
    api.poll?.answer(healthAnswer([], 5));
    await settled();
    expect(namesOf(watch.value?.endpoints)).toBe('abc');
    expect(watch.problem).toContain('3 of 3');
    clock.advance(5_100);
    await settled();
    api.leaderRead?.answer(healthAnswer([], 5));
    await settled();
    expect(watch.value?.endpoints).toEqual([]);
  });

  it('leaves no file behind for a name under which there never was anybody', async () => {
    const { clock, live, watch } = run();
    live.set(snapshotOf(''));
    clock.advance(5_000);
    await settled();
    expect(await readdir(folder)).toEqual([]);
    expect(watch.problem).toBe(null);
  });
});
