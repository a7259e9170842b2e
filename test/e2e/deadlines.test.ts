import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SeenRequest } from './origin-app.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER, Scene } from './scene.ts';

const OWN = 'x-remora-deadline-ms';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a'], {
    orders: { breaker: NO_BREAKER },
    config: {
      upstreams: {
        orders: { port: 0, breaker: NO_BREAKER },
        slow: { port: 0, service: 'orders' },
        stuck: { port: 0, service: 'orders', breaker: NO_BREAKER, timeouts: { attemptIdle: '300ms' } },
        brief: {
          port: 0,
          service: 'orders',
          timeouts: { maxDuration: '500ms', streamIdle: 0, tunnelIdle: 0, request: 0 },
        },
      },
    },
  });
});

afterAll(() => scene.close());

async function ask(port: number, target: string, fields: readonly string[] = []): Promise<RawClient> {
  const lines = ['Host: orders', 'Connection: close', ...fields].map((line) => `${line}\r\n`).join('');
  return RawClient.ask(port, `GET ${target} HTTP/1.1\r\n${lines}\r\n`);
}

function seenBy({ text }: RawClient): ReadonlyMap<string, string> {
  const { rawHeaders } = JSON.parse(/\{"origin".*\}/.exec(text)![0]) as SeenRequest;
  return new Map(rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1]!]] : [])));
}

it('tells the endpoint how long its caller waits, on the way out and on the way in', async () => {
  for (const port of [scene.port, scene.sidecar.port('inbound')]) {
    for (const fields of [[], [`${OWN}: 99999999`]]) {
      const told = Number(seenBy(await ask(port, '/', fields)).get(OWN));
      expect(told).toBeLessThanOrEqual(15_000);
      expect(told).toBeGreaterThan(14_000);
    }
    const seen = seenBy(await ask(port, '/', [`${OWN}: 5000`]));
    expect(Number(seen.get(OWN))).toBeLessThanOrEqual(5_000);
    expect(Number(seen.get(OWN))).toBeGreaterThan(4_000);
    expect(seen.get('x-envoy-expected-rq-timeout-ms')).toBe(seen.get(OWN));
  }
});

it('gives up when its caller does', async () => {
  for (const port of [scene.port, scene.sidecar.port('inbound')]) {
    const { statuses, text } = await ask(port, '/?hold', [`${OWN}: 200`]);
    expect(statuses).toEqual([504]);
    expect(text).toContain('x-remora-failure: deadline_exceeded');
    await scene.origins[0]!.release();
  }
});

it('sends nothing when no answer of late was quick enough', async () => {
  const port = scene.sidecar.port('slow');
  for (let i = 0; i < 25; i++) await ask(port, '/?delay=30');
  const before = scene.origins[0]!.begun.length;
  const { statuses, text } = await ask(port, '/?delay=30', [`${OWN}: 5`]);
  expect(statuses).toEqual([504]);
  expect(text).toContain('x-remora-failure: deadline_too_short');
  expect(scene.origins[0]!.begun.length).toBe(before);
  const failure = { upstream: 'slow', failure: 'deadline_too_short' };
  expect(await scene.sidecar.metric('remora_requests_total', failure)).toBe(1);
});

it('gives up an endpoint that stays silent, and all of it after the longest time', async () => {
  const stuck = await RawClient.ask(
    scene.sidecar.port('stuck'),
    'POST /?hold HTTP/1.1\r\nHost: orders\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  );
  expect(stuck.statuses).toEqual([504]);
  expect(stuck.text).toContain('x-remora-failure: attempt_idle');
  await scene.origins[0]!.release();
  const brief = await ask(scene.sidecar.port('brief'), '/?stall');
  expect(brief.statuses).toEqual([200]);
  expect(await scene.sidecar.metric('remora_requests_total', { upstream: 'brief', failure: 'max_duration' })).toBe(1);
});
