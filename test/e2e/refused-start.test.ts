import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sidecar } from '../support/sidecar.ts';

let taken: Server;
let port: number;

beforeAll(async () => {
  taken = createServer((socket) => socket.destroy());
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  port = (taken.address() as AddressInfo).port;
});

afterAll(() => taken.close());

describe('a malformed configuration', () => {
  it('is refused with every problem and its place, and nothing is started', async () => {
    const sidecar = Sidecar.refuse(
      [
        'service: { name: web, port: 99999 }',
        'inbound: { prot: 15006 }',
        'upstreams:',
        '  orders: { port: 9001, protocol: htpp }',
        '  stock: { port: 9002, timeouts: { attempt: 5 } }',
        'static:',
        '  orders: ["127.0.0.1"]',
        '',
      ].join('\n'),
    );
    const { file } = sidecar;
    expect(await sidecar.exit).toBe(1);
    expect(sidecar.log).toEqual([]);
    const lines = sidecar.stray.trimEnd().split('\n');
    const places = lines.filter((line) => line.startsWith(`${file}:`)).map((line) => line.slice(file.length + 1));
    expect(places.map((line) => /^(\d+:\d+) ([\w.[\]]+): found .*, expected /.exec(line)?.slice(1).join(' '))).toEqual([
      '1:29 service.port',
      '2:1 inbound.port',
      '2:12 inbound.prot',
      '4:35 upstreams.orders.protocol',
      '5:3 upstreams.stock',
      '5:45 upstreams.stock.timeouts.attempt',
      '7:12 static.orders[0]',
    ]);
    expect(sidecar.stray).toContain('did you mean');
    expect(lines.at(-1)).toMatch(/^\d problems$/);
  });

  it('that is no YAML at all is refused with its place', async () => {
    const sidecar = Sidecar.refuse('service: { name: web\nupstreams: ]');
    expect(await sidecar.exit).toBe(1);
    expect(sidecar.stray).toMatch(/remora\.yaml:2:1: found broken YAML/);
  });

  it('whose upstream comes from nowhere is refused', async () => {
    const sidecar = Sidecar.refuse({ service: { name: 'web', port: 1 }, upstreams: { orders: { port: 0 } } });
    expect(await sidecar.exit).toBe(1);
    expect(sidecar.stray).toMatch(/upstreams\.orders/);
    expect(sidecar.stray).toMatch(/consul/i);
  });
});

describe('a port in use', () => {
  const rest = { service: { name: 'web', port: 1 } };
  const orders = ['127.0.0.1:1'];

  it.each([
    ['orders', () => ({ ...rest, admin: { port: 0 }, upstreams: { orders: { port } }, static: { orders } })],
    ['outbound', () => ({ ...rest, admin: { port: 0 }, outbound: { port } })],
    ['inbound', () => ({ ...rest, admin: { port: 0 }, inbound: { port } })],
    ['admin', () => ({ ...rest, admin: { port } })],
    ['admin-grpc', () => ({ ...rest, admin: { port: 0, grpcPort: port } })],
  ])('of %s is named with its listener, and nothing is left running', async (listener, config) => {
    const sidecar = Sidecar.refuse(config());
    expect(await sidecar.exit).toBe(1);
    expect(sidecar.stray).toContain(listener);
    expect(sidecar.stray).toContain(String(port));
    expect(sidecar.stray).toContain('in use');
    expect(sidecar.stray).not.toMatch(/\n\s+at /);
  });

  it('of several is named for each', async () => {
    const upstreams = { orders: { port }, stock: { port } };
    const config = { ...rest, static: { orders, stock: orders }, admin: { port: 0 }, upstreams };
    const sidecar = Sidecar.refuse(config);
    expect(await sidecar.exit).toBe(1);
    expect(sidecar.stray).toMatch(/orders/);
    expect(sidecar.stray).toMatch(/stock/);
  });
});
