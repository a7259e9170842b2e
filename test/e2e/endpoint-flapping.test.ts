import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Load } from './load.ts';
import { Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a', 'b', 'c'], { orders: { breaker: { coolDown: '200ms', maxCoolDown: '400ms' } } });
});

afterAll(() => scene.close());

it('loses no GET to an endpoint that answers 503 on and off; it is shut out and let in again', async () => {
  const [ill] = scene.origins;
  const load = new Load(scene.port, { perSecond: 100 });
  const posts = new Load(scene.port, { method: 'POST', body: 'once', perSecond: 100 });
  await load.progress(100);
  for (const round of [1, 2, 3]) {
    await ill!.mode('status=503');
    await eventually(async () => (await scene.sidecar.metric('remora_breaker_trips_total')) >= round);
    await ill!.mode('');
    const wellAgain = load.results.length;
    await eventually(() => load.results.slice(wellAgain).filter(({ origin }) => origin === 'a').length > 10);
  }
  await posts.stop();
  await load.stop();

  expect(load.failed).toEqual([]);
  // A POST is not sent again: its client gets the endpoint's own answer.
  expect(posts.failed.length).toBeGreaterThan(0);
  expect(posts.failed.every(({ status, failure, origin }) => status === 503 && failure === '' && origin === 'a')).toBe(
    true,
  );
  const begun = scene.origins.flatMap((origin) => origin.begun).filter((id) => id.startsWith('POST'));
  expect(begun.length).toBe(new Set(begun).size);
});
