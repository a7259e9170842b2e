import { describe, expect, it } from 'vitest';
import { complaints, good, web } from './parse.ts';

const orders = (more: string): string => web(`consul: {}\nupstreams:\n  orders: { ${more} }\n`);
const at = 'remora.yaml:4:';

describe('subsets, targets and zones', () => {
  it.each([
    ['subset: v2', 'upstreams.orders.subset: found "v2", expected a name of upstreams.orders.subsets, which is empty'],
    [
      'subsets: { v1: { tag: v1 }, beta: { meta: { stage: beta } } }, subset: v2',
      'upstreams.orders.subset: found "v2", expected one of v1, beta',
    ],
    [
      'subsets: { v2: {} }',
      'upstreams.orders.subsets.v2: found a map, expected a tag, tags or meta that its endpoints have',
    ],
    [
      'failover: [{}]',
      'upstreams.orders.failover[0]: found a map, expected a subset, a service or a datacenter to go to',
    ],
    ['failover: orders-eu', 'upstreams.orders.failover: found "orders-eu", expected a list of at most 8 targets'],
    [
      'failover: [{ service: orders }]',
      'upstreams.orders.failover[0]: found the upstream itself, expected another place to go to',
    ],
    [
      'failover: [{ datacenter: dc2 }, { service: orders, datacenter: dc2 }]',
      'upstreams.orders.failover[1]: found what failover[0] says, expected another place to go to',
    ],
    [
      'failover: [{ subset: v2 }]',
      'upstreams.orders.failover[0].subset: found "v2", expected a name of upstreams.orders.subsets, which is empty',
    ],
    ['panic: 2', 'upstreams.orders.panic: found 2, expected a number from 0 to 1'],
    ['overprovisioning: 0.5', 'upstreams.orders.overprovisioning: found 0.5, expected a number from 1 to 10'],
    ['zones: { mode: on }', 'upstreams.orders.zones.mode: found "on", expected one of off, prefer'],
    [
      'balance: ring_hash, hash: { source: true }, zones: { mode: prefer }',
      'upstreams.orders.zones.mode: found prefer with balancer ring_hash, expected no zones.mode, since all sidecars must agree on a key',
    ],
  ])('are refused by name: %s', (text, expected) => {
    const [only, ...others] = complaints(orders(text));
    expect(others).toEqual([]);
    expect(only!.replace(/^remora.yaml:4:\d+ /, '')).toBe(expected);
    expect(only).toContain(at);
  });

  it('are refused where their service has no source, or one that knows no datacenters', () => {
    const text = (more: string) =>
      web(`upstreams: { a: { ${more} } }\nstatic: { a: ["127.0.0.1:1"], b: ["127.0.0.1:2"] }\n`);
    const without = (line: string) => line.replace(/^remora.yaml:\d+:\d+ /, '');
    expect(complaints(text('failover: [{ service: b }, { service: c }]')).map(without)).toEqual([
      'upstreams.a.failover[1].service: found no source of endpoints, expected endpoints under static.c, or consul',
    ]);
    expect(complaints(text('failover: [{ service: b, datacenter: dc2 }]')).map(without)).toEqual([
      'upstreams.a.failover[0].datacenter: found datacenter for a service that is static, expected no datacenter, which only Consul knows',
    ]);
    expect(complaints(text('failover: [{ service: b }], zones: { mode: prefer }')).map(without)).toEqual([
      'upstreams.a.zones.mode: found prefer without a zone of our own, expected service.zone, or consul, whose agent may know it',
    ]);
  });

  it('are refused beside priorities that the file gives itself', () => {
    const text = web(
      'upstreams: { a: { failover: [{ service: b }] } }\nstatic: { a: [{ address: 127.0.0.1, port: 1, priority: 1 }], b: ["127.0.0.1:2"] }\n',
    );
    expect(complaints(text)[0]).toMatch(
      /upstreams\.a\.failover: found failover beside priorities in static\.a, expected one/,
    );
  });

  it('count a static service as used when it is only failed over to', () => {
    const text =
      'upstreams: { a: { failover: [{ service: b }] } }\nstatic: { a: ["127.0.0.1:1"], b: ["127.0.0.1:2"] }\n';
    expect(good(web(text)).upstreams.get('a')!.failover).toEqual([{ subset: null, service: 'b', datacenter: null }]);
  });
});
