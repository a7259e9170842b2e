import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { ChainSource, MAX_CHAINS } from '../../src/discovery/chain-source.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { ManualClock } from '../support/manual-clock.ts';

interface Asked {
  readonly service: string;
  readonly index: bigint;
  answer(json: string, index: bigint): void;
  fail(error: Error): void;
}

function followed() {
  const clock = new ManualClock();
  const ends = new AbortController();
  const asked: Asked[] = [];
  const heard: string[] = [];
  const api = {
    discoveryChain: (service: string, read: { readonly index: bigint }, signal: AbortSignal) =>
      new Promise<never>((done, fail) => {
        signal.addEventListener('abort', () => fail(new ConsulError('cancelled')));
        const answer = (value: string, index: bigint): void =>
          done({ value, index, print: value, knowsLeader: true, isFiltered: false } as never);
        asked.push({ service, index: read.index, answer, fail });
      }),
    hasNewToken: async () => false,
  };
  const source = new ChainSource(
    api,
    clock,
    new SeededRandom(1),
    (chains, problem) => heard.push(`${chains.map(({ service, json }) => `${service}=${json}`).join(' ')} ${problem}`),
    ends.signal,
  );
  const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
  return { source, asked, heard, ends, clock, turn };
}

it('follows each service, and tells of all when one of them changes', async () => {
  const { source, asked, heard, turn } = followed();
  source.follow(['b', 'a']);
  await turn();
  expect(asked.map(({ service, index }) => [service, index])).toEqual([
    ['a', 0n],
    ['b', 0n],
  ]);
  asked[0]!.answer('1', 5n);
  await turn();
  asked[1]!.answer('2', 6n);
  await turn();
  expect(asked.slice(2).map(({ service, index }) => [service, index])).toEqual([
    ['a', 5n],
    ['b', 6n],
  ]);
  asked[2]!.answer('3', 7n);
  await turn();
  expect(heard).toEqual(['a=1 null', 'a=1 b=2 null', 'a=3 b=2 null']);
});

it('forgets a service that is called no more, and asks no more for it', async () => {
  const { source, asked, heard, turn } = followed();
  source.follow(['a', 'b']);
  await turn();
  for (const one of asked) one.answer('x', 5n);
  await turn();
  source.follow(['b']);
  expect(heard.at(-1)).toBe('b=x null');
  await turn();
  expect(asked).toHaveLength(4);
});

it('keeps what it knows when Consul cannot be asked, says so, and when it can again', async () => {
  const { source, asked, heard, turn, clock } = followed();
  source.follow(['a']);
  await turn();
  asked[0]!.answer('1', 5n);
  await turn();
  asked[1]!.fail(new ConsulError('no leader'));
  await turn();
  expect(heard.at(-1)).toBe('a=1 a: no leader');
  clock.advance(30_000);
  await turn();
  expect(asked[2]!.index).toBe(0n);
  asked[2]!.answer('1', 5n);
  await turn();
  expect(heard.at(-1)).toBe('a=1 null');
});

it('follows a bounded number, and ends with the signal', async () => {
  const { source, asked, heard, ends, turn } = followed();
  source.follow(Array.from({ length: MAX_CHAINS + 2 }, (_, i) => `s${1_000 + i}`));
  await turn();
  expect(asked).toHaveLength(MAX_CHAINS);
  asked[0]!.answer('1', 5n);
  await turn();
  expect(heard).toEqual([`s1000=1 2 services beyond the first ${MAX_CHAINS} are not asked for`]);
  ends.abort();
  await turn();
  expect(asked).toHaveLength(MAX_CHAINS + 1);
});
