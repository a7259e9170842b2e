import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Load } from './load.ts';
import { RawClient } from './raw-client.ts';
import { Scene } from './scene.ts';

const MIB = 1_048_576;
const PEERS = 40;
const BYTES = 32 * MIB;
/** What one stuck stream may hold, generously; forty whole bodies would be twenty times as much. */
const MAX_GROWTH = PEERS * 1.5 * MIB;

let scene: Scene;

beforeAll(async () => {
  const stuck = { port: 0, service: 'orders', timeouts: { streamIdle: '4s' } };
  scene = await Scene.start(['a', 'b'], { config: { upstreams: { orders: { port: 0 }, stuck } } });
});

afterAll(() => scene.close());

function residentBytes(): number {
  const status = readFileSync(`/proc/${scene.sidecar.pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

/** How far the two did while the load ran; nothing of it may have failed. */
async function withLoad(stuck: () => Promise<void>): Promise<number> {
  const load = new Load(scene.port, { perSecond: 100 });
  await load.progress(50);
  const before = residentBytes();
  await stuck();
  await load.progress(150);
  const growth = residentBytes() - before;
  await load.stop();
  expect(load.failed).toEqual([]);
  return growth;
}

describe('memory stays bounded and others are served', () => {
  it('while clients ask for much and read nothing', async () => {
    const clients = await Promise.all(
      Array.from({ length: PEERS }, () => RawClient.connect(scene.sidecar.port('stuck'))),
    );
    const growth = await withLoad(async () => {
      for (const client of clients) {
        client.socket.pause();
        client.write(`GET /?bytes=${BYTES} HTTP/1.1\r\nHost: stuck\r\n\r\n`);
      }
      await eventually(async () => (await active()) >= PEERS);
    });
    expect(growth).toBeLessThan(MAX_GROWTH);

    for (const client of clients) client.reset();
    await eventually(async () => (await active()) === 0);
  });

  it('while endpoints are sent much and read nothing', async () => {
    const clients = await Promise.all(
      Array.from({ length: PEERS }, () => RawClient.connect(scene.sidecar.port('stuck'))),
    );
    const body = Buffer.alloc(BYTES);
    const growth = await withLoad(async () => {
      for (const client of clients) {
        client.write(`POST /?never HTTP/1.1\r\nHost: stuck\r\nContent-Length: ${BYTES}\r\n\r\n`);
        client.socket.write(body);
      }
      await eventually(async () => (await active()) >= PEERS);
    });
    expect(growth).toBeLessThan(MAX_GROWTH);
    // Backpressure reaches the client: most of the body is still with it.
    for (const client of clients) expect(client.socket.writableLength).toBeGreaterThan(BYTES / 2);

    // Nobody reads the clients' side either now, so that it is silence that ends it.
    await Promise.all(clients.map((client) => client.closed()));
    expect(await active()).toBe(0);
    for (const client of clients) client.socket.destroy();
  });
});

function active(): Promise<number> {
  return scene.sidecar.metric('remora_requests_active', { upstream: 'stuck' });
}
