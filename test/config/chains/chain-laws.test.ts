import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { settle } from '../../../src/config/settle.ts';
import { readyRegex } from '../../../src/route/table/regex.ts';
import { web } from '../parse.ts';

beforeAll(readyRegex);

/** A chain with something of every kind in it. */
const CHAIN = {
  Protocol: 'http',
  Datacenter: 'dc1',
  StartNode: 'router',
  Nodes: {
    router: {
      Type: 'router',
      LoadBalancer: {
        Policy: 'ring_hash',
        HashPolicies: [{ Field: 'cookie', FieldValue: 'a', CookieConfig: { TTL: '1h' } }],
      },
      Routes: [
        {
          Definition: {
            Match: {
              HTTP: {
                PathPrefix: '/a',
                Header: [{ Name: 'a', Exact: 'b', Invert: true }],
                QueryParam: [{ Name: 'q', Regex: 'a+' }],
                Methods: ['GET'],
              },
            },
            Destination: {
              PrefixRewrite: '/',
              RequestTimeout: '1s',
              NumRetries: 2,
              RetryOn: ['5xx'],
              RetryOnStatusCodes: [503],
              RequestHeaders: { Set: { a: 'b' }, Remove: ['c'] },
            },
          },
          NextNode: 'splitter',
        },
        { Definition: { Match: { HTTP: { PathExact: '/b' } } }, NextNode: 'far' },
      ],
    },
    splitter: {
      Type: 'splitter',
      Splits: [
        { Weight: 50, NextNode: 'v1' },
        { Weight: 50, NextNode: 'admin' },
      ],
    },
    v1: { Type: 'resolver', Resolver: { ConnectTimeout: '2s', Target: 'v1', Failover: { Targets: ['far', 'admin'] } } },
    far: { Type: 'resolver', Resolver: { ConnectTimeout: '5s', Target: 'far' } },
    admin: { Type: 'resolver', Resolver: { ConnectTimeout: '5s', Target: 'admin' } },
  },
  Targets: {
    v1: { Service: 'shop', ServiceSubset: 'v1', Datacenter: 'dc1', Subset: { Filter: 'Service.Meta.v == 1' } },
    far: { Service: 'shop', ServiceSubset: 'v1', Datacenter: 'dc2', Subset: { Filter: 'Service.Meta.v == 1' } },
    admin: { Service: 'admin', Datacenter: 'dc1' },
  },
};

type Step = string | number;

function paths(value: unknown, path: Step[] = []): Step[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => paths(inner, [...path, key]))];
}

function replaced(value: unknown, [step, ...rest]: readonly Step[], by: unknown): unknown {
  if (step === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<Step, unknown>;
  copy[step] = replaced(copy[step], rest, by);
  return copy;
}

function settledWith(chain: unknown) {
  const local = { source: 'remora.yaml', text: web('consul: {}\nupstreams: { shop: {} }'), env: {}, set: [] };
  const chains = [{ service: 'shop', json: JSON.stringify({ Chain: chain }) }];
  return settle({ local, newest: [], good: [], chains, inForce: null }, { wallMs: 0, isExplained: false });
}

/** What may stand where something else is expected. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    '',
    '/',
    '//',
    '/a?b',
    '(',
    '1h',
    '0s',
    '-1s',
    'shop',
    'v1',
    'far',
    'router',
    'splitter',
    '__proto__',
    'x'.repeat(2_000),
  ),
  fc.integer(),
);

it('are all in force when nothing is wrong with them', () => {
  const { config, chainProblems } = settledWith(CHAIN);
  expect(chainProblems).toEqual([]);
  expect(config!.upstreams.get('shop')!.routes.map(({ name }) => name)).toEqual(['consul-1', 'consul-2']);
  expect([...config!.upstreams.keys()].sort()).toEqual(['admin', 'consul-shop_v1_dc2', 'shop']);
});

it('never keep a configuration from being one, whatever stands in them', () => {
  const all = paths(CHAIN);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(all.length - 1), anything), { minLength: 1, maxLength: 3 }), (changes) => {
      let chain: unknown = CHAIN;
      for (const [at, by] of changes) {
        const path = all[at]!;
        // What an earlier change has taken away cannot be changed.
        if (
          path.slice(0, -1).reduce<unknown>((value, step) => (value as Record<Step, unknown> | null)?.[step], chain) ==
          null
        )
          continue;
        chain = replaced(chain, path, by);
      }
      const { config, localProblems } = settledWith(chain);
      expect(localProblems).toEqual([]);
      expect(config?.upstreams.has('shop')).toBe(true);
    }),
    { numRuns: 150 },
  );
}, 60_000);
