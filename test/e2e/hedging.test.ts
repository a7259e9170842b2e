import { afterAll, beforeAll, expect, it } from 'vitest';
import { Load } from './load.ts';
import { NO_BREAKER, Scene } from './scene.ts';

const EXTRA = 0.45;

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a', 'b', 'c'], {
    orders: {
      hedge: { delay: '40ms', maxExtraLoad: EXTRA },
      retry: { budget: { ratio: 1 } },
      breaker: NO_BREAKER,
    },
  });
});

afterAll(() => scene.close());

/** How often each id reached an origin. */
function times(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { begun } of scene.origins) for (const id of begun) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

it('sends what a slow endpoint has to another, within its budget, and never what may not be sent twice', async () => {
  const [slow] = scene.origins;
  await slow!.mode('delay=2000');
  const gets = new Load(scene.port, { perSecond: 100 });
  await gets.progress(300);
  await gets.stop();
  await slow!.mode('');

  expect(gets.failed).toEqual([]);
  const counts = times();
  const twice = [...counts.values()].filter((count) => count > 1).length;
  expect(Math.max(...counts.values())).toBe(2);
  expect(twice).toBeGreaterThan(50);
  expect(twice).toBeLessThanOrEqual(EXTRA * gets.results.length + 1);
  // Whoever was slow has answered few, and was given up by the others' callers.
  expect(gets.results.filter(({ origin }) => origin === 'a').length).toBeLessThan(gets.results.length / 10);
  // One that is given up the moment it was sent may not be seen where it went.
  const sent = await scene.sidecar.metric('remora_hedges_total', { result: 'sent' });
  expect(sent).toBe((await scene.sidecar.metric('remora_attempts_total')) - gets.results.length);
  expect(sent).toBeGreaterThanOrEqual(twice);
  expect(sent).toBeLessThanOrEqual(EXTRA * gets.results.length + 1);
  expect(await scene.sidecar.metric('remora_hedges_total', { result: 'won' })).toBeGreaterThan(50);

  await slow!.mode('delay=200');
  const posts = new Load(scene.port, { method: 'POST', perSecond: 50 });
  await posts.progress(60);
  await posts.stop();
  expect(posts.failed).toEqual([]);
  for (const { id } of posts.results) expect(times().get(id), id).toBe(1);
});
