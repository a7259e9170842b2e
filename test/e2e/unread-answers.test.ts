import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Scene } from './scene.ts';

const MIB = 1_048_576;
const REQUESTS = 3_000;
const ANSWER_BYTES = 40_000;

let scene: Scene;

afterEach(() => scene.close());

function residentBytes(): number {
  const status = readFileSync(`/proc/${scene.sidecar.pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

describe.each(['data', 'handle'])('a client that sends ahead and does not read, %s', (transport) => {
  it('is not answered more than it takes, and gets all of it when it reads', async () => {
    scene = await Scene.start(['a'], { args: ['--transport', transport] });
    const client = connect({ port: scene.port, host: '127.0.0.1' });
    client.on('error', () => undefined);
    client.pause();
    const answered = (): Promise<number> => scene.sidecar.metric('remora_requests_total', { upstream: 'orders' });
    const before = residentBytes();
    client.write(`GET /?bytes=${ANSWER_BYTES} HTTP/1.1\r\nHost: orders\r\n\r\n`.repeat(REQUESTS));

    // What fits into the buffers of the kernel and of the sidecar, and then no more.
    let last = -1;
    await eventually(async () => {
      const now = await answered();
      const isStill = now > 0 && now === last;
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return isStill;
    });
    expect(last).toBeLessThan(REQUESTS / 2);
    expect(residentBytes() - before).toBeLessThan(40 * MIB);

    let received = 0;
    client.on('data', (bytes) => {
      received += bytes.length;
    });
    client.resume();
    await eventually(() => received > REQUESTS * ANSWER_BYTES);
    await eventually(async () => (await answered()) === REQUESTS);
    client.destroy();
  });
});
