import type { RequestHead } from '../../../src/http/head.ts';
import { compileRoutes } from '../../../src/route/table/compile.ts';
import type { RouteMatch, RouteOptions } from '../../../src/route/table/options.ts';
import { readyRegex } from '../../../src/route/table/regex.ts';
import type { RouteTable } from '../../../src/route/table/table.ts';
import { allocatedPer } from '../../support/allocated.ts';
import { PEER, requestHead } from '../../support/exchange-script.ts';
import { match, route, valueMatch } from '../../support/routes.ts';

/**
 * `npm run bench:micro -- routes`: what it costs to find the route of a request, alone on one core, and what it costs to
 * build a table. Prints and asserts nothing. Hosts and paths are slices of the text of a head, as connections make them.
 */
const SIZES = [10, 1000, 10_000];
const SAMPLE_MS = 15;
const ROUNDS = 7;
/** Requests that are asked in turn: many, so that a table is not warmer here than in life. */
const HEADS = 4096;
const BUILDS = 5;
/** As the agent does it. */
const SLICE_MS = 4;

interface Shape {
  readonly name: string;
  readonly hosts: (i: number) => readonly string[];
  readonly match: (i: number) => Partial<RouteMatch>;
  readonly authority: (i: number) => string;
  readonly path: (i: number) => string;
  readonly order?: (i: number) => number;
}

const ONE_HOST = { hosts: () => ['shop.local'], authority: () => 'shop.local' };
const OWN_HOSTS = { hosts: (i: number) => [`s${i}.shop.local`], authority: (i: number) => `s${i}.shop.local:8080` };
const SHAPES: readonly Shape[] = [
  {
    name: 'exact',
    ...ONE_HOST,
    match: (i) => ({ path: { kind: 'exact', value: `/api/v1/users-${i}/orders` } }),
    path: (i) => `/api/v1/users-${i}/orders?page=2`,
  },
  {
    name: 'prefix',
    ...ONE_HOST,
    match: (i) => ({ path: { kind: 'prefix', value: `/api/v1/users-${i}/` } }),
    path: (i) => `/api/v1/users-${i}/orders/17?page=2`,
  },
  {
    name: 'segments',
    ...ONE_HOST,
    match: (i) => ({ path: { kind: 'segments', value: `/api/v1/users-${i}` } }),
    path: (i) => `/api/v1/users-${i}/orders/17?page=2`,
  },
  { name: 'host only', ...OWN_HOSTS, match: () => ({}), path: () => '/orders/17?page=2' },
  {
    name: 'host and exact',
    ...OWN_HOSTS,
    match: () => ({ path: { kind: 'exact', value: '/orders/17' } }),
    path: () => '/orders/17?page=2',
  },
  {
    name: 'segments and a field',
    ...ONE_HOST,
    match: (i) => ({ path: { kind: 'segments', value: `/api/v1/users-${i}` }, headers: [valueMatch('x-a')] }),
    path: (i) => `/api/v1/users-${i}/orders/17?page=2`,
  },
  {
    name: 'regex, own beginning',
    ...ONE_HOST,
    match: (i) => ({ path: { kind: 'regex', value: `/api/v1/users-${i}/[a-z]+/[0-9]+` } }),
    path: (i) => `/api/v1/users-${i}/orders/17?page=2`,
  },
  {
    name: 'segments, ordered',
    ...ONE_HOST,
    match: (i) => ({ path: { kind: 'segments', value: `/api/v1/users-${i}` } }),
    path: (i) => `/api/v1/users-${i}/orders/17?page=2`,
    order: (i) => i,
  },
  {
    name: 'no route',
    ...ONE_HOST,
    match: (i) => ({ path: { kind: 'segments', value: `/api/v1/users-${i}` } }),
    path: (i) => `/api/v2/users-${i}/orders/17?page=2`,
  },
];

await readyRegex();

console.log('ns to find the route of a request, by routes; B: bytes allocated by one, at 1000');
line('', ...SIZES.map(String), 'B');
for (const shape of SHAPES) {
  const asks = SIZES.map((size) => asking(shape, size));
  line(shape.name, ...medians(asks).map((ns) => ns.toFixed(0)), allocatedPer(asks[1]!).toFixed(1));
}

console.log('\nms to build a table of 10000, and the longest that it holds the loop');
line('', 'all', 'longest');
for (const shape of SHAPES.slice(0, -1)) line(shape.name, ...(await builds(shape, 10_000)).map((ms) => ms.toFixed(1)));

function routesOf({ hosts, match: said, order }: Shape, size: number): RouteOptions[] {
  return Array.from({ length: size }, (_, i) =>
    route({ name: `r${i}`, hosts: hosts(i), matches: [match(said(i))], order: order?.(i) ?? 0 }),
  );
}

function tableOf(shape: Shape, size: number): RouteTable<string> {
  const work = compileRoutes(routesOf(shape, size), ({ name }) => name);
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

function asking(shape: Shape, size: number): (times: number) => void {
  const table = tableOf(shape, size);
  const heads: RequestHead[] = Array.from({ length: HEADS }, (_, at) => {
    const i = (at * 2_654_435_761) % size;
    const text = `GET ${shape.path(i)} HTTP/1.1\r\nHost: ${shape.authority(i)}\r\n\r\n`;
    const [, path, , authority] = text
      .trimEnd()
      .split(/ |\r\n/)
      .filter((word) => word !== 'Host:');
    return Object.assign(requestHead({ path: path!, authority: authority! }), { get: () => 'ann' });
  });
  return (times) => {
    for (let i = 0; i < times; i++) table.match(heads[i & (HEADS - 1)]!, PEER);
  };
}

/** The median of a few builds in slices, as in life: all of it, and the longest slice. */
async function builds(shape: Shape, size: number): Promise<[all: number, longest: number]> {
  const routes = routesOf(shape, size);
  const samples: [number, number][] = [];
  for (let i = 0; i < BUILDS; i++) samples.push(await buildOnce(routes));
  return [median(samples.map(([all]) => all)), median(samples.map(([, longest]) => longest))];
}

function buildOnce(routes: readonly RouteOptions[]): [all: number, longest: number] {
  globalThis.gc?.();
  const work = compileRoutes(routes, ({ name }) => name);
  let all = 0;
  let longest = 0;
  for (let isDone = false; !isDone; ) {
    const startedAt = performance.now();
    do isDone = work.next().done === true;
    while (!isDone && performance.now() - startedAt < SLICE_MS);
    const took = performance.now() - startedAt;
    all += took;
    longest = Math.max(longest, took);
  }
  return [all, longest];
}

/** Nanoseconds for one, of each; in rounds over all of them, so that a busy moment of the machine meets them all. */
function medians(all: readonly ((times: number) => void)[]): number[] {
  const counts = all.map((ask) => {
    for (let count = 64; ; count *= 2) if (timed(ask, count) >= SAMPLE_MS) return count;
  });
  const samples = all.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, ask] of all.entries()) samples[i]!.push(timed(ask, counts[i]!) / counts[i]!);
  }
  return samples.map((values) => median(values) * 1e6);
}

function timed(ask: (times: number) => void, times: number): number {
  const startedAt = performance.now();
  ask(times);
  return performance.now() - startedAt;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function line(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(28) + cells.map((cell) => cell.padStart(9)).join(''));
}
