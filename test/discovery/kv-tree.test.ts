import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { AclResource, ConsulAnswer, ConsulRead, Rights } from '../../src/discovery/consul-api.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import type { KvDocument } from '../../src/discovery/kv.ts';
import { type KvDocuments, KvTree } from '../../src/discovery/kv-tree.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

interface Asked {
  readonly what: string;
  readonly index: bigint;
  readonly mode: string;
  answer(documents: readonly KvDocument[], index: number): void;
  fail(error: Error): void;
}

const doc = (key: string, revision: number, text = '{}'): KvDocument => ({
  key,
  text,
  isHeld: false,
  revision: String(revision),
});
const denied = new ConsulError('Consul answered 403: Permission denied', 403);
const unknown = new ConsulError('Consul answered 403: ACL not found', 403);

/** A tree whose every question the test answers, and a log of what was published. */
function scene() {
  const clock = new ManualClock();
  const ends = new AbortController();
  const asked: Asked[] = [];
  const seen: string[] = [];
  const rights = { denied: null as string | null, asked: [] as string[] };
  const ask = (
    what: string,
    { index, mode }: ConsulRead,
    signal: AbortSignal,
  ): Promise<readonly [readonly KvDocument[], bigint]> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new ConsulError('cancelled')));
      const answer = (documents: readonly KvDocument[], next: number): void => resolve([documents, BigInt(next)]);
      asked.push({ what, index, mode, answer, fail: reject });
    });
  const answerOf = <T>(value: T, index: bigint, print: string): ConsulAnswer<T> => ({
    value,
    index,
    print,
    knowsLeader: true,
    isFiltered: false,
  });
  const api = {
    async kvTree(prefix: string, read: ConsulRead, signal: AbortSignal) {
      const [documents, index] = await ask(prefix, read, signal);
      return answerOf(documents, index, JSON.stringify(documents));
    },
    async kv(key: string, read: ConsulRead, signal: AbortSignal) {
      const [[document = { key, text: null, isHeld: false, revision: '0' }], index] = await ask(key, read, signal);
      return answerOf(document, index, JSON.stringify(document));
    },
    hasNewToken: async () => false,
    async checkRights(resources: readonly AclResource[]): Promise<Rights> {
      rights.asked.push(resources.map(({ kind, name }) => `${kind} ${name}`).join(' '));
      if (rights.denied !== null) throw new ConsulError(`the token may not read key "${rights.denied}"`);
      return 'granted';
    },
  };
  const tree = new KvTree(api, clock, new SeededRandom(1));
  const watch = tree.follow(
    {
      prefix: 'c/',
      needs: ['c/mesh', 'c/service/'],
      keeps: (key) => !key.startsWith('c/caller/') || key === 'c/caller/web',
      parts: [
        { kind: 'key', key: 'c/mesh' },
        { kind: 'tree', prefix: 'c/service/' },
        { kind: 'key', key: 'c/caller/web' },
      ],
    },
    ends.signal,
  );
  watch.subscribe(({ documents }: KvDocuments) =>
    seen.push(documents.map(({ key, revision }) => `${key}@${revision}`).join(' ')),
  );
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await settled();
    }
  };
  return { asked, seen, watch, pass, ends, clock, rights };
}

it('reads all below the prefix through the leader, waits for changes, and keeps what is of interest', async () => {
  const { asked, seen } = scene();
  await settled();
  expect(asked.map(({ what, index, mode }) => [what, index, mode])).toEqual([['c/', 0n, 'leader']]);
  asked[0]!.answer([doc('c/caller/other', 3), doc('c/caller/web', 2), doc('c/mesh', 1)], 3);
  await settled();
  expect(seen).toEqual(['c/caller/web@2 c/mesh@1']);
  expect(asked[1]).toMatchObject({ what: 'c/', index: 3n });
});

it('hears of every write within half a second, and asks no faster than that in a storm of them', async () => {
  const { asked, seen, clock } = scene();
  await settled();
  let longest = 0;
  for (let at = 1; at <= 40; at++) {
    const before = asked.length;
    asked.at(-1)!.answer([doc('c/mesh', at)], at);
    await settled();
    expect(seen.at(-1)).toBe(`c/mesh@${at}`);
    const writtenAt = clock.now();
    while (asked.length === before) {
      clock.advance(10);
      await settled();
    }
    longest = Math.max(longest, clock.now() - writtenAt);
  }
  expect(longest).toBeGreaterThan(400);
  expect(longest).toBeLessThanOrEqual(520);
  expect(clock.now()).toBeGreaterThan(17_000);
});

it('says that the token may not read what is missing, and no more when it may', async () => {
  const { asked, watch, pass, rights, seen } = scene();
  rights.denied = 'c/mesh';
  await settled();
  asked[0]!.answer([doc('c/caller/web', 3)], 3);
  await settled();
  expect(rights.asked).toEqual(['key c/mesh key c/service/']);
  expect(watch.problem).toBe('the token may not read key "c/mesh"');
  for (let at = 4; at < 30; at++) {
    asked.at(-1)!.answer([doc('c/caller/web', at)], at);
    await pass(1_000);
  }
  expect([seen.at(-1), watch.problem]).toEqual(['c/caller/web@29', 'the token may not read key "c/mesh"']);
  expect(rights.asked).toHaveLength(6);
  rights.denied = null;
  await pass(60_000);
  asked.at(-1)!.answer([doc('c/caller/web', 29), doc('c/mesh', 30)], 30);
  await settled();
  expect([seen.at(-1), watch.problem]).toEqual(['c/caller/web@29 c/mesh@30', null]);
});

it('goes on saying that a part cannot be had while others have news', async () => {
  const { asked, watch, pass, rights } = scene();
  await settled();
  asked[0]!.fail(denied);
  await pass(100);
  const [mesh, service, own] = asked.slice(1);
  mesh!.answer([doc('c/mesh', 1)], 1);
  service!.answer([], 1);
  own!.answer([doc('c/caller/web', 1)], 1);
  await pass(100);
  expect(watch.problem).toBeNull();
  asked.findLast(({ what }) => what === 'c/caller/web')!.fail(denied);
  await settled();
  asked.findLast(({ what }) => what === 'c/mesh')!.answer([doc('c/mesh', 2)], 2);
  await settled();
  expect(watch.problem).toBe('Consul answered 403: Permission denied');
  expect(rights.asked).toEqual([]);
});

it('says nothing when only what is not kept has changed', async () => {
  const { asked, seen, watch, pass } = scene();
  await settled();
  asked[0]!.answer([doc('c/mesh', 1)], 1);
  await pass(1_000);
  asked[1]!.answer([doc('c/caller/other', 9), doc('c/mesh', 1)], 9);
  await settled();
  expect(seen).toEqual(['c/mesh@1']);
  expect(watch.freshAt).toBe(2_000);
});

it('takes a document for another one though it has the index of the one before: a Consul that lost its data', async () => {
  const { asked, watch } = scene();
  await settled();
  asked[0]!.answer([doc('c/mesh', 7, 'a: 1')], 7);
  await settled();
  asked[1]!.answer([doc('c/mesh', 7, 'a: 2')], 7);
  await settled();
  expect(watch.value!.documents[0]!.text).toBe('a: 2');
});

it('publishes a key that vanishes by leaving it out', async () => {
  const { asked, seen } = scene();
  await settled();
  asked[0]!.answer([doc('c/mesh', 1), doc('c/service/orders', 2)], 2);
  await settled();
  asked[1]!.answer([doc('c/mesh', 1)], 3);
  await settled();
  expect(seen.at(-1)).toBe('c/mesh@1');
});

it('asks at most once in five seconds while nothing exists, since any write of anybody ends such a wait', async () => {
  const { asked, seen, pass } = scene();
  await settled();
  for (let at = 0; at < 60_000; at += 100) {
    asked.at(-1)!.answer([], at + 1);
    await pass(100);
  }
  expect(asked.length).toBeLessThanOrEqual(13);
  // Nor does it hold on to an index that a Consul which lost its data has yet to reach.
  expect(asked.every(({ index }) => index === 0n)).toBe(true);
  await pass(5_000);
  asked.at(-1)!.answer([doc('c/mesh', 70_000)], 70_000);
  await settled();
  expect(seen).toEqual(['', 'c/mesh@70000']);
  // What exists is asked for again at once.
  expect(asked.at(-1)!.index).toBe(70_000n);
});

it('leaves the last documents standing when Consul fails, and says why', async () => {
  const { asked, watch, pass } = scene();
  await settled();
  asked[0]!.answer([doc('c/mesh', 1)], 1);
  await settled();
  asked[1]!.fail(new ConsulError('Consul answered 500: No cluster leader', 500));
  await settled();
  expect(watch.value!.documents).toHaveLength(1);
  expect(watch.problem).toBe('Consul answered 500: No cluster leader');
  await pass(1_000);
  asked[2]!.answer([doc('c/mesh', 1)], 1);
  await settled();
  expect(watch.problem).toBeNull();
});

it('follows the parts where the whole may not be listed, and publishes when each has answered', async () => {
  const { asked, seen, watch, pass } = scene();
  await settled();
  asked[0]!.fail(denied);
  await settled();
  expect(asked.slice(1).map(({ what }) => what)).toEqual(['c/mesh', 'c/service/', 'c/caller/web']);
  asked[1]!.answer([doc('c/mesh', 1)], 1);
  asked[2]!.answer([doc('c/service/orders', 2)], 2);
  await settled();
  expect(seen).toEqual([]);
  asked[3]!.answer([], 1);
  await settled();
  expect(seen).toEqual(['c/mesh@1 c/service/orders@2']);
  asked.find(({ what, index }) => what === 'c/service/' && index === 2n)!.answer([doc('c/service/orders', 5)], 5);
  await settled();
  expect(seen.at(-1)).toBe('c/mesh@1 c/service/orders@5');
  asked.findLast(({ what }) => what === 'c/mesh')!.fail(denied);
  await settled();
  expect(watch.problem).toMatch(/Permission denied/);
  await pass(60_000);
  expect(asked.filter(({ what }) => what === 'c/')).toHaveLength(1);
});

it('does not ask for parts with a token that nobody knows', async () => {
  const { asked, watch } = scene();
  await settled();
  asked[0]!.fail(unknown);
  await settled();
  expect(asked).toHaveLength(1);
  expect(watch.problem).toMatch(/ACL not found/);
});

it('leaves out the last keys of what is too large together, and says how many', async () => {
  const { asked, watch } = scene();
  await settled();
  const large = 'x'.repeat(3 * 1024 * 1024);
  const documents = ['c/mesh', 'c/service/a', 'c/service/b', 'c/service/c'].map((key, at) => doc(key, at, large));
  asked[0]!.answer(documents, 9);
  await settled();
  expect(watch.value!.documents.map(({ key }) => key)).toEqual(['c/mesh', 'c/service/a']);
  expect(watch.value!.omitted).toBe(2);
  expect(watch.problem).toMatch(/^2 documents are left out/);
});

it('asks nothing more once it is told to stop', async () => {
  const { asked, ends, pass, clock } = scene();
  await settled();
  asked[0]!.answer([], 1);
  await settled();
  ends.abort();
  await pass(20_000);
  expect(asked).toHaveLength(1);
  expect(clock.armed).toBe(0);
});
