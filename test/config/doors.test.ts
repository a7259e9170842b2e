import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { DEFAULT_OVERLOAD } from '../../src/policy/overload-guard.ts';
import { DEFAULT_THROTTLE } from '../../src/policy/throttle.ts';
import { complaints, good, web } from './parse.ts';

function orders(more: string): string {
  return web(`consul: {}\nupstreams: { orders: { ${more} } }\n`);
}

describe('rate limits', () => {
  it('become the options of the program', () => {
    const config = good(
      orders(
        'rateLimits: [{ name: users, requests: 10, window: 1m, by: { header: X-User }, path: /a/*, methods: [PUT] }]',
      ),
    );
    expect(config.upstreams.get('orders')!.rateLimits).toEqual([
      {
        name: 'users',
        requests: 10,
        windowMs: 60_000,
        burst: 10,
        by: { kind: 'header', name: 'x-user' },
        path: '/a/*',
        methods: ['PUT'],
        mode: 'enforce',
        tells: 'limited',
        maxKeys: 10_000,
      },
    ]);
  });

  it('stand before the local application too', () => {
    const text = web('inbound: { port: 0, rateLimits: [{ name: all, requests: 5, burst: 1, mode: observe }] }\n');
    expect(good(text).inbound!.rateLimits[0]).toMatchObject({ name: 'all', burst: 1, by: null, mode: 'observe' });
  });

  it('are shown as a file that means the same', () => {
    const limits =
      '[{ name: a, requests: 5, by: { caller: true }, maxKeys: 7, tells: all }, { name: b, requests: 1, by: { segment: 1 } }, { name: c, requests: 2 }]';
    const config = good(
      `${orders(`rateLimits: ${limits}, throttle: { mode: enforce, window: 10s }`)}inbound: { port: 0, rateLimits: ${limits} }\n`,
    );
    expect(good(JSON.stringify(redacted(config)))).toEqual(config);
  });

  it.each<[what: string, more: string, line: string]>([
    [
      'a name twice',
      'rateLimits: [{ name: a, requests: 1 }, { name: a, requests: 2 }]',
      'upstreams.orders.rateLimits[1].name: found a second a, expected a name of its own',
    ],
    [
      'keys without a key',
      'rateLimits: [{ name: a, requests: 1, maxKeys: 5 }]',
      'upstreams.orders.rateLimits[0].maxKeys: found maxKeys without by, expected by beside it',
    ],
    [
      'a header of opaque bytes',
      'port: 1, protocol: tcp, rateLimits: [{ name: a, requests: 1, by: { header: x } }]',
      'upstreams.orders.rateLimits[0].by: found a key in requests for protocol tcp, expected { caller: true }',
    ],
    [
      'a path of opaque bytes',
      'port: 1, protocol: tcp, rateLimits: [{ name: a, requests: 1, path: /x }]',
      'upstreams.orders.rateLimits[0].path: found a path for protocol tcp',
    ],
    [
      'methods that no call has',
      'protocol: grpc, rateLimits: [{ name: a, requests: 1, methods: [GET, PUT] }]',
      'upstreams.orders.rateLimits[0].methods: found GET, PUT for protocol grpc, expected no methods: every call is a POST',
    ],
    [
      'no rate',
      'rateLimits: [{ name: a }]',
      'upstreams.orders.rateLimits[0].requests: found nothing, expected a whole number from 1',
    ],
    [
      'a burst of none',
      'rateLimits: [{ name: a, requests: 1, burst: 0 }]',
      'upstreams.orders.rateLimits[0].burst: found 0, expected a whole number from 1',
    ],
    ['a relative path', 'rateLimits: [{ name: a, requests: 1, path: x }]', 'expected a path that begins with / or *'],
    ['two keys', 'rateLimits: [{ name: a, requests: 1, by: { header: x, caller: true } }]', 'expected one of { header'],
    ['a share of none', 'throttle: { maxRatio: 0 }', 'throttle.maxRatio: found 0, expected a number above 0'],
  ])('refuse %s', (_what, more, line) => {
    expect(complaints(orders(more)).join('\n')).toContain(line);
  });

  it('refuse a path before an application that has none', () => {
    const text = web('inbound: { port: 0, protocol: tcp, rateLimits: [{ name: a, requests: 1, path: /x }] }\n');
    expect(complaints(text).join('\n')).toContain('inbound.rateLimits[0].path: found a path for protocol tcp');
  });
});

it('throttles observe unless told otherwise', () => {
  expect(good(orders('')).upstreams.get('orders')!.throttle).toEqual(DEFAULT_THROTTLE);
});

describe('overload', () => {
  it('has bounds of its own', () => {
    expect(good(web()).overload).toEqual(DEFAULT_OVERLOAD);
    expect(good(web('overload: { loop: { mode: enforce, start: 50ms }, heap: { full: 0.9 } }\n')).overload).toEqual({
      loop: { mode: 'enforce', start: 50, full: 1000 },
      heap: { mode: 'enforce', start: 0.85, full: 0.9 },
      sockets: DEFAULT_OVERLOAD.sockets,
    });
  });

  it.each([
    ['loop: { start: 2s }', 'overload.loop.start: found 2s, expected less than full, which is 1s'],
    ['heap: { start: 0.9, full: 0.9 }', 'overload.heap.start: found 0.9, expected less than full, which is 0.9'],
    ['sockets: { full: 0.5 }', 'overload.sockets.start: found 0.8, expected less than full, which is 0.5'],
  ])('refuses %s', (more, line) => {
    expect(complaints(web(`overload: { ${more} }\n`)).join('\n')).toContain(line);
  });
});
