import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sidecar } from '../support/sidecar.ts';

let origin: Server;
let sidecar: Sidecar;

beforeAll(async () => {
  origin = createServer((request, response) => response.end(`${request.method} ${request.url}`));
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const { port } = origin.address() as AddressInfo;
  sidecar = await Sidecar.start({
    service: { name: 'web', port },
    inbound: { port: 0 },
    outbound: { port: 0 },
    upstreams: { orders: { port: 0, protocol: 'http' } },
    static: { orders: [`127.0.0.1:${port}`] },
  });
});

afterAll(async () => {
  await sidecar.kill();
  origin.close();
});

describe('a sidecar', () => {
  it('answers on the port of an upstream, on the shared port by Host, and in front of the application', async () => {
    expect(await (await fetch(sidecar.url('orders', '/a'))).text()).toBe('GET /a');
    expect(await (await fetch(sidecar.url('inbound', '/b'))).text()).toBe('GET /b');
    const stranger = await fetch(sidecar.url('outbound', '/c'));
    expect([stranger.status, stranger.headers.get('x-remora-failure')]).toEqual([404, 'no_route']);
  });

  it('stops in order when told to', async () => {
    expect(await sidecar.stop()).toBe(0);
    expect(sidecar.log.map((line) => line.event)).toContain('shutdown_ended');
  });
});
