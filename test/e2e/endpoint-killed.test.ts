import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Load, type Result, sendOne } from './load.ts';
import type { OriginApp } from './origin-app.ts';
import { Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a', 'b', 'c'], {
    orders: { breaker: { coolDown: '300ms', maxCoolDown: '500ms' } },
  });
});

afterAll(() => scene.close());

/** Ids that an origin began and did not answer. */
function leftBy(origin: OriginApp): string[] {
  return origin.begun.filter((id) => !origin.answered.has(id));
}

function idsOf(results: readonly Result[]): string[] {
  return results.map(({ id }) => id).sort();
}

it('loses no GET, and of POSTs those the dead endpoint had begun, when one of three is killed under load', async () => {
  const { origins, sidecar, port } = scene;
  const [victim, ...others] = origins as readonly [OriginApp, ...OriginApp[]];
  const gets = new Load(port, { perSecond: 200 });
  const strangers = new Load(port, { perSecond: 30, oneShot: true });
  const posts = new Load(port, { method: 'POST', body: 'once', perSecond: 50 });
  await gets.progress(200);

  // POSTs whose place is known when the endpoint dies, beside the ones that flow.
  const held = Array.from({ length: 12 }, (_, i) =>
    sendOne(port, `held-${i}`, 'POST', { path: '/?hold', body: 'once' }),
  );
  const isHeld = (id: string): boolean => id.startsWith('held-');
  await eventually(() => origins.flatMap(({ begun }) => begun).filter(isHeld).length === 12);
  expect(victim.begun.filter(isHeld).length).toBeGreaterThan(0);
  await victim.die();
  const left = leftBy(victim);
  await gets.progress(200);
  await Promise.all(others.map((origin) => origin.release()));
  const heldResults = await Promise.all(held);
  await eventually(async () => (await sidecar.metric('remora_breaker_trips_total')) > 0);

  const before = victim.begun.length;
  await victim.restart();
  await eventually(() => victim.begun.length > before + 50);
  await posts.stop();
  await gets.stop();
  await strangers.stop();

  expect([...gets.failed, ...strangers.failed]).toEqual([]);
  expect(gets.results.length).toBeGreaterThan(400);

  const failed = idsOf([...posts.failed, ...heldResults.filter(({ status }) => status !== 200)]);
  expect(failed).toEqual(expect.arrayContaining(left.filter((id) => !id.startsWith('GET'))));
  expect(failed.filter(isHeld)).toEqual(left.filter(isHeld).sort());
  // A request that died in the kernel's buffer is in nobody's log: it failed, and was not executed elsewhere either.
  const everBegun = origins.flatMap(({ begun }) => begun).filter((id) => !id.startsWith('GET'));
  for (const id of failed) expect(everBegun.filter((other) => other === id).length).toBeLessThanOrEqual(1);
  for (const id of failed) expect(others.some(({ begun }) => begun.includes(id))).toBe(false);
  expect(everBegun.length).toBe(new Set(everBegun).size);
  for (const { failure } of posts.failed) expect(failure).toMatch(/^(upstream_reset|connection_stale)$/);
});

it('fails fast when all are dead, and serves again when they are back', async () => {
  const { origins, port } = scene;
  await Promise.all(origins.map((origin) => origin.die()));
  const during = new Load(port, { perSecond: 100 });
  await eventually(() => during.failed.some(({ failure }) => failure === 'circuit_open'));
  await during.stop();
  for (const { status, failure } of during.failed)
    expect([status, failure]).toEqual([503, expect.stringMatching(/^(connect_refused|circuit_open)$/)]);

  await Promise.all(origins.map((origin) => origin.restart()));
  await eventually(async () => (await sendOne(port, 'back', 'GET')).status === 200);
  const after = new Load(port, { perSecond: 100 });
  await eventually(() => new Set(after.results.map(({ origin }) => origin)).size === 3);
  await after.stop();
  expect(after.failed).toEqual([]);
});
