import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Load } from './load.ts';
import { Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a', 'b', 'c'], {
    orders: { timeouts: { attempt: '300ms' }, breaker: { coolDown: '300ms', maxCoolDown: '500ms' } },
  });
});

afterAll(() => scene.close());

it('loses no GET when one of three is frozen, and sends it traffic again when it thaws', async () => {
  const victim = scene.origins[0]!;
  const load = new Load(scene.port, { perSecond: 150 });
  await load.progress(150);
  victim.freeze();
  await load.progress(300);
  await eventually(async () => (await scene.sidecar.metric('remora_breaker_trips_total')) > 0);
  const before = victim.answered.size;
  victim.thaw();
  // What it finds in its sockets when it wakes was given up long ago; an answer counts that somebody got.
  const thawedAt = load.results.length;
  await eventually(() => load.results.slice(thawedAt).filter(({ origin }) => origin === 'a').length > 20);
  await load.stop();

  expect(load.failed).toEqual([]);
  expect(victim.answered.size).toBeGreaterThan(before);
  expect(await scene.sidecar.metric('remora_retries_total')).toBeGreaterThan(0);
});
