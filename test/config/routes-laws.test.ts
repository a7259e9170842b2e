import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { redacted } from '../../src/config/effective.ts';
import { parseConfig } from '../../src/config/local-config.ts';
import { formatProblems } from '../../src/config/problems.ts';
import { web } from './parse.ts';

/** Keys of a route, each with what it may say; what must not stand together is left out of what is drawn. */
const MATCH = {
  path: [
    { exact: '/' },
    { prefix: '/' },
    { segments: '/' },
    { segments: '/a/' },
    { prefix: '/a/b' },
    { regex: '/a(b)?' },
  ],
  methods: ['GET', ['POST', 'PURGE']],
  headers: [
    { a: 'x', B: { present: false } },
    { c: { regex: '.*', not: true } },
    { d: { contains: ' ' }, e: { exact: '' } },
    { f: true, g: 7 },
  ],
  query: [{ q: '%41' }, { q: { present: true } }],
  cookies: [{ Sid: { suffix: 'z' } }],
};
const ACTION = [
  { to: 'orders' },
  { to: { upstream: 'orders', subset: 'v1' } },
  { to: { subset: 'v2', upstream: 'orders' } },
  {
    split: [
      { upstream: 'orders', subset: 'v1', weight: 0 },
      { upstream: 'shop', request: { remove: ['X'] } },
    ],
  },
  {
    split: [{ upstream: 'orders' }, { upstream: 'shop', weight: 1_000_000 }],
    sticky: { cookie: { name: 'v', ttl: '1h', path: '/a' } },
  },
  { split: [{ upstream: 'orders' }, { upstream: 'shop' }], sticky: { header: 'X-User' } },
];
const ANSWER = [
  { redirect: { port: 1 } },
  { redirect: { scheme: 'http', host: 'a.b', prefix: '/x/', status: 307, keepQuery: false } },
  { respond: {} },
  { respond: { body: 'ä\n', contentType: 'a/b', grpcStatus: 'internal', status: 503 } },
  { maintenance: {} },
  { maintenance: { retryAfter: '90s' } },
];
const ON_THE_WAY = {
  mirror: [
    { to: 'shop', percent: 0.07 },
    [{ to: 'shop', percent: 33.33 }, { to: { upstream: 'orders', subset: 'v1' } }],
  ],
  timeouts: [{ attempt: '1ms', request: '1h' }, { maxDuration: 0 }],
  retry: [
    { replay: '3MiB', backoff: '5ms', idempotencyKey: true },
    { on: ['internal'], grpcIdempotent: true, grpcStatuses: [] },
    { on: ['retriable-headers'], headers: [{ name: 'A', exact: 'b' }, { name: 'C', prefix: 'd' }, { name: 'e' }] },
  ],
  request: [{ set: { A: '%%%client_address%' }, remove: ['x'] }, { add: { a: ['1', '2'] } }],
};
const ALWAYS = {
  hosts: ['A.b', ['*', '*.shop.local'], '[::1]'],
  callers: ['web', ['web', 'cart']],
  order: [-10_000, 7],
  response: [{ set: { Server: '' } }, { add: { 'x-a': 'b' } }],
  cors: [
    { origins: '*' },
    {
      origins: ['http://localhost:*', 'https://*.a.b'],
      credentials: true,
      exposes: ['x-a'],
      maxAge: 0,
      methods: 'PUT',
    },
  ],
};

type Choices = Readonly<Record<string, readonly unknown[]>>;

const some = (choices: Choices) =>
  fc.record(Object.fromEntries(Object.entries(choices).map(([key, values]) => [key, fc.constantFrom(...values)])), {
    requiredKeys: [],
  });

const matches = fc.record(
  { match: fc.oneof(some(MATCH), fc.array(some(MATCH), { minLength: 1, maxLength: 3 })) },
  { requiredKeys: [] },
);
const sent = fc.tuple(some(ALWAYS), matches, fc.constantFrom(...ACTION), some(ON_THE_WAY));
const answered = fc.tuple(some(ALWAYS), matches, fc.constantFrom(...ANSWER));
const route = fc.oneof(sent, answered).map((parts) => Object.assign({}, ...parts) as object);

it('read back from what /config shows as what they are, whatever they say', () => {
  let count = 0;
  fc.assert(
    fc.property(route, (one) => {
      const upstreams = { orders: { subsets: { v1: { tag: 'a' }, v2: { tag: 'b' } } }, shop: {} };
      const { hosts: _hosts, ...ofShop } = one as { hosts?: unknown };
      const all = {
        outbound: { port: 0 },
        consul: {},
        upstreams: { ...upstreams, shop: { routes: { a: ofShop } } },
        routes: { a: one },
      };
      const config = parseConfig(web(stringify(all)));
      if (Array.isArray(config)) {
        expect(formatProblems(config)).toMatch(/a redirect to itself|prefix beside a path that is a regex/);
        return;
      }
      count += 1;
      const again = parseConfig(stringify(redacted(config)));
      if (Array.isArray(again)) throw new Error(formatProblems(again));
      expect(again).toEqual(config);
    }),
    { numRuns: 60 },
  );
  expect(count).toBeGreaterThan(30);
}, 30_000);
