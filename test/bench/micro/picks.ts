import { parseArgs } from 'node:util';
import type { Clock } from '../../../src/base/clock.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import { makeBalancer } from '../../../src/cluster/balancers.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { type Hash64, hashText } from '../../../src/cluster/hash.ts';
import type { ClusterOptions } from '../../../src/cluster/options.ts';
import type { EndpointSpec } from '../../../src/cluster/snapshot.ts';
import { NO_EVIDENCE } from '../../../src/policy/evidence.ts';
import { contenders } from '../../sim/contenders.ts';
import { KEYS, setKey, specOf } from '../../sim/simulation.ts';
import { allocatedPer } from '../../support/allocated.ts';
import { IdleConnector, pickContext } from '../../support/fake-endpoint.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/**
 * `npm run bench:micro`: what a pick costs, alone on one core, with real endpoints, breakers and estimates. Prints and
 * asserts nothing. The line "a call" is a picker that answers at once: the cost of asking, and of the loop that asks.
 */
const HELP = `npm run bench:micro -- [options]       of endpoints
npm run bench:micro -- routes          of route tables
  --algorithm NAME   only this one; may be repeated
  --rounds N         samples of each figure, of which the median counts (7)`;
const SIZES = [10, 100, 1000, 10_000];
const SAMPLE_MS = 15;
const BUILDS = 5;
const ALLOCATION_SIZE = 100;
const KEY_LENGTHS = [16, 64, 256];

type Ask = (times: number) => void;

const { algorithm, rounds } = readFlags();
const chosen = contenders().filter(({ name }) => algorithm === undefined || algorithm.includes(name));

console.log(`ns for one pick, by endpoints; B: bytes allocated by one; x: the greatest size to the least`);
line('', ...SIZES.map(String), 'B', 'x');
const only = { pick: () => null };
picks(
  'a call',
  SIZES.map(() => asks(only)),
);
for (const { name, optionsIn } of chosen)
  picks(
    name,
    SIZES.map((size) => asks(clusterOf(optionsIn('a'), size))),
  );

console.log('\nms to build, the longest of it at a time, and the longest to take in that one endpoint is gone');
line('', '1000', 'longest', 'one less', '10000', 'longest', 'one less');
for (const { name, optionsIn } of chosen) {
  line(name, ...[1000, 10_000].flatMap((size) => builds(optionsIn('a'), size).map((ms) => ms.toFixed(1))));
}

console.log('\nns to hash a key, by bytes');
line('', ...KEY_LENGTHS.map(String), 'B');
const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
const hashes = KEY_LENGTHS.map((length): Ask => {
  const keys = Array.from({ length: 256 }, (_, i) => String(i).padStart(length, 'k'));
  return (times) => {
    for (let i = 0; i < times; i++) hashText(keys[i & 255]!, hash);
  };
});
line('xxHash64', ...medians(hashes).map((ns) => ns.toFixed(0)), allocatedPer(hashes.at(-1)!).toFixed(1));

function picks(name: string, byField: readonly Ask[]): void {
  const costs = medians(byField);
  const allocated = allocatedPer(byField[SIZES.indexOf(ALLOCATION_SIZE)]!);
  line(name, ...costs.map((ns) => ns.toFixed(0)), allocated.toFixed(1), (costs.at(-1)! / costs[0]!).toFixed(1));
}

function asks(picker: Pick<Cluster, 'pick'>): Ask {
  const context = pickContext({ hasHash: true });
  return (times) => {
    for (let i = 0; i < times; i++) {
      setKey(context, i % KEYS);
      context.now += 0.01;
      picker.pick(context);
    }
  };
}

/** Everyone has answered once, so that nobody is new; the times differ. */
function clusterOf(options: ClusterOptions, size: number): Cluster {
  const cluster = emptyCluster(options, new ManualClock(), (task) => task());
  cluster.apply({ service: 'orders', endpoints: specs(size), source: 'bench' });
  let ms = 0;
  for (const endpoint of cluster.endpoints) {
    ms = 1 + ((ms + 3) % 7);
    endpoint.learn({ ...NO_EVIDENCE, outcome: 'success', status: 200, startedAt: 1000 - ms, firstByteAt: 1000 }, 1000);
  }
  return cluster;
}

/** The median of a few builds from nothing: all of it, the longest that the loop was held, and that again for one endpoint less. */
function builds(options: ClusterOptions, size: number): number[] {
  const samples = Array.from({ length: BUILDS }, () => buildOnce(options, size));
  return [0, 1, 2].map((field) => median(samples.map((sample) => sample[field]!)));
}

/** In slices, as in life. */
function buildOnce(options: ClusterOptions, size: number): [all: number, longest: number, change: number] {
  globalThis.gc?.();
  const pending: (() => void)[] = [];
  const real = { now: () => performance.now(), wallMs: () => 0, arm: () => undefined, disarm: () => undefined };
  const cluster = emptyCluster(options, real, (task) => pending.push(task));
  const apply = (endpoints: readonly EndpointSpec[]): [all: number, longest: number] => {
    pending.push(() => cluster.apply({ service: 'orders', endpoints, source: 'bench' }));
    let all = 0;
    let longest = 0;
    for (let task = pending.shift(); task !== undefined; task = pending.shift()) {
      const tookMs = timed(task, 1);
      all += tookMs;
      longest = Math.max(longest, tookMs);
    }
    return [all, longest];
  };
  const all = specs(size);
  const [total, longest] = apply(all);
  const [, change] = apply(all.slice(1));
  return [total, longest, change];
}

function emptyCluster(options: ClusterOptions, clock: Clock, later: (task: () => void) => void): Cluster {
  const random = new SeededRandom(1);
  return new Cluster({
    name: 'orders',
    options,
    balancer: makeBalancer(options.balancer, random),
    connectorFactory: () => new IdleConnector(),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later,
  });
}

function specs(size: number): EndpointSpec[] {
  return Array.from({ length: size }, (_, i) => specOf(i));
}

/** Nanoseconds for one, of each; in rounds over all of them, so that a busy moment of the machine meets them all. */
function medians(all: readonly Ask[]): number[] {
  const counts = all.map(countFor);
  const samples = all.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, ask] of all.entries()) samples[i]!.push(timed(ask, counts[i]!) / counts[i]!);
  }
  return samples.map((values) => median(values) * 1e6);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** How many fill a sample; warms up on the way. */
function countFor(ask: Ask): number {
  for (let count = 64; ; count *= 2) if (timed(ask, count) >= SAMPLE_MS) return count;
}

function timed(ask: Ask, times: number): number {
  const startedAt = performance.now();
  ask(times);
  return performance.now() - startedAt;
}

function line(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(28) + cells.map((cell) => cell.padStart(9)).join(''));
}

function readFlags(): { algorithm: readonly string[] | undefined; rounds: number } {
  const stop = (why: string): never => {
    console.error(`bench:micro: ${why} (--help lists the options)`);
    process.exit(2);
  };
  try {
    const options = {
      algorithm: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      help: { type: 'boolean' },
    } as const;
    const { values } = parseArgs({ options });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const names = contenders().map(({ name }) => name);
    for (const name of values.algorithm ?? []) {
      if (!names.includes(name)) stop(`no --algorithm "${name}"; there are ${names.join(', ')}`);
    }
    const rounds = Number(values.rounds ?? 7);
    if (!(Number.isInteger(rounds) && rounds > 0))
      stop(`--rounds wants a whole number above 0, not "${values.rounds}"`);
    return { algorithm: values.algorithm, rounds };
  } catch (error) {
    return stop(error instanceof Error ? error.message : String(error));
  }
}
