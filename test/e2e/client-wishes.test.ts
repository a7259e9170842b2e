import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER, Scene } from './scene.ts';

/** What a plan allows, and what callers say of it on real connections: less is heard, more is not. */
let scene: Scene;

beforeAll(async () => {
  const budget = { ratio: 1, minPerSecond: 100 };
  scene = await Scene.start(['a', 'b'], {
    orders: {
      breaker: NO_BREAKER,
      timeouts: { request: '1500ms', attempt: '1400ms' },
      retry: { maxAttempts: 2, backoff: '1ms', budget },
    },
  });
});

afterAll(() => scene.close());

const begun = (): number => scene.origins.reduce((sum, origin) => sum + origin.begun.length, 0);

async function ask(
  target: string,
  fields: readonly string[],
): Promise<{ status: number; text: string; tookMs: number }> {
  const lines = ['Host: orders', 'Connection: close', ...fields].map((line) => `${line}\r\n`).join('');
  const at = performance.now();
  const { statuses, text } = await RawClient.ask(scene.port, `GET ${target} HTTP/1.1\r\n${lines}\r\n`);
  return { status: statuses.at(-1)!, text, tookMs: performance.now() - at };
}

describe('a deadline', () => {
  it.each([
    [['x-remora-deadline-ms: 60000']],
    [['x-envoy-expected-rq-timeout-ms: 60000']],
    [['x-envoy-upstream-rq-timeout-ms: 60000', 'x-envoy-upstream-rq-per-try-timeout-ms: 60000']],
    [['x-envoy-upstream-rq-timeout-ms: 0']],
  ])('is never longer than the plan has it: %s', async (fields) => {
    const { status, text, tookMs } = await ask('/?hold', fields);
    await Promise.all(scene.origins.map((origin) => origin.release()));
    expect([status, /x-remora-failure: (\w+)/.exec(text)?.[1]]).toEqual([504, 'deadline_exceeded']);
    expect(tookMs).toBeGreaterThan(1_400);
    expect(tookMs).toBeLessThan(15_000);
  });

  it.each(['x-remora-deadline-ms: 100', 'x-envoy-upstream-rq-timeout-ms: 100'])(
    'is shorter where its caller says so: %s',
    async (field) => {
      const { status, tookMs } = await ask('/?hold', [field]);
      await Promise.all(scene.origins.map((origin) => origin.release()));
      expect(status).toBe(504);
      expect(tookMs).toBeLessThan(1_200);
    },
  );
});

describe('the number of attempts', () => {
  it.each([
    ['x-remora-max-retries: 9', 2],
    ['x-envoy-max-retries: 9', 2],
    ['x-remora-max-retries: 0', 1],
    ['x-envoy-max-retries: 0', 1],
    ['x-envoy-retry-on: connect-failure', 1],
    ['x-envoy-retry-on: 5xx, retriable-status-codes', 2],
  ])('is the smaller one: %s', async (field, attempts) => {
    const before = begun();
    expect((await ask('/?status=503', [field])).status).toBe(503);
    // An origin says on a pipe of its own what has begun, which may come after its answer.
    await eventually(() => begun() - before >= attempts);
    expect(begun() - before).toBe(attempts);
  });
});
