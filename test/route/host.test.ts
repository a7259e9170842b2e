import { describe, expect, it } from 'vitest';
import { parseHost } from '../../src/route/host.ts';

describe('a host name', () => {
  it.each([
    ['orders', 'orders', null, null],
    ['orders:8080', 'orders', null, null],
    ['Orders.MESH', 'orders', null, null],
    ['orders.service.consul', 'orders', null, null],
    ['orders.service.dc2.consul:80', 'orders', null, 'dc2'],
    ['v2.orders.service.consul', 'orders', 'v2', null],
    ['v2.orders.service.dc2.consul', 'orders', 'v2', 'dc2'],
  ])('%s means %s', (authority, service, tag, datacenter) => {
    expect(parseHost(authority)).toEqual({ service, tag, datacenter });
  });

  it.each([
    '',
    ':80',
    '127.0.0.1',
    '[::1]:80',
    'orders.example.com',
    'orders.',
    '-orders',
    'a.b.mesh',
    'orders.consul',
    'or ders',
  ])('%s is nobody here', (authority) => {
    expect(parseHost(authority)).toBeNull();
  });
});
