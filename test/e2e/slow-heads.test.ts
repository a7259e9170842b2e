import { afterAll, beforeAll, expect, it } from 'vitest';
import { Load } from './load.ts';
import { RawClient } from './raw-client.ts';
import { Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a'], { config: { http: { headTimeout: '600ms', clientIdle: '1s' } } });
});

afterAll(() => scene.close());

it('answers 408 and closes at the limit, however steadily a head drips in, and serves others', async () => {
  const load = new Load(scene.port, { perSecond: 100 });
  const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(scene.port)));
  const startedAt = performance.now();
  for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: orders\r\n');
  const drip = setInterval(() => {
    for (const client of clients) if (client.end === null) client.write('X-Drip: x\r\n');
  }, 100);
  await Promise.all(clients.map((client) => client.closed()));
  const took = performance.now() - startedAt;
  clearInterval(drip);
  await load.stop();

  for (const client of clients) {
    expect(client.statuses).toEqual([408]);
    expect(client.text).toContain('x-remora-failure: head_timeout');
    client.socket.destroy();
  }
  expect(took).toBeGreaterThan(500);
  expect(load.failed).toEqual([]);
  expect(await scene.sidecar.metric('remora_rejects_total', { failure: 'head_timeout' })).toBe(100);
});

it('closes a connection that says nothing, first or after an answer, without a word', async () => {
  const [silent, used] = await Promise.all([RawClient.connect(scene.port), RawClient.connect(scene.port)]);
  used.write('GET / HTTP/1.1\r\nHost: orders\r\n\r\n');
  await used.heard('"origin":"a"');
  const [first, second] = await Promise.all([silent.closed(), used.closed()]);
  expect([first, second]).toEqual(['fin', 'fin']);
  expect(silent.text).toBe('');
  expect(used.statuses).toEqual([200]);
});

it('answers a head that is whole before the limit', async () => {
  const client = await RawClient.connect(scene.port);
  client.write('GET / HTTP/1.1\r\nHo');
  client.write('st: orders\r\nConnection: close\r\n');
  client.write('\r\n');
  await client.closed();
  expect(client.statuses).toEqual([200]);
});
