import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER, Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a'], { orders: { breaker: NO_BREAKER } });
});

afterAll(() => scene.close());

let requests = 0;
beforeEach(() => {
  requests = scene.origins[0]!.begun.length;
});

/** `raw` is what the endpoint says, with `~` for a line's end. */
function ask(raw: string): Promise<RawClient> {
  const target = `/?raw=${encodeURIComponent(raw)}`;
  return RawClient.ask(scene.port, `GET ${target} HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n`);
}

it.each([
  ['a protocol that nobody asked for', 'HTTP/1.1 101 Hello~Upgrade: x~Connection: upgrade~~x', 'unrequested_upgrade'],
  ['no HTTP', 'SSH-2.0-OpenSSH~~', 'bad_response'],
  ['two lengths', 'HTTP/1.1 200 OK~Content-Length: 1~Content-Length: 2~~ab', 'bad_response'],
  ['a length and chunks', 'HTTP/1.1 200 OK~Content-Length: 3~Transfer-Encoding: chunked~~0~~', 'bad_response'],
  ['a folded line', 'HTTP/1.1 200 OK~A: b~ c~Content-Length: 0~~', 'bad_response'],
])('answers 502 for an endpoint that says %s, and asks it once', async (_, raw, failure) => {
  const { statuses, text } = await ask(raw);
  expect(statuses).toEqual([502]);
  expect(text).toContain(`x-remora-failure: ${failure}`);
  expect(scene.origins[0]!.begun.length).toBe(requests + 1);
});

it('cuts an answer whose chunks break off into nonsense', async () => {
  const { text } = await ask('HTTP/1.1 200 OK~Transfer-Encoding: chunked~~3~abc~zz~');
  expect(text).not.toMatch(/\r\n0\r\n/);
});

it('does not give what an endpoint says too much to the next client', async () => {
  const first = await ask('HTTP/1.1 200 OK~Content-Length: 2~~okHTTP/1.1 200 OK~Content-Length: 4~~evil');
  expect(first.text).toMatch(/ok$/);
  const next = await ask('HTTP/1.1 200 OK~Content-Length: 4~~good');
  expect(next.text).toMatch(/good$/);
});
