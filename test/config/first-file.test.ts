import { expect, it } from 'vitest';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { DEFAULT_CRITICALITY_OPTIONS, INBOUND_CRITICALITY } from '../../src/policy/criticality-rule.ts';
import { DEFAULT_BREAKER, DEFAULT_LIMITS, DEFAULT_RETRY, DEFAULT_TIMEOUTS } from '../../src/policy/options.ts';
import { DEFAULT_EJECTION } from '../../src/policy/outlier/options.ts';
import { DEFAULT_OVERLOAD } from '../../src/policy/overload-guard.ts';
import { DEFAULT_THROTTLE } from '../../src/policy/throttle.ts';
import { FIRST_FILE, WITHOUT_CONSUL, WITHOUT_STATIC } from './first-file.ts';
import { complaints, good } from './parse.ts';

it('takes the file a user writes first exactly as it is printed, and fills in every default', () => {
  const upstream = {
    subsets: {},
    subset: null,
    failover: [],
    zones: { mode: null, minEndpoints: 6 },
    panic: 0,
    overprovisioning: 1.4,
    datacenter: null,
    tag: null,
    filter: null,
    balancer: { name: 'p2c_ewma' },
    hash: null,
    hedge: null,
    shards: null,
    roles: null,
    healthCheck: null,
    breaker: DEFAULT_BREAKER,
    limits: DEFAULT_LIMITS,
    adaptive: DEFAULT_ADAPTIVE,
    criticality: DEFAULT_CRITICALITY_OPTIONS,
    rateLimits: [],
    throttle: DEFAULT_THROTTLE,
    retry: DEFAULT_RETRY,
    timeouts: DEFAULT_TIMEOUTS,
    connections: DEFAULT_CONNECTIONS,
    ejection: DEFAULT_EJECTION,
    fallback: null,
    faults: [],
    routes: [],
  };
  expect(good(FIRST_FILE)).toEqual({
    service: {
      name: 'web',
      id: 'web',
      address: '127.0.0.1',
      port: 8080,
      protocol: 'auto',
      tags: [],
      meta: {},
      zone: null,
      register: null,
    },
    inbound: {
      address: '127.0.0.1',
      port: 15006,
      protocol: 'http',
      identify: false,
      limits: DEFAULT_LIMITS,
      adaptive: DEFAULT_ADAPTIVE,
      criticality: INBOUND_CRITICALITY,
      rateLimits: [],
      timeouts: { ...DEFAULT_TIMEOUTS, connectMs: 1_000 },
      faults: [],
    },
    outbound: { address: '127.0.0.1', port: 15001, protocol: 'http', discover: false },
    upstreams: new Map([
      [
        'orders',
        {
          name: 'orders',
          service: 'orders',
          listen: { address: '127.0.0.1', port: 9001 },
          protocol: 'http',
          ...upstream,
        },
      ],
      [
        'cache',
        { name: 'cache', service: 'cache', listen: { address: '127.0.0.1', port: 9002 }, protocol: 'tcp', ...upstream },
      ],
    ]),
    routes: [],
    overrides: null,
    static: new Map([
      [
        'orders',
        [
          { host: '127.0.0.1', port: 7001, weight: 1, tags: [], meta: {}, zone: null, priority: 0 },
          { host: '127.0.0.1', port: 7002, weight: 2, tags: ['v2'], meta: {}, zone: null, priority: 0 },
        ],
      ],
    ]),
    consul: {
      address: 'http://127.0.0.1:8500',
      configEntries: false,
      token: null,
      tokenFile: null,
      datacenter: null,
      namespace: null,
      status: true,
      tls: { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true },
    },
    admin: { address: '127.0.0.1', port: 15000, grpcPort: 15010, tokenFile: null },
    telemetry: { otlp: null, sampleRatio: 0.01, accessLog: 'failures' },
    http: {
      maxHeadBytes: 65_536,
      maxFields: 100,
      maxTargetBytes: 8_192,
      headTimeoutMs: 10_000,
      clientIdleMs: 600_000,
      upstreamIdleMs: 4_000,
      maxConnections: 10_000,
    },
    http2: {
      maxStreams: 100,
      maxListBytes: 65_536,
      maxFields: 200,
      maxStreamWindow: 1_048_576,
      maxConnectionWindow: 4_194_304,
      windowBudgetBytes: 67_108_864,
      maxHeldBytes: 1_048_576,
      maxResets: 250,
      maxUselessFrames: 1_000,
      pingIntervalMs: 10_000,
      pingTimeoutMs: 3_000,
    },
    overload: DEFAULT_OVERLOAD,
    shutdown: { propagationMs: 5_000, timeoutMs: 30_000 },
    secrets: { dir: null, allowEnv: [] },
    stateDir: null,
  });
});

it('takes it without static, when all of it comes from Consul', () => {
  const config = good(WITHOUT_STATIC);
  expect(config.static.size).toBe(0);
  expect([...config.upstreams.keys()]).toEqual(['orders', 'cache']);
});

it('names each upstream that has neither static endpoints nor Consul', () => {
  expect(complaints(WITHOUT_CONSUL)).toEqual([
    'remora.yaml:6:3 upstreams.cache: found no source of endpoints, expected endpoints under static.cache, or consul; add consul: {} or set CONSUL_HTTP_ADDR',
  ]);
});

it('takes Consul from CONSUL_HTTP_ADDR when the file names none', () => {
  const config = good(WITHOUT_CONSUL, { env: { CONSUL_HTTP_ADDR: '10.0.0.1:8500' } });
  expect(config.consul?.address).toBe('http://10.0.0.1:8500');
});

it('has nothing but an admin port when it is given nothing but a service', () => {
  const config = good('service: { name: web, port: 8080 }');
  expect(config).toMatchObject({
    inbound: null,
    outbound: null,
    consul: null,
    admin: { port: 15_000, grpcPort: 15_010 },
  });
  expect(config.upstreams.size).toBe(0);
});
