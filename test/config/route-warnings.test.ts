import { expect, it } from 'vitest';
import { routeWarnings } from '../../src/config/route-warnings.ts';
import { good, web } from './parse.ts';

const warned = (lines: string, outbound = 'outbound: { port: 9000 }') =>
  routeWarnings(good(web(`consul: {}\n${outbound}\n${lines}`)));

it('says nothing of routes that are all asked', () => {
  expect(
    warned(`
routes:
  a: { hosts: shop, match: { path: { exact: /a } }, to: shop }
  b: { hosts: shop, to: shop }
  c: { hosts: shop, callers: web, to: shop }`),
  ).toEqual([]);
});

it('names a route that another hides', () => {
  const lines = `
routes:
  a: { hosts: [shop, cart], match: [{ methods: GET }, { methods: POST }], to: shop }
  b: { hosts: shop, match: { methods: POST }, to: orders }
  c: { hosts: [shop, other], match: { methods: GET }, to: orders }
upstreams:
  shop: { routes: { x: {}, y: { match: { path: { prefix: / } }, to: orders }, z: { order: -1, match: { path: { segments: / } } } } }`;
  expect(warned(lines)).toEqual([
    'routes.b is never asked: routes.a comes first and matches the same',
    'upstreams.shop.routes.x is never asked: upstreams.shop.routes.z comes first and matches the same',
    'upstreams.shop.routes.y is never asked: upstreams.shop.routes.z comes first and matches the same',
  ]);
});

it('names parts of a split that get nothing', () => {
  expect(warned('routes: { a: { hosts: a, split: [{ upstream: shop }, { upstream: orders, weight: 0 }] } }')).toEqual([
    'routes.a: orders has weight 0 and gets nothing',
  ]);
});

it('names a route with cors that no preflight comes to', () => {
  const cors = 'cors: { origins: "https://a.b" }, to: shop';
  const lines = `
routes:
  calls: { hosts: e, match: { grpc: { service: shop.Cart } }, ${cors.replace('shop', 'any')} }
  field: { hosts: c, match: { headers: { x-user: { present: true } } }, ${cors} }
  fine: { hosts: a, match: [{ methods: PUT }, { methods: [PUT, OPTIONS] }], ${cors} }
  open: { hosts: b, ${cors} }
  pages: { hosts: f, match: { headers: { origin: "https://a.b" } }, ${cors} }
  puts: { hosts: d, match: { methods: [PUT, POST] }, ${cors} }
upstreams: { any: { protocol: auto } }`;
  expect(warned(lines).map((line) => line.slice(0, line.indexOf(',')))).toEqual([
    'routes.calls: cors',
    'routes.field: cors',
    'routes.puts: cors',
  ]);
});

it('names a route that takes every name away', () => {
  expect(warned('routes: { a: { to: shop } }')).toEqual([
    'routes.a is for every host and every request: no upstream is reached by its name any more on the outbound port, unless another route comes first; give it hosts',
  ]);
});

it('leaves out what is for the sidecars of others', () => {
  expect(warned('routes: { a: { callers: other, to: shop }, b: { hosts: b, to: shop } }')).toEqual([]);
});

it('says that routes without the shared port are asked of nobody', () => {
  expect(warned('routes: { a: { to: shop } }', '')[0]).toContain('routes: there is no outbound port');
});

it('says twenty things and how many more', () => {
  const many = Array.from({ length: 30 }, (_, i) => `  r${10 + i}: { hosts: a, to: shop }`).join('\n');
  const lines = warned(`routes:\n${many}`);
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('9 more about routes');
});
