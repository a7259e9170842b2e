import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { OriginApp } from './origin-app.ts';
import { RawClient } from './raw-client.ts';

let orders: OriginApp;
let stock: OriginApp;
let sidecar: Sidecar;

beforeAll(async () => {
  [orders, stock] = (await OriginApp.many('orders', 'stock')) as [OriginApp, OriginApp];
  const config = {
    service: { name: 'web', port: orders.port },
    inbound: { port: 0 },
    outbound: { port: 0 },
    admin: { port: 0 },
    upstreams: {
      orders: { port: 0 },
      stock: { tag: 'v2' },
      cache: { protocol: 'tcp', port: 0 },
      self: { port: 0 },
    },
    static: {
      orders: [orders.address],
      stock: [{ address: '127.0.0.1', port: stock.port, tags: ['v2'] }],
      cache: [orders.address],
      self: [orders.address],
    },
  };
  sidecar = await Sidecar.start(config);
  // Its own port is known now.
  config.static.self = [`127.0.0.1:${sidecar.port('self')}`];
  sidecar.write(config);
  await eventually(() => sidecar.log.filter(({ event }) => event === 'config_applied').length === 1);
});

afterAll(async () => {
  await sidecar.kill();
  await Promise.all([orders.kill(), stock.kill()]);
});

/** The answer to a GET on the shared port, or another. */
function ask(host: string, target = '/', listener = 'outbound'): Promise<RawClient> {
  return RawClient.ask(sidecar.port(listener), `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
}

describe('the shared port', () => {
  it.each([
    ['orders', 'orders'],
    ['ORDERS', 'orders'],
    ['orders:8080', 'orders'],
    ['orders.mesh', 'orders'],
    ['Orders.Mesh:80', 'orders'],
    ['orders.service.consul', 'orders'],
    ['orders.service.consul:80', 'orders'],
    ['stock', 'stock'],
    ['v2.stock.service.consul', 'stock'],
  ])('sends %s to %s, its Host unchanged', async (host, origin) => {
    const { statuses, text } = await ask(host);
    expect(statuses).toEqual([200]);
    expect(text).toContain(`"origin":"${origin}"`);
    expect(text).toContain(`"Host","${host}"`);
  });

  it.each([
    'unknown',
    'orders.example.com',
    '127.0.0.1',
    '[::1]:80',
    'v1.stock.service.consul',
    'v2.stock.service.east.consul',
    'orders.service.west.consul',
    'orders.mesh.mesh',
    'cache',
  ])('has no route for %s', async (host) => {
    const { statuses, text } = await ask(host);
    expect(statuses).toEqual([404]);
    expect(text).toContain('x-remora-failure: no_route');
    expect(text).toContain('proxy-status: remora; error=destination_not_found; details="no_route"');
  });

  it('takes the authority of an absolute target over Host', async () => {
    const { text } = await ask('stock', 'http://orders.mesh/a?b=c');
    expect(text).toContain('"origin":"orders"');
    expect(text).toContain('"url":"/a?b=c"');
    expect(text).toMatch(/"host","orders\.mesh"/i);
    expect(text).not.toContain('"stock"');
  });

  it('has no route for HTTP/1.0 without Host', async () => {
    const { text } = await RawClient.ask(sidecar.port('outbound'), 'GET / HTTP/1.0\r\n\r\n');
    expect(text).toContain('no_route');
  });
});

describe('a port of an upstream', () => {
  it('sends everything there, whatever its Host', async () => {
    const { text } = await ask('stock', '/', 'orders');
    expect(text).toContain('"origin":"orders"');
    expect(text).toContain('"Host","stock"');
  });

  it('names itself to the endpoint for HTTP/1.0 without Host', async () => {
    const { text } = await RawClient.ask(sidecar.port('orders'), 'GET / HTTP/1.0\r\n\r\n');
    expect(text).toMatch(/"host","orders"/i);
  });

  it('finds a loop at its second turn', async () => {
    const { statuses, text } = await ask('self', '/', 'self');
    expect(statuses).toEqual([508]);
    expect(text).toContain('x-remora-failure: loop_detected');
  });
});

describe('Max-Forwards', () => {
  function options(forwards: string): Promise<RawClient> {
    return RawClient.ask(
      sidecar.port('orders'),
      `OPTIONS * HTTP/1.1\r\nHost: orders\r\nMax-Forwards: ${forwards}\r\nConnection: close\r\n\r\n`,
    );
  }

  it('0 on OPTIONS is answered here', async () => {
    const { statuses, text } = await options('0');
    expect(statuses).toEqual([200]);
    expect(text).toMatch(/allow: GET/i);
    expect(text).not.toContain('"origin"');
  });

  it('more is one less at the endpoint', async () => {
    const { text } = await options('3');
    expect(text).toMatch(/"max-forwards","2"/i);
    expect(text).toContain('"url":"*"');
  });

  it('says nothing about other methods', async () => {
    const { text } = await RawClient.ask(
      sidecar.port('orders'),
      'GET / HTTP/1.1\r\nHost: orders\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n',
    );
    expect(text).toContain('"Max-Forwards","0"');
  });
});
