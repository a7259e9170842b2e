import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { monotonicMs } from './load.ts';
import type { OriginApp } from './origin-app.ts';
import { failedOf, type Span, Trial } from './trial.ts';

/** What one endpoint of three does while requests go on coming; what ends it has to bring it its share again. */
interface Fault {
  readonly name: string;
  /** How often circuits open at least. */
  readonly trips: number;
  begin(victim: OriginApp): Promise<void> | void;
  end(victim: OriginApp): Promise<void> | void;
}

const FAULTS: readonly Fault[] = [
  { name: 'is killed (-9) and started again', trips: 1, begin: (it) => it.kill(), end: (it) => it.restart() },
  { name: 'is frozen and thaws', trips: 1, begin: (it) => it.freeze(), end: (it) => it.thaw() },
  mode('resets connections before it answers', 1, 'reset=before'),
  mode('answers 503', 1, 'status=503'),
  mode('takes requests and never answers', 1, 'never'),
  mode('is slow for one request in ten', 0, 'delay=1500&each=10'),
];

function mode(name: string, trips: number, words: string): Fault {
  return { name, trips, begin: (victim) => victim.mode(words), end: (victim) => victim.mode('') };
}

let trial: Trial;

beforeAll(async () => {
  trial = await Trial.start();
});

afterAll(() => trial.scene.close());

async function undergo({ trips, begin, end }: Fault): Promise<Span> {
  const at = monotonicMs();
  const before = await trial.trips();
  await begin(trial.victim);
  await trial.more(120);
  if (trips > 0) await trial.tripped(before);
  await end(trial.victim);
  await trial.recovered();
  return trial.since(at);
}

it.each(FAULTS)('no GET is lost when one of three $name, and it gets its share again', async (fault) => {
  const before = await trial.retries();
  const { gets, posts } = await undergo(fault);
  expect(await trial.retries()).toBeGreaterThan(before);
  expect(failedOf(gets)).toEqual([]);
  expect(gets.length).toBeGreaterThan(120);
  // A POST that failed was the victim's or nobody's.
  const others = trial.origins.slice(1).flatMap(({ begun }) => begun);
  for (const { id } of failedOf(posts)) expect(others).not.toContain(id);
});

it('GETs that have half an answer are cut and not sent again, and no other is lost', async () => {
  const { gets } = await undergo(mode('answers by half', 0, 'reset=middle'));
  const cut = failedOf(gets);
  expect(cut.length).toBeGreaterThan(0);
  for (const { id, status } of cut) {
    expect(status).toBe(0);
    expect(trial.origins.map(({ begun }) => begun.filter((other) => other === id).length)).toEqual([1, 0, 0]);
  }
});

it('no GET is lost when all are killed and started again in turn', async () => {
  const at = monotonicMs();
  for (const origin of trial.origins) {
    await origin.kill();
    await trial.more(20);
    await origin.restart();
    await trial.recovered();
  }
  expect(failedOf(trial.since(at).gets)).toEqual([]);
});

it('requests end with 503 when all are killed, and none is lost any more once all are back', async () => {
  const at = monotonicMs();
  await Promise.all(trial.origins.map((origin) => origin.kill()));
  const deadAt = monotonicMs();
  await eventually(() => trial.since(at).gets.some(({ failure }) => failure === 'circuit_open'));
  await trial.more(80);
  await Promise.all(trial.origins.map((origin) => origin.restart()));
  await trial.recovered();
  const backAt = monotonicMs();
  await trial.more(80);

  const { gets } = trial.since(at);
  expect(failedOf(gets).length).toBeGreaterThan(0);
  for (const { sentAt, status, failure } of failedOf(gets)) {
    // Whoever was there when they died may have been cut off by each of them in turn.
    const wasCut = sentAt < deadAt && failure === 'upstream_reset';
    expect([status, failure]).toEqual(wasCut ? [502, failure] : [503, expect.stringMatching(/./)]);
  }
  expect(failedOf(gets.filter(({ sentAt }) => sentAt >= backAt))).toEqual([]);
});

it('in all of that, attempts keep to the law of retries in any ten seconds, and no POST was executed twice', async () => {
  const { span, gets, posts, unsent } = await trial.end();
  expect(unsent).toBe(0);
  expect(span.gets.length).toBeGreaterThan(1000);
  expect(gets.excess).toBeLessThanOrEqual(0);
  expect(gets.ratio).toBeLessThan(1.2);
  expect(gets.mostResent).toBeLessThanOrEqual(1);
  expect(posts.repeated).toEqual([]);
});
