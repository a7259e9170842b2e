import { beforeAll, describe, expect, it } from 'vitest';
import { chainSources } from '../../../src/config/chains/chain-sources.ts';
import { subsetOfFilter } from '../../../src/config/chains/filter.ts';
import { goDuration } from '../../../src/config/chains/words.ts';
import { formatProblem } from '../../../src/config/problems.ts';
import { readyRegex } from '../../../src/route/table/regex.ts';

beforeAll(readyRegex);

const target = (service: string, more: object = {}) => ({
  ID: service,
  Service: service,
  ServiceSubset: '',
  Namespace: 'default',
  Datacenter: 'dc1',
  MeshGateway: {},
  Subset: {},
  SNI: 'x',
  Name: 'y',
  ...more,
});
const resolver = (id: string, more: object = {}) => ({
  Type: 'resolver',
  Name: id,
  Resolver: { ConnectTimeout: '5s', Target: id, ...more },
});
const subset = (service: string, name: string, Filter: string) =>
  target(service, { ServiceSubset: name, Subset: { Filter } });

interface Parts {
  readonly start: string;
  readonly nodes: Record<string, unknown>;
  readonly targets: Record<string, unknown>;
  readonly protocol?: string;
  readonly more?: object;
}

function translated({ start, nodes, targets, protocol = 'http', more = {} }: Parts) {
  const Chain = {
    ServiceName: 'web',
    Namespace: 'default',
    Datacenter: 'dc1',
    Protocol: protocol,
    StartNode: start,
    Nodes: nodes,
    Targets: targets,
    ...more,
  };
  const { sources, problems } = chainSources({ service: 'web', json: JSON.stringify({ Chain }) });
  const [own, others] = sources.map(({ value }) => value);
  return { own, others: others ?? null, problems: problems.map(formatProblem) };
}

/** A chain that begins with a router of these routes; each leads to the node it names. */
function routed(routes: readonly object[], parts: Partial<Parts> = {}) {
  return translated({
    start: 'router',
    nodes: {
      router: { Type: 'router', Name: 'web', Routes: routes },
      web: resolver('web'),
      admin: resolver('admin'),
      ...parts.nodes,
    },
    targets: { web: target('web'), admin: target('admin'), ...parts.targets },
  });
}

const to = (NextNode: string, http: object, Destination: object = {}) => ({
  Definition: { Match: { HTTP: http }, Destination },
  NextNode,
});

it('says nothing of a service of which no entry says anything', () => {
  const bare = translated({
    start: 'web',
    nodes: { web: resolver('web') },
    targets: { web: target('web') },
    protocol: 'tcp',
  });
  expect(bare).toEqual({ own: {}, others: null, problems: [] });
});

it('keeps the order of a router, and leaves out its last route, which every service has', () => {
  const { own, problems } = routed([
    to(
      'admin',
      { PathPrefix: '/admin', Methods: ['GET'] },
      {
        Service: 'admin',
        PrefixRewrite: '/',
        RequestTimeout: '15s',
        NumRetries: 3,
        RetryOnConnectFailure: true,
        RetryOnStatusCodes: [503],
      },
    ),
    to('web', {
      PathExact: '/v2',
      Header: [
        { Name: 'X-Debug', Exact: '1' },
        { Name: 'a', Present: true, Invert: true },
        { Name: 'b', Regex: 'x+', Invert: true },
      ],
      QueryParam: [{ Name: 'q', Present: true }],
    }),
    to('web', { PathPrefix: '/' }, { Service: 'web' }),
  ]);
  expect(problems).toEqual([]);
  expect(own).toEqual({
    protocol: 'http',
    routes: {
      'consul-1': {
        order: 1,
        match: { path: { prefix: '/admin' }, methods: ['GET'] },
        to: 'admin',
        rewrite: { prefix: '/' },
        timeouts: { request: '15s' },
        retry: { maxAttempts: 4, on: ['connect-failure', 'retriable-status-codes'], statuses: [503] },
      },
      'consul-2': {
        order: 2,
        match: {
          path: { exact: '/v2' },
          headers: { 'x-debug': { exact: '1' }, a: { present: false }, b: { regex: 'x+', not: true } },
          query: { q: { present: true } },
        },
      },
    },
  });
});

it('makes subsets of filters that say no more than a subset can, and weights of percents', () => {
  const { own, others, problems } = translated({
    start: 'splitter',
    nodes: {
      splitter: {
        Type: 'splitter',
        Splits: [
          {
            Weight: 89.5,
            NextNode: 'v1',
            Definition: { Weight: 89.5, ServiceSubset: 'v1', RequestHeaders: { Set: { 'X-V': '1' } } },
          },
          { Weight: 10.5, NextNode: 'v2' },
        ],
      },
      v1: resolver('v1.web'),
      v2: resolver('v2.web'),
    },
    targets: {
      'v1.web': subset('web', 'v1', 'Service.Meta.version == "1"'),
      'v2.web': subset('web', 'v2', 'Service.Meta.version == 2 and "canary" in Service.Tags'),
    },
  });
  expect(problems).toEqual([]);
  expect(others).toBe(null);
  expect(own).toEqual({
    protocol: 'http',
    subsets: { v1: { tags: [], meta: { version: '1' } }, v2: { tags: ['canary'], meta: { version: '2' } } },
    routes: {
      'consul-1': {
        order: 1,
        split: [
          { subset: 'v1', request: { set: { 'X-V': '1' }, add: {}, remove: [] }, weight: 8_950 },
          { subset: 'v2', weight: 1_050 },
        ],
      },
    },
  });
});

it('makes an upstream of its own of what no subset can say', () => {
  const { own, others } = routed(
    [to('odd', { PathPrefix: '/odd' }), to('far', { PathPrefix: '/far' }), to('new', { PathPrefix: '/new' })],
    {
      nodes: { odd: resolver('odd'), far: resolver('far'), new: resolver('new', { ConnectTimeout: '2s' }) },
      targets: {
        odd: subset('web', 'odd', 'Service.Meta.version != "1"'),
        far: target('web', { Datacenter: 'dc2' }),
        new: subset('admin', 'v2', 'Service.Meta.version == "2"'),
      },
    },
  );
  expect(own).toMatchObject({
    routes: {
      'consul-1': { to: 'consul-web_odd' },
      'consul-2': { to: 'consul-web_dc2' },
      'consul-3': { to: 'consul-admin_v2' },
    },
  });
  const bare = { subset: null, failover: null, routes: null, protocol: 'http' };
  expect(others).toEqual({
    upstreams: {
      'consul-web_odd': { ...bare, service: 'web', filter: 'Service.Meta.version != "1"' },
      'consul-web_dc2': { ...bare, service: 'web', datacenter: 'dc2' },
      'consul-admin_v2': {
        ...bare,
        service: 'admin',
        filter: 'Service.Meta.version == "2"',
        timeouts: { connect: '2s' },
      },
    },
  });
});

it('has failover, timeouts, the balancer and a default subset of a resolver', () => {
  const { own, problems } = translated({
    start: 'v1',
    protocol: 'grpc',
    nodes: {
      v1: {
        ...resolver('v1.web', {
          ConnectTimeout: '1m',
          RequestTimeout: '2s',
          Failover: { Targets: ['v1.web.dc2', 'spare', 'v2.web'] },
        }),
        LoadBalancer: {
          Policy: 'ring_hash',
          RingHashConfig: { MinimumRingSize: 2048 },
          HashPolicies: [{ Field: 'header', FieldValue: 'x-user', Terminal: true }, { SourceIP: true }],
        },
      },
    },
    targets: {
      'v1.web': subset('web', 'v1', 'Service.Meta.v == 1'),
      'v1.web.dc2': { ...subset('web', 'v1', 'Service.Meta.v == 1'), Datacenter: 'dc2' },
      'v2.web': subset('web', 'v2', 'Service.Meta.v == 2'),
      spare: target('spare'),
    },
  });
  expect(problems).toEqual([]);
  expect(own).toEqual({
    protocol: 'grpc',
    subset: 'v1',
    subsets: { v1: { tags: [], meta: { v: '1' } }, v2: { tags: [], meta: { v: '2' } } },
    timeouts: { connect: '1m', request: '2s' },
    failover: [{ datacenter: 'dc2' }, { service: 'spare' }, { subset: 'v2' }],
    balance: 'ring_hash',
    hash: [{ header: 'x-user', terminal: true }, { source: true }],
    ring: { sizing: 'envoy', minSize: 2048 },
  });
});

it('retries calls of gRPC where a router asks for it', () => {
  const { own, problems } = routed([
    to('web', { PathPrefix: '/a' }, { NumRetries: 2, RetryOn: ['unavailable', 'retriable-headers'] }),
  ]);
  expect(own).toMatchObject({
    routes: { 'consul-1': { retry: { maxAttempts: 3, on: ['unavailable'], grpcIdempotent: true } } },
  });
  expect(problems).toEqual([expect.stringContaining('RetryOn: found "retriable-headers"')]);
});

it('ends a router where every request is taken, as nothing comes behind that', () => {
  const whole = routed([to('web', { PathPrefix: '/' }), to('admin', { PathPrefix: '/admin' })]);
  expect(whole.own).toEqual({ protocol: 'http' });
  const { own } = routed([
    to('web', { PathExact: '/a' }),
    { Definition: null, NextNode: 'admin' },
    to('web', { PathExact: '/b' }),
  ]);
  expect(own).toMatchObject({ routes: { 'consul-2': { order: 2, to: 'admin' } } });
  expect(own).not.toHaveProperty('routes.consul-3');
});

describe('a subset that fails over to another one', () => {
  const v1 = subset('web', 'v1', 'Service.Meta.v == 1');
  const v2 = subset('web', 'v2', 'Service.Meta.v == 2');
  const split = (targets: Record<string, unknown>, failover: readonly string[] = ['v2.web']) =>
    routed([to('v1', { PathPrefix: '/v1' }), to('v2', { PathPrefix: '/v2' })], {
      nodes: { v1: resolver('v1.web', { Failover: { Targets: failover } }), v2: resolver('v2.web') },
      targets,
    });

  it('is an upstream of its own, that begins with its own endpoints', () => {
    const { own, others, problems } = split({ 'v1.web': v1, 'v2.web': v2 });
    expect(problems).toEqual([]);
    expect(own).toMatchObject({
      subsets: { v1: { meta: { v: '1' } }, v2: { meta: { v: '2' } } },
      routes: { 'consul-1': { to: 'consul-web_v1' }, 'consul-2': { to: { subset: 'v2' } } },
    });
    expect(own).not.toHaveProperty('failover');
    expect(others).toEqual({
      upstreams: {
        'consul-web_v1': { service: 'web', subset: 'v1', failover: [{ subset: 'v2' }], routes: null, protocol: 'http' },
      },
    });
  });

  it('in another datacenter keeps no filter that would leave none of the other', () => {
    const { others } = split({ 'v1.web': v1, 'v2.web': { ...v2, Datacenter: 'dc2' } });
    expect(others).toMatchObject({
      upstreams: { 'consul-web_v1': { subset: 'v1', failover: [{ datacenter: 'dc2', subset: 'v2' }] } },
    });
    expect(others).not.toHaveProperty('upstreams.consul-web_v1.filter');
  });

  it('loses that, with a word, where only Consul can judge its filter', () => {
    const odd = subset('web', 'v1', 'Service.Meta.v != 2');
    const { others, problems } = split({ 'v1.web': odd, 'v2.web': v2 });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('Failover.Targets');
    expect(others).toEqual({
      upstreams: {
        'consul-web_v1': {
          ...{ service: 'web', subset: null, failover: null, routes: null, protocol: 'http' },
          filter: 'Service.Meta.v != 2',
        },
      },
    });
  });

  it('is not mixed up with one of that name of another service', () => {
    const { own, others, problems } = split({ 'v1.web': v1, 'v2.web': subset('admin', 'v1', 'Service.Meta.v == 9') });
    expect(problems).toEqual([]);
    expect(own).toMatchObject({
      subsets: { v1: { meta: { v: '9' } } },
      routes: { 'consul-1': { to: 'consul-web_v1' } },
    });
    expect(others).toMatchObject({
      upstreams: {
        'consul-web_v1': { filter: 'Service.Meta.v == 1', failover: [{ service: 'admin', subset: 'v1' }] },
      },
    });
  });
});

it('names parts of services so that no two read alike', () => {
  const far = (service: string, name: string) => subset(service, name, 'Service.Meta.v != 2');
  const { own } = routed(
    [to('a', { PathPrefix: '/a' }), to('b', { PathPrefix: '/b' }), to('c', { PathPrefix: '/c' })],
    {
      nodes: { a: resolver('a'), b: resolver('b', { Failover: { Targets: ['web'] } }), c: resolver('c') },
      targets: { a: far('shop', 'v1'), b: target('shop-v1'), c: far('Shop', 'v1') },
    },
  );
  const { routes } = own as { routes: Record<string, { to: string }> };
  const names = Object.values(routes).map(({ to }) => to);
  expect(names.slice(0, 2)).toEqual(['consul-shop_v1', 'consul-shop-v1']);
  expect(names[2]).toMatch(/^consul-shop_v1-[0-9a-f]{8}$/);
});

it('leads a redirect to the other service', () => {
  const away = { start: 'admin', nodes: { admin: resolver('admin') }, targets: { admin: target('admin') } };
  expect(translated(away).own).toEqual({ protocol: 'http', routes: { 'consul-1': { order: 1, to: 'admin' } } });
  expect(translated({ ...away, protocol: 'tcp' }).problems[0]).toContain('found a redirect of opaque bytes to admin');
});

describe('names what it cannot have, and keeps the rest:', () => {
  it.each([
    [
      'a setting of a newer Consul',
      to('web', { PathPrefix: '/a' }, { NewThing: { Deep: 1 } }),
      'Nodes.router.Routes[0].Definition.Destination.NewThing: found a map',
    ],
    [
      'a pattern that is none of RE2',
      to('admin', { PathRegex: '/(?=a)' }),
      'Definition.Match.HTTP.PathRegex: found "/(?=a)"',
    ],
    [
      'case that does not matter',
      to('admin', { PathPrefix: '/a', CaseInsensitive: true }),
      'HTTP.CaseInsensitive: found true',
    ],
    [
      'one header twice',
      to('admin', {
        Header: [
          { Name: 'A', Exact: '1' },
          { Name: 'a', Prefix: '2' },
        ],
      }),
      'Header[1].Name: found "a"',
    ],
    [
      "Envoy's variables",
      to('admin', { PathPrefix: '/a' }, { RequestHeaders: { Set: { a: '%REQ(b)%' } } }),
      'RequestHeaders.Set: found a value with % in it',
    ],
    [
      'a prefix in place of a pattern',
      to('admin', { PathRegex: '/a' }, { PrefixRewrite: '/b' }),
      'PrefixRewrite: found "/b"',
    ],
  ])('%s', (_, route, complaint) => {
    const { own, problems } = routed([route, to('admin', { PathPrefix: '/kept' })]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('consul:discovery-chain/web:1:1 ');
    expect(problems[0]).toContain(complaint);
    expect(own).toMatchObject({ routes: { 'consul-2': { to: 'admin' } } });
  });

  it('says the same once, and no more than twenty', () => {
    const routes = Array.from({ length: 40 }, () => to('admin', { PathRegex: '(?=a)' }));
    const { problems } = routed(routes);
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toContain('20 more of this kind');
  });

  it.each(['', '{}', '[]', '{"Chain":{}}', 'null', '{"Chain":{"Nodes":{},"Targets":[]}}'])(
    'of %j, everything',
    (json) => {
      const { sources, problems } = chainSources({ service: 'web', json });
      expect(sources).toEqual([]);
      expect(problems).toHaveLength(1);
    },
  );
});

it('reads filters that are metadata and tags, and no others', () => {
  expect(subsetOfFilter('Service.Meta["a"] == `b` and Service.Tags contains "c"')).toEqual({
    tags: ['c'],
    meta: { a: 'b' },
  });
  for (const filter of [
    '',
    'Service.Meta.a == "1" or Service.Meta.a == "2"',
    'Service.Meta.a != b',
    'Node.Meta.a == b',
    '"a" not in Service.Tags',
    'Service.Meta.a == 1 and Service.Meta.a == 2',
  ]) {
    expect(subsetOfFilter(filter), filter).toBe(null);
  }
});

it('reads durations as Go writes them', () => {
  expect(['1h2m3s', '1m30s', '1.5s', '500ms', '0s', '', '5'].map(goDuration)).toEqual([
    3_723_000,
    90_000,
    1_500,
    500,
    0,
    null,
    null,
  ]);
});
