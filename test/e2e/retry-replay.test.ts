import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { SeenRequest } from './origin-app.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER, Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a', 'b'], {
    orders: { breaker: NO_BREAKER, retry: { replay: '64KiB' } },
  });
});

afterAll(() => scene.close());

beforeEach(() => Promise.all(scene.origins.map((origin) => origin.mode(''))));

/** `times` requests one after another, so that some begin at the ill endpoint, whichever comes first. */
async function repeat(times: number, ask: (id: string) => Promise<void>): Promise<void> {
  for (let i = 0; i < times; i++) await ask(`${expect.getState().currentTestName}-${i}`.replaceAll(' ', '_'));
}

function seenBy(client: RawClient): SeenRequest {
  return JSON.parse(client.text.slice(client.text.lastIndexOf('{"origin"'))) as SeenRequest;
}

function head(id: string, ...lines: readonly string[]): string {
  return ['PUT / HTTP/1.1', 'Host: orders', 'Connection: close', `X-Id: ${id}`, ...lines, '', ''].join('\r\n');
}

/** Sends the body in pieces, the last of them when the first attempt has been at the ill endpoint for a while. */
async function put(id: string, body: string, isChunked: boolean, hold: () => Promise<void>): Promise<RawClient> {
  const client = await RawClient.connect(scene.port);
  const frame = (text: string): string => (isChunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text);
  client.write(head(id, isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`));
  const half = body.length >> 1;
  client.write(frame(body.slice(0, half)));
  await hold();
  client.write(frame(body.slice(half)) + (isChunked ? '0\r\n\r\n' : ''));
  await client.closed();
  client.socket.destroy();
  return client;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const SMALL = 'replay me '.repeat(3_000);

describe.each([false, true])('a PUT whose body is small enough to keep (chunked: %s)', (isChunked) => {
  it.each(['status=503', 'reset=before', 'close=before'])('is sent again whole after %s', async (mode) => {
    await scene.origins[0]!.mode(mode);
    await repeat(4, async (id) => {
      const client = await put(id, SMALL, isChunked, async () => undefined);
      expect(client.statuses).toEqual([200]);
      const seen = seenBy(client);
      expect([seen.origin, seen.bytes, seen.digest]).toEqual(['b', SMALL.length, digest(SMALL)]);
    });
    expect(scene.origins[0]!.begun.length).toBeGreaterThan(0);
  });

  it('is sent again while it still comes in, after an early 503', async () => {
    const [ill, well] = scene.origins;
    await ill!.mode('early=503');
    await repeat(4, async (id) => {
      const client = await put(id, SMALL, isChunked, () => eventually(() => well!.begun.includes(id)).then());
      expect(client.statuses).toEqual([200]);
      expect(seenBy(client).digest).toBe(digest(SMALL));
    });
  });
});

it('a PUT too large to keep is not sent again: its client gets what the endpoint said', async () => {
  await Promise.all(scene.origins.map((origin) => origin.mode('status=503')));
  const body = 'x'.repeat(200_000);
  await repeat(2, async (id) => {
    const client = await put(id, body, false, async () => undefined);
    expect(client.statuses).toEqual([503]);
    expect(client.text).not.toContain('x-remora-failure');
    expect(scene.origins.flatMap(({ begun }) => begun).filter((other) => other === id).length).toBe(1);
  });
  expect(await scene.sidecar.metric('remora_retries_refused_total', { reason: 'body' })).toBe(2);
});

it('a PUT that waits for 100 Continue hears it once, though a second endpoint says it again', async () => {
  await scene.origins[0]!.mode('close=before');
  await repeat(4, async (id) => {
    const client = await RawClient.connect(scene.port);
    client.write(head(id, 'Expect: 100-continue', 'Content-Length: 5'));
    await client.heard('100 Continue');
    client.write('hello');
    await client.closed();
    expect(client.statuses).toEqual([100, 200]);
    expect(seenBy(client).digest).toBe(digest('hello'));
    client.socket.destroy();
  });
});
