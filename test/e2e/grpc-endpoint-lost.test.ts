import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Ended } from './grpc-client.ts';
import { GrpcLoad } from './grpc-load.ts';
import { GrpcMesh, type Site } from './grpc-mesh.ts';

const ROUNDS = 3;
const WORKERS = 4;

const BREAKER = { coolDown: '200ms', maxCoolDown: '300ms' };
/** One endpoint of three is lost over and over here: whether retries may add so much to a load is another question. */
const BUDGET = { minPerSecond: 1_000 };

let mesh: GrpcMesh;
/** Calls that may be made twice. */
let repeatable: GrpcLoad;
/** All kinds of calls that may not. */
let unrepeatable: readonly GrpcLoad[];
let all: readonly GrpcLoad[];
let testCount = 0;

beforeAll(async () => {
  mesh = await GrpcMesh.start(['a', 'b', 'c'], {
    echo: { breaker: BREAKER, retry: { grpcIdempotent: true, budget: BUDGET } },
    upstreams: {
      once: {
        port: 0,
        service: 'echo',
        protocol: 'grpc',
        balance: 'round_robin',
        breaker: BREAKER,
        retry: { budget: BUDGET },
      },
    },
    beside: { shutdown: { propagation: '0s', timeout: '20s' } },
  });
});

afterAll(() => mesh?.close());

beforeEach(async () => {
  const test = ++testCount;
  const once = mesh.web.port('once');
  const wish = { delay: 5 };
  repeatable = new GrpcLoad(mesh.port, 'Unary', `repeatable-${test}`, { wish, workers: WORKERS });
  unrepeatable = [
    new GrpcLoad(once, 'Unary', `unary-${test}`, { wish, workers: WORKERS }),
    new GrpcLoad(once, 'Collect', `collect-${test}`, { wish, workers: WORKERS }),
    new GrpcLoad(once, 'Expand', `expand-${test}`, { wish: { count: 5, every: 5 }, workers: WORKERS }),
    new GrpcLoad(once, 'Talk', `talk-${test}`, { wish, workers: WORKERS }),
  ];
  all = [repeatable, ...unrepeatable];
  await pass();
});

async function pass(): Promise<void> {
  await Promise.all(all.map((load) => load.passes(30)));
}

async function seen({ app }: Site): Promise<void> {
  await Promise.all(all.map((load) => load.sees(app.name)));
}

async function stop(): Promise<void> {
  await Promise.all(all.map((load) => load.stop()));
}

function beginsOf(id: string): number {
  return mesh.begun.filter((begun) => begun === id).length;
}

/** What remora calls the failure, or grpc-js's words for an answer that broke off. */
function nameOf({ head, details }: Ended): string {
  return head === null ? details.split(': ')[1]! : 'broken off';
}

/** Kills the first of the servers again and again, and judges every call that failed. */
async function lose(kill: (site: Site) => Promise<unknown>, revive: (site: Site) => Promise<void>): Promise<void> {
  const [victim, ...others] = mesh.sites as readonly [Site, ...Site[]];
  for (let round = 0; round < ROUNDS; round++) {
    await kill(victim);
    await pass();
    await revive(victim);
    await seen(victim);
  }
  await stop();

  // No other attempt may follow a head that the caller has.
  expect(repeatable.failed.filter(({ head }) => head === null)).toEqual([]);

  const failed = unrepeatable.flatMap((load) => load.failed);
  const begun = new Set(others.flatMap(({ app }) => app.begun));
  for (const ended of failed) {
    // It was with the server when that died, or on the way to it: nobody can tell. What nobody had looked at was saved.
    expect(nameOf(ended)).toMatch(/^(upstream_reset|connection_stale|broken off)$/);
    expect(begun.has(ended.id)).toBe(false);
  }
  expect(failed.length).toBeLessThanOrEqual(ROUNDS * WORKERS * unrepeatable.length);
  for (const { results } of unrepeatable) for (const { id } of results) expect(beginsOf(id)).toBeLessThanOrEqual(1);
  const left = victim.app.begun.filter((id) => !victim.app.answered.has(id) && !id.startsWith('repeatable'));
  expect(failed.map(({ id }) => id)).toEqual(expect.arrayContaining(left.filter(isOfThisTest)));
}

function isOfThisTest(id: string): boolean {
  return id.includes(`-${testCount}-`);
}

it('a server that is killed beside its sidecar costs no repeatable call, and of others those that it had', async () => {
  await lose(
    ({ app }) => app.die(),
    ({ app }) => app.restart(),
  );
});

it('so does one that is killed together with its sidecar', async () => {
  await lose(
    ({ app, sidecar }) => Promise.all([app.die(), sidecar.kill()]),
    async (site) => {
      await site.app.restart();
      await mesh.restartSidecar(site);
    },
  );
});

it('a server that leaves in order, with GOAWAY, costs no call of any kind', async () => {
  for (const site of mesh.sites) {
    await site.app.leave();
    await pass();
    await site.app.restart();
    await seen(site);
  }
  await stop();
  expect(all.flatMap(({ complaints }) => complaints)).toEqual([]);
});

it('nor does a sidecar that leaves in order', async () => {
  for (const site of mesh.sites) {
    expect(await site.sidecar.stop()).toBe(0);
    await pass();
    await mesh.restartSidecar(site);
    await seen(site);
  }
  await stop();
  expect(all.flatMap(({ complaints }) => complaints)).toEqual([]);
});
