import { beforeAll, expect, it } from 'vitest';
import type { KvText } from '../../../src/config/material.ts';
import { formatProblem } from '../../../src/config/problems.ts';
import { settle } from '../../../src/config/settle.ts';
import { readyRegex } from '../../../src/route/table/regex.ts';
import { web } from '../parse.ts';

beforeAll(readyRegex);

const target = (service: string) => ({ Service: service, Datacenter: 'dc1' });
const resolver = (id: string, more: object = {}) => ({
  Type: 'resolver',
  Resolver: { ConnectTimeout: '2s', Target: id, ...more },
});
const routes = [
  { Definition: { Match: { HTTP: { PathPrefix: '/admin' } } }, NextNode: 'admin' },
  { Definition: { Match: { HTTP: { PathPrefix: '/' } } }, NextNode: 'shop' },
];
const CHAIN = {
  Chain: {
    Protocol: 'http',
    Datacenter: 'dc1',
    StartNode: 'router',
    Nodes: { router: { Type: 'router', Routes: routes }, admin: resolver('admin'), shop: resolver('shop') },
    Targets: { admin: target('admin'), shop: target('shop') },
  },
};

function settled(file: string, newest: readonly KvText[] = [], chain: unknown = CHAIN) {
  const settlement = settle(
    {
      local: { source: 'remora.yaml', text: web(`consul: {}\n${file}`), env: {}, set: [] },
      newest,
      good: [],
      chains: [{ service: 'shop', json: JSON.stringify(chain) }],
      inForce: null,
    },
    { wallMs: 0 },
  );
  const { config, chainProblems } = settlement;
  return { settlement, shop: config?.upstreams.get('shop'), config, problems: chainProblems.map(formatProblem) };
}

const service = (text: string): KvText => ({ layer: 'service/shop', text, revision: '1', isCandidate: false });

it('lies below the file, and brings the upstreams that it leads to', () => {
  const { config, shop, problems, settlement } = settled('upstreams: { shop: { timeouts: { connect: 1s } } }');
  expect(problems).toEqual([]);
  expect(shop!.timeouts.connectMs).toBe(1_000);
  expect(shop!.routes.map(({ name, order }) => [name, order])).toEqual([['consul-1', 1]]);
  expect(config!.upstreams.get('admin')).toMatchObject({ service: 'admin' });
  expect(settlement.origins.get('upstreams.shop.routes.consul-1.order')?.source).toBe('consul:discovery-chain/shop');
});

it('holds for every upstream of the service, whatever it is called', () => {
  const { config } = settled(
    'upstreams: { a: { service: shop }, b: { service: shop, routes: { consul-1: { order: 3 } } } }',
  );
  expect(config!.upstreams.get('a')!.timeouts.connectMs).toBe(2_000);
  expect(config!.upstreams.get('b')!.routes[0]!.order).toBe(3);
});

it('lets a document take a route of it away', () => {
  const { shop } = settled('upstreams: { shop: {} }', [service('routes: { consul-1: null }')]);
  expect(shop!.routes).toEqual([]);
});

it('gives way where it contradicts a document, which stays in force', () => {
  const { shop, problems, settlement } = settled('upstreams: { shop: { port: 9001, protocol: tcp } }');
  expect(shop).toMatchObject({ protocol: 'tcp', routes: [], timeouts: { connectMs: 5_000 } });
  expect(problems[0]).toContain('consul:discovery-chain/shop:1:1 ');
  expect(problems[0]).toContain('found a route for protocol tcp');
  const both = settled('upstreams: { shop: {} }', [service('timeouts: { attempt: 1s }')]);
  expect(both.shop!.timeouts).toMatchObject({ connectMs: 5_000, attemptMs: 1_000 });
  expect(both.settlement.layers[0]!.problems).toEqual([]);
  expect(both.problems).toHaveLength(1);
  expect(settlement.localProblems).toEqual([]);
});

it('is left out when it is not to be read', () => {
  const { shop, problems } = settled('upstreams: { shop: {} }', [], 'nonsense');
  expect(shop!.routes).toEqual([]);
  expect(problems).toHaveLength(1);
});
