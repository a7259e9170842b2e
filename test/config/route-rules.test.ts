import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/local-config.ts';
import { formatProblems } from '../../src/config/problems.ts';
import { web } from './parse.ts';

/** What is said of a file with these routes, of the shared port and of upstream `shop`; the file itself is good. */
function said(shared: string, ofShop = ''): string {
  const text = web(`consul: {}
outbound: { port: 9000 }
upstreams:
  orders: { subsets: { v1: { tag: v1 }, v2: { tag: v2 } } }
  ring: { balance: ring_hash, hash: { header: a } }
  calls: { protocol: grpc }
  both: { protocol: auto }
  db: { protocol: tcp, port: 5432, routes: {} }
  spilling: { subsets: { v1: { tag: v1 }, v2: { tag: v2 } }, failover: [{ subset: v1 }] }
  sharded: { shards: { key: { header: a }, map: { kind: consistent, shards: [x, y] } } }
  parted: { roles: {}, subsets: { v2: { tag: v2 } } }
  shop:
    routes:
      z: { match: { methods: GET } }
${ofShop}
routes:
  z: { to: shop }
${shared}`);
  const problems = parseConfig(text);
  return Array.isArray(problems) ? formatProblems(problems) : 'good';
}

const shared = (words: string) => said(`  a: { ${words} }`);
const ofShop = (words: string) => said('', `      a: { ${words} }`);

it('finds nothing wrong with what is right', () => {
  expect(shared('to: orders')).toBe('good');
  expect(ofShop('to: { subset: v1, upstream: orders }')).toBe('good');
});

describe('of the shared port, refuses', () => {
  it.each([
    [
      'hosts: a',
      'routes.a: found a route that leads nowhere, expected to, split, redirect, respond or maintenance in it',
    ],
    ['to: orders, respond: {}', 'routes.a.respond: found respond beside to, expected one of them'],
    ['to: "a b"', 'routes.a.to: found "a b", expected the name of an upstream'],
    ['split: [{ upstream: "a b" }, { upstream: shop }]', 'routes.a.split[0].upstream: found "a b", expected a name'],
    ['respond: { status: 204, body: a }', 'routes.a.respond.body: found a body for status 204, expected no body'],
    ['to: shop, rewrite: { host: "a:99999" }', 'routes.a.rewrite.host: found "a:99999"'],
    ['to: { subset: v1 }', 'routes.a.to: found a subset without an upstream'],
    ['to: { upstream: orders, subset: v3 }', 'routes.a.to.subset: found "v3", expected one of v1, v2'],
    ['to: db', 'routes.a.to: found upstream db of protocol tcp, expected an upstream that speaks HTTP'],
    ['to: shop, mirror: { to: db }', 'routes.a.mirror.to: found upstream db of protocol tcp'],
    [
      'to: { upstream: spilling, subset: v2 }',
      'routes.a.to.subset: found a subset of an upstream that fails over to a subset',
    ],
    ['to: sharded, hash: { header: b }', 'routes.a.hash: found hash, and upstream sharded with shards'],
    ['to: shop, timeouts: { connect: 1s }', 'routes.a.timeouts.connect: found an unknown key'],
    ['to: { upstream: parted, subset: v2 }', 'routes.a.to.subset: found a subset of an upstream with roles'],
    [
      'split: [{ upstream: shop, weight: 0 }, { upstream: orders, weight: 0 }]',
      'routes.a.split: found weights that are all 0',
    ],
    [
      'split: [{ upstream: shop }, { upstream: shop }]',
      'routes.a.split[1]: found what split[0] says, expected each part once',
    ],
    ['to: shop, sticky: { header: a }', 'routes.a.sticky: found sticky without split'],
    ['respond: {}, rewrite: { path: / }', 'routes.a.rewrite: found rewrite beside respond'],
    ['maintenance: {}, timeouts: { request: 1s }', 'routes.a.timeouts: found timeouts beside maintenance'],
    [
      'redirect: { path: /b }, match: { path: { exact: /a } }, request: { remove: [x] }',
      'routes.a.request: found request beside redirect',
    ],
    ['redirect: { path: /a }, match: { path: { exact: /a } }', 'routes.a.redirect.path: found a redirect to itself'],
    [
      'redirect: { prefix: /a/b }, match: { path: { segments: /a } }',
      'routes.a.redirect.prefix: found a redirect to itself',
    ],
    ['hosts: new, redirect: { host: new }', 'routes.a.redirect.host: found a redirect to itself'],
    [
      'to: shop, cors: { origins: "http://a", exposes: "*", credentials: true }',
      'routes.a.cors.exposes: found * with credentials, expected the headers by name',
    ],
    ['to: shop, cors: { origins: "*", credentials: true }', 'routes.a.cors.origins: found * with credentials'],
    [
      'to: shop, rewrite: { prefix: / }, match: { path: { regex: "/a" } }',
      'routes.a.rewrite.prefix: found prefix beside a path that is a regex',
    ],
    [
      'to: shop, rewrite: { regex: { pattern: "/(a)", substitution: "/\\\\2" } }',
      'routes.a.rewrite.regex.substitution: found "/\\\\2", expected groups of the pattern, \\0 to \\1, and \\\\: the pattern has no group 2',
    ],
    [
      'to: shop, retry: { on: [retriable-headers] }',
      'routes.a.retry.on: found retriable-headers without headers, expected headers beside it',
    ],
    [
      'to: shop, retry: { on: [5xx], statuses: [500] }',
      'routes.a.retry.statuses: found statuses without retriable-status-codes',
    ],
    [
      'to: shop, retry: { on: [unavailable] }',
      'routes.a.retry.on: found unavailable, expected grpcIdempotent: true beside it',
    ],
    [
      'to: shop, retry: { on: [retriable-headers], headers: [{ name: a, exact: b, prefix: c }] }',
      'routes.a.retry.headers[0].prefix: found prefix beside exact',
    ],
    [
      "to: shop, rewrite: { regex: { pattern: /a, substitution: '/\\n' } }",
      'a backslash is followed by the number of a group',
    ],
    [
      'to: shop, cors: { origins: "https://a", credentials: true, exposes: [x-a, "*"] }',
      'routes.a.cors.exposes: found * with credentials',
    ],
    ['to: shop, cors: { origins: "https://*" }', 'for a label or the port, or * alone'],
    ['to: shop, cors: { origins: "https://shop*.example" }', 'for a label or the port, or * alone'],
    ['to: shop, cors: { origins: ["https://a", "https://"] }', 'expected an origin such as'],
    [
      'redirect: { prefix: / }, match: { path: { regex: "/a" } }',
      'found prefix beside a path that is a regex, expected path, which says what becomes',
    ],
    [
      'to: shop, match: { grpc: { service: a } }',
      'routes.a.match.grpc: found calls of gRPC, and upstream shop of protocol http',
    ],
    ['to: both, match: { grpc: { service: a }, path: { exact: /a } }', 'routes.a.match.path: found path beside grpc'],
    ['to: calls, match: [{ query: { a: b } }]', 'routes.a.match[0].query: found a query of calls of gRPC'],
    [
      'to: shop, match: { headers: { A: x, a: y } }',
      'routes.a.match.headers.a: found A again, expected each header once',
    ],
    ['to: shop, response: { set: { A: x, a: y } }', 'routes.a.response.set.a: found A again'],
    ['to: shop, hash: { header: a }', 'routes.a.hash: found hash, and upstream shop with balancer'],
    [
      'split: [{ upstream: calls }, { upstream: shop }], sticky: { cookie: { name: a, ttl: 1h } }',
      'routes.a.sticky.cookie.ttl: found a cookie to make',
    ],
    [
      'to: shop, timeouts: { attempt: 3s, request: 2s }',
      'routes.a.timeouts.attempt: found 3s, expected at most request, which is 2s',
    ],
    [
      'to: shop, retry: { backoff: 3s, maxBackoff: 2s }',
      'routes.a.retry.backoff: found 3s, expected at most maxBackoff',
    ],
  ])('%s', (words, complaint) => {
    expect(shared(words)).toContain(complaint);
    expect(shared(words)).toMatch(/\n1 problem$/);
  });
});

describe('of an upstream, refuses', () => {
  it.each([
    ['hosts: shop', 'upstreams.shop.routes.a.hosts: found hosts in a route of an upstream'],
    [
      'to: { subset: v1 }',
      'upstreams.shop.routes.a.to.subset: found "v1", expected a name of upstreams.shop.subsets, which is empty',
    ],
    ['match: { grpc: { service: a } }', 'upstreams.shop.routes.a.match.grpc: found calls of gRPC'],
  ])('%s', (words, complaint) => {
    expect(ofShop(words)).toContain(complaint);
  });
});

it('lets a route leave what its upstream says of retries without an effect', () => {
  const retry = '{ on: [retriable-status-codes], statuses: [500], maxRetryAfter: 2s }';
  const said = (words: string) =>
    parseConfig(web(`consul: {}\nupstreams: { shop: { retry: ${retry}, routes: { a: { retry: ${words} } } } }`));
  for (const words of ['{ on: [connect-failure] }', '{ maxAttempts: 1 }', '{ statuses: [503] }']) {
    expect(Array.isArray(said(words)), words).toBe(false);
  }
});

it('makes no upstreams for routes of other callers', () => {
  const config = parseConfig(
    web(`consul: {}
outbound: { port: 9000 }
upstreams: { shop: { routes: { a: { callers: other, to: its }, b: { callers: [other, web], mirror: { to: ours } } } } }
routes: { c: { callers: [other], split: [{ upstream: its }, { upstream: shop }] }, d: { callers: web, to: mine } }`),
  );
  if (Array.isArray(config)) throw new Error(formatProblems(config));
  expect([...config.upstreams.keys()].sort()).toEqual(['mine', 'ours', 'shop']);
});

it('names the line that a route contradicts', () => {
  const lines = said('  a:\n    match: { path: { exact: /a } }\n    redirect:\n      path: /a').split('\n');
  expect(lines[1]).toBe('  beside remora.yaml:20:5 routes.a.match');
});

it('lets a redirect lead to another host, path or port', () => {
  expect(shared('hosts: new, redirect: { host: old }')).toBe('good');
  expect(shared('redirect: { path: /b }, match: { path: { exact: /a } }')).toBe('good');
  expect(shared('redirect: { scheme: https }')).toBe('good');
  expect(shared('redirect: { path: /a }, match: { path: { exact: /a }, methods: POST }')).toBe('good');
});

it('refuses routes of opaque bytes', () => {
  const text = web('consul: {}\nupstreams: { db: { protocol: tcp, port: 1, routes: { a: {} } } }');
  const problems = parseConfig(text);
  expect(Array.isArray(problems) && formatProblems(problems)).toContain(
    'upstreams.db.routes.a: found a route for protocol tcp',
  );
});

it('takes ten thousand routes and no more', () => {
  const many = (count: number, match = '') =>
    Array.from({ length: count }, (_, i) => `  r${i}: { hosts: h${i}, to: shop${match} }`).join('\n');
  expect(said(many(9_998))).toBe('good');
  expect(said(many(9_999))).toContain('routes: found 10001 routes, with 10001 pairs of a host and a match');
});

it('takes as many patterns as there may be, of which equal ones are one', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => `  r${i}: { match: { path: { regex: "/${i % 300}/.*" } }, to: shop }`).join(
      '\n',
    );
  expect(said(many(256))).toBe('good');
  expect(said(many(257))).toContain('a route with the pattern after 256 others');
  expect(said(`${many(256)}\n  again: { match: { path: { regex: "/1/.*" } }, to: shop }`)).toBe('good');
});
