import { expect, it } from 'vitest';
import { routeLines } from '../../src/cli/check-routes.ts';
import { good, web } from '../config/parse.ts';

const lines = (text: string) => routeLines(good(web(`consul: {}\noutbound: { port: 9000 }\n${text}`)));

it('says of each route what comes to it and where it leads', () => {
  const text = `
upstreams: { shop: { subsets: { v2: { tag: v2 } }, routes: { closed: { order: -1, match: { methods: POST }, maintenance: {} } } } }
routes:
  a: { hosts: [shop, cart], match: [{ path: { segments: /cart }, methods: [GET, HEAD] }, { cookies: { a: b } }], to: { upstream: shop, subset: v2 } }
  b: { hosts: b, callers: web, split: [{ upstream: shop, weight: 2 }, { upstream: orders }] }
  c: { hosts: c, match: { path: { regex: /a+ } }, redirect: { path: /b } }
  d: { hosts: d, match: { grpc: { service: a.B } }, respond: {} }
`;
  expect(lines(text)).toEqual([
    'route a: shop, cart GET|HEAD /cart/* or 1 more to shop/v2',
    'route b: b everything from web to shop 66.67 %, orders 33.33 %',
    'route c: c ~/a+ is redirected (302)',
    'route d: d gRPC a.B/* is answered 200',
    'route closed of shop: POST (order -1) is in maintenance',
  ]);
});

it('says twenty of each list and how many more', () => {
  const many = Array.from({ length: 23 }, (_, i) => `  r${10 + i}: { hosts: h${i}, to: shop }`).join('\n');
  expect(lines(`routes:\n${many}`).at(-1)).toBe('and 3 more routes');
});
