import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeRoutes } from '../../src/config/routes-shown.ts';
import { settle } from '../../src/config/settle.ts';
import { readyRegex } from '../../src/route/table/regex.ts';
import { web } from '../config/parse.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';

const consul = await findConsul();
await readyRegex();

const Subsets = {
  v1: { Filter: 'Service.Meta.v == "1"' },
  v2: { Filter: 'Service.Meta.v == "2"' },
  odd: { Filter: 'Service.Meta.v != "2"' },
};
const resolver = (more: object = {}) => ({ Kind: 'service-resolver', Name: 'shop', Subsets, ...more });
const splitter = (...Splits: object[]) => ({ Kind: 'service-splitter', Name: 'shop', Splits });
const router = (...Routes: object[]) => ({ Kind: 'service-router', Name: 'shop', Routes });
const at = (PathPrefix: string, Destination: object, more: object = {}) => ({
  Match: { HTTP: { PathPrefix, ...more } },
  Destination,
});
const toV2 = { Failover: { '*': { ServiceSubset: 'v2' } } };

interface Shape {
  readonly name: string;
  readonly entries: readonly object[];
  readonly routes: object;
  /** Other upstreams that are made, and what they say. */
  readonly others?: Readonly<Record<string, object>>;
  readonly shop?: object;
}

const SHAPES: readonly Shape[] = [
  {
    name: 'failover of each subset to one of them',
    entries: [resolver(toV2), splitter({ Weight: 50, ServiceSubset: 'v1' }, { Weight: 50, ServiceSubset: 'v2' })],
    routes: {
      'consul-1': {
        split: [
          { upstream: 'consul-shop_v1', weight: 5_000 },
          { upstream: 'shop', subset: 'v2', weight: 5_000 },
        ],
      },
    },
    others: { 'consul-shop_v1': { service: 'shop', subset: 'v1', failover: [{ subset: 'v2' }] } },
    shop: { failover: [] },
  },
  {
    name: 'failover of a default subset',
    entries: [resolver({ DefaultSubset: 'v1', ...toV2 })],
    routes: {},
    shop: { subset: 'v1', failover: [{ subset: 'v2' }] },
  },
  {
    name: 'a default subset behind a router',
    entries: [resolver({ DefaultSubset: 'v1' }), router(at('/b', { Service: 'third', PrefixRewrite: '/' }))],
    routes: {
      'consul-1': { match: [{ path: { prefix: '/b' } }], to: { upstream: 'third' }, rewrite: { prefix: '/' } },
      'consul-2': { to: { upstream: 'shop', subset: 'v1' } },
    },
    others: { third: {} },
  },
  {
    name: 'thirds',
    entries: [
      resolver(),
      splitter(
        { Weight: 33.33, ServiceSubset: 'v1' },
        { Weight: 33.33, ServiceSubset: 'v2' },
        { Weight: 33.34, ServiceSubset: 'odd' },
      ),
    ],
    routes: {
      'consul-1': {
        split: [
          { subset: 'v1', weight: 3_333 },
          { subset: 'v2', weight: 3_333 },
          { upstream: 'consul-shop_odd', weight: 3_334 },
        ],
      },
    },
    others: { 'consul-shop_odd': { filter: 'Service.Meta.v != "2"' } },
  },
  {
    name: 'routes that nobody reaches',
    entries: [
      resolver(),
      router(
        at('/', { ServiceSubset: 'v1' }, { Methods: ['GET'] }),
        at('/a', { ServiceSubset: 'v2' }),
        at('/', { Service: 'shop' }),
        at('/b', { Service: 'third' }),
      ),
    ],
    routes: {
      'consul-1': { match: [{ path: { prefix: '/' }, methods: ['GET'] }], to: { subset: 'v1' } },
      'consul-2': { order: 2, match: [{ path: { prefix: '/a' } }], to: { subset: 'v2' } },
    },
  },
  {
    name: 'a redirect to another datacenter',
    entries: [{ Kind: 'service-resolver', Name: 'shop', Redirect: { Datacenter: 'dc2' } }],
    routes: { 'consul-1': { to: { upstream: 'consul-shop_dc2' } } },
    others: { 'consul-shop_dc2': { service: 'shop', datacenter: 'dc2' } },
  },
];

describe.skipIf(consul.path === null)(consulTitle('Chains as Consul itself makes them', consul), () => {
  let agent: ConsulAgent;

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    await agent.http.put('/config', { Kind: 'proxy-defaults', Name: 'global', Config: { Protocol: 'http' } });
  });

  afterAll(async () => {
    await agent?.stop();
  });

  it.each(SHAPES)('are had whole: $name', async ({ entries, routes, others = {}, shop = {} }) => {
    for (const entry of entries) await agent.http.put('/config', entry);
    const { text: json } = await agent.http.call('GET', '/discovery-chain/shop');
    for (const entry of entries.toReversed()) {
      const { Kind, Name } = entry as { Kind: string; Name: string };
      await agent.http.call('DELETE', `/config/${Kind}/${Name}`);
    }
    const local = { source: 'remora.yaml', text: web('consul: {}\nupstreams: { shop: {} }'), env: {}, set: [] };
    const material = { local, newest: [], good: [], chains: [{ service: 'shop', json }], inForce: null };
    const { config, chainProblems } = settle(material, { wallMs: 0, isExplained: false });
    expect(chainProblems).toEqual([]);
    const own = config!.upstreams.get('shop')!;
    const shown = encodeRoutes(own.routes) as object;
    expect(Object.keys(shown)).toEqual(Object.keys(routes));
    expect(shown).toMatchObject(routes);
    expect(own).toMatchObject(shop);
    const made = [...config!.upstreams].filter(([name]) => name !== 'shop');
    expect(made.map(([name]) => name)).toEqual(Object.keys(others));
    expect(Object.fromEntries(made)).toMatchObject(others);
  });
});
