import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { redacted } from '../../src/config/effective.ts';
import type { RouteOptions } from '../../src/route/table/options.ts';
import { complaints, good, web } from './parse.ts';

const UPSTREAMS = `
consul: {}
outbound: { port: 9000 }
upstreams:
  orders: { subsets: { v1: { meta: { version: "1" } }, v2: { meta: { version: "2" } } } }
  shop: {}
  down: {}
  calls: { protocol: grpc }
`;

function routes(lines: string): readonly RouteOptions[] {
  return good(web(`${UPSTREAMS}routes:\n${lines}`)).routes;
}

/** Of one route with the given words in it. */
function route(words: string): RouteOptions {
  return routes(`  it: { ${words} }`)[0]!;
}

const NOTHING = { set: [], add: [], remove: [] };
const PLAIN: Omit<RouteOptions, 'name' | 'action'> = {
  hosts: [],
  matches: [],
  callers: [],
  order: 0,
  rewrite: null,
  request: NOTHING,
  response: NOTHING,
  mirrors: [],
  cors: null,
  policy: { timeouts: {}, retry: {}, hash: null },
};
const ANY_MATCH = { path: null, methods: [], headers: [], query: [], cookies: [], grpc: null };
const to = (upstream: string, subset: string | null = null) => ({
  kind: 'forward',
  targets: [{ upstream, subset, weight: 1, request: NOTHING, response: NOTHING }],
  sticky: null,
});

it('takes a route in its shortest form', () => {
  expect(routes('  a: { hosts: Shop, to: orders }')).toEqual([
    { ...PLAIN, name: 'a', hosts: ['shop'], action: to('orders') },
  ]);
});

it('sorts routes by name, whatever their order in the text', () => {
  expect(routes('  b: { to: shop }\n  a: { to: orders }').map(({ name }) => name)).toEqual(['a', 'b']);
});

it('reads every kind of condition', () => {
  const words = `match: {
    path: { segments: /cart/ }, methods: [GET, HEAD],
    headers: { X-Tier: gold, x-a: 2, x-b: { prefix: p }, x-c: { regex: "a+", not: true }, x-d: { present: true }, x-e: { present: false } },
    query: { q: { contains: c } }, cookies: { Beta: { suffix: s } } }, to: shop`;
  expect(route(words).matches).toEqual([
    {
      path: { kind: 'segments', value: '/cart' },
      methods: ['GET', 'HEAD'],
      headers: [
        { name: 'x-tier', match: { kind: 'exact', value: 'gold' }, isInverted: false },
        { name: 'x-a', match: { kind: 'exact', value: '2' }, isInverted: false },
        { name: 'x-b', match: { kind: 'prefix', value: 'p' }, isInverted: false },
        { name: 'x-c', match: { kind: 'regex', value: 'a+' }, isInverted: true },
        { name: 'x-d', match: { kind: 'present' }, isInverted: false },
        { name: 'x-e', match: { kind: 'present' }, isInverted: true },
      ],
      query: [{ name: 'q', match: { kind: 'contains', value: 'c' }, isInverted: false }],
      cookies: [{ name: 'Beta', match: { kind: 'suffix', value: 's' }, isInverted: false }],
      grpc: null,
    },
  ]);
  expect(route('match: [{ path: { exact: /a } }, { grpc: { service: shop.Cart } }], to: calls').matches).toEqual([
    { ...ANY_MATCH, path: { kind: 'exact', value: '/a' } },
    { ...ANY_MATCH, grpc: { service: 'shop.Cart', method: null } },
  ]);
});

it('splits, and keeps clients where they were', () => {
  const words =
    'split: [{ upstream: orders, subset: v1, weight: 90 }, { upstream: shop, weight: 10, request: { set: { X-V: two } } }], sticky: { cookie: { name: v, ttl: 1h } }';
  expect(route(words).action).toEqual({
    kind: 'forward',
    targets: [
      { upstream: 'orders', subset: 'v1', weight: 90, request: NOTHING, response: NOTHING },
      { upstream: 'shop', subset: null, weight: 10, request: { ...NOTHING, set: [['x-v', 'two']] }, response: NOTHING },
    ],
    sticky: { kind: 'cookie', name: 'v', ttlMs: 3_600_000, path: '/' },
  });
});

it('answers in place of an endpoint', () => {
  expect(route('hosts: shop, redirect: { host: new.shop, status: 308 }').action).toEqual({
    kind: 'redirect',
    status: 308,
    scheme: null,
    host: 'new.shop',
    port: null,
    path: null,
    prefix: null,
    keepsQuery: true,
  });
  expect(route('respond: { status: 404, body: gone }').action).toEqual({
    kind: 'respond',
    status: 404,
    grpcStatus: 12,
    body: 'gone',
    contentType: 'text/plain; charset=utf-8',
  });
  expect(route('order: -1, maintenance: {}')).toMatchObject({
    order: -1,
    action: { kind: 'maintenance', retryAfterMs: 60_000 },
  });
});

it('says in a policy only what was said', () => {
  const words = 'to: shop, timeouts: { request: 2s }, retry: { maxAttempts: 1, grpcStatuses: [aborted], replay: 0 }';
  expect(route(words).policy).toEqual({
    timeouts: { requestMs: 2_000 },
    retry: { maxAttempts: 1, grpcStatuses: [10], replayBytes: 0 },
    hash: null,
  });
});

it('leads the routes of an upstream to that upstream, unless they say otherwise', () => {
  const text = `${UPSTREAMS.replace('shop: {}', 'shop: { subsets: { v2: { tag: v2 } }, routes: { a: { match: { methods: POST } }, b: { to: { subset: v2 } }, c: { to: orders }, d: { to: { upstream: orders, subset: v2 } } } }')}`;
  const found = good(web(text)).upstreams.get('shop')!.routes;
  expect(found.map(({ action }) => action)).toEqual([to('shop'), to('shop', 'v2'), to('orders'), to('orders', 'v2')]);
});

it('shows routes so that they read back the same', () => {
  const text =
    web(`${UPSTREAMS.replace('  down: {}', '  down: { routes: { out: { order: -1, maintenance: { retryAfter: 10m } }, x: { match: { methods: GET } } } }')}
routes:
  a: { hosts: [shop, "*.shop.local"], match: { path: { exact: / }, headers: { a: { present: false }, b: { regex: x, not: true } } }, callers: web, to: orders }
  b: { split: [{ upstream: orders, subset: v2, weight: 3, response: { add: { x: [1, 2] } } }, { upstream: shop }], sticky: { cookie: { name: v, ttl: 0 } } }
  c: { hosts: c, redirect: { path: /new, scheme: https } }
  d: { hosts: d, respond: { status: 410 }, response: { remove: [server] } }
  e: { hosts: e, match: { path: { segments: /api } }, to: shop, rewrite: { prefix: /, host: "shop:8080" }, mirror: { to: orders, percent: 0.5 } }
  f: { hosts: f, to: shop, cors: { origins: "https://*.shop.example", maxAge: 1h, credentials: true, headers: x-a } }
  g: { hosts: g, to: shop, timeouts: { request: 0 }, retry: { on: [5xx, retriable-headers], headers: [{ name: X-R }] } }
`);
  const config = good(text);
  expect(good(stringify(redacted(config)))).toEqual(config);
});

describe('refuses', () => {
  it.each([
    [
      '  a: { hosts: "shop:80", to: shop }',
      'remora.yaml:11:15 routes.a.hosts: found "shop:80", expected a host such as',
    ],
    ['  a: { to: shop, nope: 1 }', 'routes.a.nope: found an unknown key'],
    ['  a: { match: { path: { exact: cart } }, to: shop }', 'routes.a.match.path.exact: found "cart"'],
    ['  a: { match: { path: /cart }, to: shop }', 'routes.a.match.path: found "/cart", expected a map'],
    [
      '  a: { match: [{ methods: [get] }], to: shop }',
      'routes.a.match[0].methods[0]: found "get", expected a method such as GET',
    ],
    ['  a: { match: { headers: { a: { pre: x } } }, to: shop }', 'routes.a.match.headers.a.pre: found an unknown key'],
    ['  a: { to: shop, request: { set: { Content-Length: 1 } } }', 'routes.a.request.set.Content-Length: found'],
    ['  a: { respond: { status: 99 } }', 'routes.a.respond.status: found 99'],
    [
      '  a: { to: shop, cors: { origins: "https://*shop.example" } }',
      'routes.a.cors.origins: found "https://*shop.example", expected an origin such as',
    ],
    ['  a: { to: shop, cors: { origins: ["http://a", "https://*"] } }', 'routes.a.cors.origins[1]: found "https://*"'],
    [
      `  a: { to: shop, rewrite: { regex: { pattern: "^/(a)", substitution: '/\\2' } } }`,
      'routes.a.rewrite.regex.substitution: found "/\\\\2", expected groups of the pattern, \\0 to \\1, and \\\\: the pattern has no group 2',
    ],
    [
      `  a: { to: shop, rewrite: { regex: { pattern: "^/(a)", substitution: '/x\\' } } }`,
      'a backslash is followed by the number of a group',
    ],
    ['  a: { redirect: { status: 404, path: / } }', 'routes.a.redirect.status: found 404, expected one of 301'],
  ])('%s', (lines, start) => {
    expect(complaints(web(`${UPSTREAMS}routes:\n${lines}`)).join('\n')).toContain(start);
  });
});
