import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KeptLayers } from '../../src/config/kept-layers.ts';
import type { KvText } from '../../src/config/material.ts';
import { ManualClock } from '../support/manual-clock.ts';

let folder: string;
let problems: string[];
let clock: ManualClock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remora-kept-'));
  problems = [];
  clock = new ManualClock();
});

afterEach(() => rm(folder, { recursive: true }));

const kept = (more: object = {}): KeptLayers =>
  new KeptLayers(clock, {
    folder: join(folder, 'state'),
    origin: 'dc1',
    service: 'web',
    onProblem: (problem) => problems.push(problem),
    ...more,
  });
const document = (layer: KvText['layer'], text: string, revision = '7'): KvText => ({
  layer,
  text,
  revision,
  isCandidate: false,
});
const DOCUMENTS = [document('mesh', 'defaults: {}'), document('caller/web', '{}', '9')];

async function file(): Promise<string> {
  const [name] = await readdir(join(folder, 'state'));
  return join(folder, 'state', name!);
}

it('keeps documents for the next run, for nobody but their owner', async () => {
  const one = kept();
  expect(await one.load()).toEqual([]);
  one.save(DOCUMENTS);
  await one.close();
  expect(await kept().load()).toEqual(DOCUMENTS);
  expect((await stat(await file())).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, 'state'))).toHaveLength(1);
  expect(problems).toEqual([]);
});

it('does not mix what belongs to another Consul or another service', async () => {
  const one = kept();
  one.save(DOCUMENTS);
  await one.close();
  expect(await kept({ origin: 'dc2' }).load()).toEqual([]);
  expect(await kept({ service: 'shop' }).load()).toEqual([]);
  const text = await readFile(await file(), 'utf8');
  await writeFile(await file(), text.replace('"dc1"', '"dc9"'));
  expect(await kept().load()).toEqual([]);
  expect(problems).toEqual([expect.stringContaining('is ignored: it is of another service')]);
});

it.each(['', '{', 'null', '{"version":2}', '[]'])('ignores %j, and says so', async (text) => {
  const one = kept();
  one.save(DOCUMENTS);
  await one.close();
  await writeFile(await file(), text);
  expect(await kept().load()).toEqual([]);
  expect(problems).toEqual([expect.stringContaining('is ignored')]);
});

it.each([
  { layer: 'status/x', text: '{}', revision: '1' },
  { layer: 'mesh', text: 1, revision: '1' },
  { layer: 'mesh', text: '{}', revision: 'x' },
  null,
])('ignores a file with the document %j', async (wrong) => {
  const one = kept();
  one.save(DOCUMENTS);
  await one.close();
  const whole = JSON.parse(await readFile(await file(), 'utf8')) as object;
  await writeFile(await file(), JSON.stringify({ ...whole, documents: [wrong] }));
  expect(await kept().load()).toEqual([]);
  expect(problems).toEqual([expect.stringContaining('it holds a document that is none')]);
});

it('writes once a second at most, and the newest', async () => {
  const one = kept();
  for (let revision = 1; revision <= 100; revision++) one.save([document('mesh', '{}', String(revision))]);
  clock.advance(20);
  await expect.poll(async () => (await kept().load())[0]?.revision).toBe('100');
  one.save([document('mesh', '{}', '101')]);
  expect(clock.armed).toBe(1);
  clock.advance(500);
  expect((await kept().load())[0]?.revision).toBe('100');
  clock.advance(1_000);
  await expect.poll(async () => (await kept().load())[0]?.revision).toBe('101');
});

it('says that it cannot write, and goes on', async () => {
  await writeFile(join(folder, 'state'), 'a file where the folder should be');
  const one = kept();
  one.save(DOCUMENTS);
  await one.close();
  expect(problems).toEqual([expect.stringContaining('cannot keep the documents in force')]);
});

it('tries again to keep what a full disk did not take, and says so once', async () => {
  await writeFile(join(folder, 'state'), 'a file in the way');
  const one = kept();
  one.save(DOCUMENTS);
  for (let i = 0; i < 12; i++) {
    clock.advance(10_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(problems).toHaveLength(1);
  await rm(join(folder, 'state'));
  for (let i = 0; i < 12; i++) {
    clock.advance(10_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await vi.waitFor(async () => expect(await kept().load()).toEqual(DOCUMENTS));
  expect(clock.armed).toBe(0);
});
