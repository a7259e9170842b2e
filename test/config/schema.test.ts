import { describe, expect, it } from 'vitest';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { good, web } from './parse.ts';

const everything = `
service: { name: web, id: web-1, address: localhost, port: 8080, protocol: auto, zone: eu-1, tags: [a, b], meta: { version: "1" }, register: { ttl: 20s } }
inbound: { address: 0.0.0.0, port: 0, protocol: tcp, limits: { maxRequests: 5, maxParked: 0, parkTimeout: 1s }, timeouts: { connect: 200ms, request: 0 } }
outbound: { address: "::1", port: 0, protocol: auto, discover: true }
upstreams:
  orders:
    service: orders-v2
    port: 0
    address: "[::1]"
    protocol: http2
    datacenter: dc2
    tag: v2
    filter: Service.Meta.canary == true
    balance: ring_hash
    hash: { header: X-User }
    ring: { sizing: fixed, points: 40, maxSize: 1000 }
    boundedLoad: 1.25
    subsets: { v2: { tag: v2 }, beta: { tags: [beta, eu], meta: { stage: test } } }
    subset: v2
    failover: [{ subset: beta }, { service: orders-eu, datacenter: dc3 }]
    zones: { mode: off, minEndpoints: 2 }
    panic: 0.5
    overprovisioning: 2
    ejection:
      mode: observe
      interval: 5s
      base: 1s
      max: 10s
      jitter: 0
      maxShare: 0.25
      consecutive5xx: { mode: enforce, count: 2 }
      consecutiveGateway: { mode: observe, count: 2 }
      consecutiveLocal: { mode: off, count: 7 }
      successRate: { mode: enforce, minHosts: 3, minRequests: 10, factor: 1.2, margin: 0 }
      failurePercentage: { mode: enforce, minHosts: 2, minRequests: 20, share: 0.5 }
      latency: { mode: enforce, minHosts: 4, minRequests: 30, factor: 2, floor: 50ms }
    healthCheck: { type: http, path: /health, method: GET, host: health.orders, statuses: [200, 204-206], body: { text: fine, within: 2KiB }, headers: { X-Key: k }, identity: { header: X-Who, services: [orders] }, interval: 5s, unhealthyInterval: 1s, noTrafficInterval: 20s, jitter: 0, initialJitter: 0, timeout: 500ms, healthyThreshold: 1, unhealthyThreshold: 2, newEndpoints: wait, heedAnswers: false, keepLost: 1m }
    breaker: { consecutiveFailures: 3, failureRatio: 1, minimumRequests: 5, window: 20s, coolDown: 2s, maxCoolDown: 1m }
    limits: { maxRequests: 7, maxParked: 8, parkTimeout: 900ms, maxPending: 9, pendingTimeout: 800ms, maxConnections: 6 }
    adaptive: { mode: enforce, algorithm: aimd, min: 2, max: 50, initial: 3, aimd: { backoff: 0.5, timeout: 2s }, shares: { critical: 1, sheddablePlus: 0.5, sheddable: 0.25 } }
    criticality: { header: X-Priority, default: sheddable, mayRaise: false }
    rateLimits: [{ name: users, requests: 9, window: 2s, burst: 3, by: { header: X-User }, path: /a/*, methods: [PUT], mode: observe, tells: all, maxKeys: 6 }]
    throttle: { mode: enforce, window: 9s, aggression: 2, successThreshold: 0.5, minPerSecond: 0, maxRatio: 1 }
    retry: { maxAttempts: 4, on: [5xx, retriable-status-codes, retriable-grpc-statuses, retriable-headers], statuses: [503], grpcStatuses: [unavailable, aborted], headers: [{ name: X-Again }, { name: x-why, exact: busy }, { name: x-code, prefix: T- }], grpcIdempotent: true, idempotencyKey: true, maxConcurrent: 5, maxRetryAfter: 3s, backoff: 10ms, maxBackoff: 20ms, replay: 0, budget: { ratio: 0, minPerSecond: 0, window: 5s } }
    timeouts: { connect: 1s, attempt: 2s, attemptIdle: 500ms, request: 3s, streamIdle: 0, tunnelIdle: 2h, maxDuration: 3h }
    connections: { warm: 2, maxIdle: 8, maxRequests: 1000, maxAge: 10m, drainTimeout: 30s }
    fallback: { codes: [no_endpoint], statuses: [503], upstream: files, stale: { maxAge: 1m, maxEntries: 2, maxBytes: 1MiB, maxBody: 1KiB, credentials: true }, static: { status: 203, contentType: text/html, fields: { X-Kind: b }, body: later, grpcStatus: aborted, anyMethod: true } }
    faults: [{ delayHeader: X-Delay, maxDelay: 1s, percent: 0.5, match: { path: /a/*, headers: { X-A: b, x-any: "*" }, callers: [10.0.0.1] }, maxActive: 7, until: "2026-01-31T18:00:00+01:00" }]
  files: { balance: ring_hash, hash: { source: true } }
  hedged: { hedge: { percentile: 0.9, minDelay: 20ms, maxExtraLoad: 0.1, methods: [GET, PUT] } }
  envoy: { balance: ring_hash, hash: { source: true }, ring: { sizing: envoy, minSize: 2048, maxSize: 4096 } }
  maglev: { balance: maglev, hash: { source: true }, maglev: { tableSize: 251 } }
static:
  files: ["files.internal:80", "[2001:db8::1]:80", { address: "::1", port: 81, weight: 9, tags: [x], meta: { a: b }, zone: z, priority: 1 }]
consul: { address: "https://consul:8501/", configEntries: true, token: t, datacenter: dc1, namespace: ns, status: false, tls: { caFile: /ca, certFile: /c, keyFile: /k, serverName: s, verify: false } }
admin: { address: 0.0.0.0, port: 1, grpcPort: off, tokenFile: /t }
telemetry: { otlp: { endpoint: "https://otel:4317", headers: { api-key: k } }, sampleRatio: 1, accessLog: off }
http: { maxHead: 1KiB, maxFields: 1, maxTarget: 256B, headTimeout: 1s, clientIdle: 1s, upstreamIdle: 1s, maxConnections: 1 }
http2: { maxStreams: 1, maxList: 2KiB, maxFields: 3, maxStreamWindow: 64KiB, maxConnectionWindow: 128KiB, windowBudget: 1MiB, maxHeld: 256KiB, maxResets: 4, maxUselessFrames: 10, pingInterval: 0, pingTimeout: 1s }
overload: { loop: { mode: enforce, start: 50ms, full: 2s }, heap: { mode: off, start: 0.1, full: 0.2 }, sockets: { mode: observe, start: 0.3, full: 1 } }
shutdown: { propagation: 0, timeout: 1s }
stateDir: /var/lib/remora
`;

it('takes every key there is, in the units of the program', () => {
  const config = good(everything);
  expect(config.service).toEqual({
    name: 'web',
    id: 'web-1',
    address: 'localhost',
    port: 8080,
    protocol: 'auto',
    zone: 'eu-1',
    tags: ['a', 'b'],
    meta: { version: '1' },
    register: { ttlMs: 20_000 },
  });
  expect(config.inbound).toMatchObject({
    address: '0.0.0.0',
    port: 0,
    protocol: 'tcp',
    limits: { maxRequests: 5, maxParked: 0, parkTimeoutMs: 1_000 },
    timeouts: { connectMs: 200, requestMs: 0 },
  });
  expect(config.outbound).toEqual({ address: '::1', port: 0, protocol: 'auto', discover: true });
  expect(config.upstreams.get('orders')).toEqual({
    name: 'orders',
    service: 'orders-v2',
    listen: { address: '::1', port: 0 },
    protocol: 'http2',
    datacenter: 'dc2',
    tag: 'v2',
    filter: 'Service.Meta.canary == true',
    balancer: { name: 'ring_hash', ring: { sizing: 'fixed', points: 40, maxSize: 1000 }, boundedLoad: 1.25 },
    hash: [{ kind: 'header', name: 'x-user', terminal: false }],
    subsets: { v2: { tags: ['v2'], meta: {} }, beta: { tags: ['beta', 'eu'], meta: { stage: 'test' } } },
    subset: 'v2',
    failover: [
      { subset: 'beta', service: null, datacenter: null },
      { subset: null, service: 'orders-eu', datacenter: 'dc3' },
    ],
    zones: { mode: 'off', minEndpoints: 2 },
    panic: 0.5,
    overprovisioning: 2,
    shards: null,
    roles: null,
    healthCheck: {
      question: {
        kind: 'http',
        method: 'GET',
        path: '/health',
        host: 'health.orders',
        statuses: [
          [200, 200],
          [204, 206],
        ],
        body: { text: 'fine', withinBytes: 2_048 },
        headers: { 'x-key': 'k' },
      },
      identity: { header: 'x-who', services: ['orders'] },
      intervalMs: 5_000,
      unhealthyIntervalMs: 1_000,
      noTrafficIntervalMs: 20_000,
      jitter: 0,
      initialJitterMs: 0,
      timeoutMs: 500,
      healthyThreshold: 1,
      unhealthyThreshold: 2,
      newEndpoints: 'wait',
      heedsAnswers: false,
      keepLostMs: 60_000,
    },
    breaker: {
      consecutiveFailures: 3,
      failureRatio: 1,
      minimumRequests: 5,
      windowMs: 20_000,
      coolDownMs: 2_000,
      maxCoolDownMs: 60_000,
    },
    ejection: {
      intervalMs: 5_000,
      baseMs: 1_000,
      maxMs: 10_000,
      jitterMs: 0,
      maxShare: 0.25,
      consecutive5xx: { mode: 'observe', count: 2 },
      consecutiveGateway: { mode: 'observe', count: 2 },
      consecutiveLocal: { mode: 'off', count: 7 },
      successRate: { mode: 'observe', minHosts: 3, minRequests: 10, factor: 1.2, margin: 0 },
      failurePercentage: { mode: 'observe', minHosts: 2, minRequests: 20, share: 0.5 },
      latency: { mode: 'observe', minHosts: 4, minRequests: 30, factor: 2, floorMs: 50 },
    },
    limits: {
      maxRequests: 7,
      maxParked: 8,
      parkTimeoutMs: 900,
      maxPending: 9,
      pendingTimeoutMs: 800,
      maxConnections: 6,
    },
    adaptive: {
      mode: 'enforce',
      law: {
        ...DEFAULT_ADAPTIVE.law,
        algorithm: 'aimd',
        min: 2,
        max: 50,
        initial: 3,
        aimd: { backoffRatio: 0.5, timeoutMs: 2_000 },
      },
      shares: { critical: 1, sheddable_plus: 0.5, sheddable: 0.25 },
    },
    criticality: { header: 'x-priority', default: 'sheddable', mayRaise: false },
    rateLimits: [
      {
        name: 'users',
        requests: 9,
        windowMs: 2_000,
        burst: 3,
        by: { kind: 'header', name: 'x-user' },
        path: '/a/*',
        methods: ['PUT'],
        mode: 'observe',
        tells: 'all',
        maxKeys: 6,
      },
    ],
    throttle: {
      mode: 'enforce',
      windowMs: 9_000,
      aggression: 2,
      successThreshold: 0.5,
      minPerSecond: 0,
      maxRatio: 1,
    },
    retry: {
      maxAttempts: 4,
      on: ['5xx', 'retriable-status-codes', 'retriable-grpc-statuses', 'retriable-headers'],
      headers: [
        { name: 'x-again', exact: null, prefix: null },
        { name: 'x-why', exact: 'busy', prefix: null },
        { name: 'x-code', exact: null, prefix: 'T-' },
      ],
      idempotencyKey: true,
      maxConcurrent: 5,
      maxRetryAfterMs: 3_000,
      statuses: [503],
      grpcStatuses: [14, 10],
      grpcIdempotent: true,
      backoffMs: 10,
      maxBackoffMs: 20,
      replayBytes: 0,
      budget: { ratio: 0, minPerSecond: 0, windowMs: 5_000 },
    },
    timeouts: {
      connectMs: 1_000,
      attemptMs: 2_000,
      attemptIdleMs: 500,
      requestMs: 3_000,
      streamIdleMs: 0,
      tunnelIdleMs: 7_200_000,
      maxDurationMs: 10_800_000,
    },
    hedge: null,
    connections: { warm: 2, maxIdle: 8, maxRequests: 1_000, maxAgeMs: 600_000, drainTimeoutMs: 30_000 },
    fallback: {
      codes: ['no_endpoint'],
      statuses: [503],
      upstream: 'files',
      stale: { maxAgeMs: 60_000, maxEntries: 2, maxBytes: 1_048_576, maxBodyBytes: 1_024, credentials: true },
      answer: {
        status: 203,
        contentType: 'text/html',
        fields: { 'x-kind': 'b' },
        body: 'later',
        grpcStatus: 10,
        anyMethod: true,
      },
    },
    faults: [
      {
        effect: { kind: 'delay', delayMs: 1_000, header: 'x-delay' },
        share: 50,
        match: {
          path: '/a/*',
          headers: [
            { name: 'x-a', value: 'b' },
            { name: 'x-any', value: null },
          ],
          callers: ['10.0.0.1'],
        },
        maxActive: 7,
        untilMs: Date.UTC(2026, 0, 31, 17),
      },
    ],
    routes: [],
  });
  expect(config.upstreams.get('files')).toMatchObject({ hash: [{ kind: 'source', terminal: false }], listen: null });
  expect(config.upstreams.get('hedged')!.hedge).toEqual({
    delayMs: null,
    percentile: 0.9,
    minDelayMs: 20,
    maxExtraLoad: 0.1,
    methods: ['GET', 'PUT'],
  });
  expect(config.upstreams.get('envoy')!.balancer).toEqual({
    name: 'ring_hash',
    ring: { sizing: 'envoy', minSize: 2048, maxSize: 4096 },
  });
  expect(config.upstreams.get('maglev')!.balancer).toEqual({ name: 'maglev', maglev: { tableSize: 251 } });
  expect(config.static.get('files')).toEqual([
    { host: 'files.internal', port: 80, weight: 1, tags: [], meta: {}, zone: null, priority: 0 },
    { host: '2001:db8::1', port: 80, weight: 1, tags: [], meta: {}, zone: null, priority: 0 },
    { host: '::1', port: 81, weight: 9, tags: ['x'], meta: { a: 'b' }, zone: 'z', priority: 1 },
  ]);
  expect(config.consul).toEqual({
    address: 'https://consul:8501',
    configEntries: true,
    token: 't',
    tokenFile: null,
    datacenter: 'dc1',
    namespace: 'ns',
    status: false,
    tls: { caFile: '/ca', certFile: '/c', keyFile: '/k', serverName: 's', verify: false },
  });
  expect(config.admin).toEqual({ address: '0.0.0.0', port: 1, grpcPort: null, tokenFile: '/t' });
  expect(config.telemetry).toEqual({
    otlp: { endpoint: 'https://otel:4317', protocol: 'grpc', headers: { 'api-key': 'k' } },
    sampleRatio: 1,
    accessLog: 'off',
  });
  expect(config.http.maxHeadBytes).toBe(1_024);
  expect(config.http2).toEqual({
    maxStreams: 1,
    maxListBytes: 2_048,
    maxFields: 3,
    maxStreamWindow: 65_536,
    maxConnectionWindow: 131_072,
    windowBudgetBytes: 1_048_576,
    maxHeldBytes: 262_144,
    maxResets: 4,
    maxUselessFrames: 10,
    pingIntervalMs: 0,
    pingTimeoutMs: 1_000,
  });
  expect(config.overload).toEqual({
    loop: { mode: 'enforce', start: 50, full: 2_000 },
    heap: { mode: 'off', start: 0.1, full: 0.2 },
    sockets: { mode: 'observe', start: 0.3, full: 1 },
  });
  expect(config.shutdown).toEqual({ propagationMs: 0, timeoutMs: 1_000 });
  expect(config.stateDir).toBe('/var/lib/remora');
});

describe('protocols', () => {
  it.each(['http', 'http2', 'grpc', 'tcp', 'auto'])('an upstream may speak %s', (protocol) => {
    const config = good(web(`consul: {}\nupstreams: { a: { port: 1, protocol: ${protocol} } }\n`));
    expect(config.upstreams.get('a')?.protocol).toBe(protocol);
  });

  it.each(['http', 'http2', 'grpc', 'auto'])('the application may be spoken to in %s', (protocol) => {
    const config = good(`service: { name: web, port: 8080, protocol: ${protocol} }\ninbound: { port: 0 }\n`);
    expect(config.service.protocol).toBe(protocol);
  });

  it.each(['http', 'grpc', 'tcp', 'auto'])('the port before it may take %s', (protocol) => {
    expect(good(web(`inbound: { port: 0, protocol: ${protocol} }\n`)).inbound?.protocol).toBe(protocol);
  });
});

it('limits heads of HTTP/2 by those of HTTP/1.1 unless told otherwise, with room for cookies in crumbs', () => {
  const config = good(web('http: { maxHead: 16KiB, maxFields: 50 }\n'));
  expect(config.http2).toMatchObject({ maxListBytes: 16_384, maxFields: 100 });
});

describe('the gRPC port of admin', () => {
  it.each([
    ['{ port: 15100 }', 15_110],
    ['{ port: 0 }', 0],
    ['{ port: 0, grpcPort: 7 }', 7],
    ['{ port: 65530 }', 65_520],
    ['{ grpcPort: off }', null],
  ])('of %s is %s', (admin, port) => {
    expect(good(web(`admin: ${admin}`)).admin.grpcPort).toBe(port);
  });
});

describe('the address of Consul', () => {
  it.each([
    ['127.0.0.1:8500', 'http://127.0.0.1:8500'],
    ['http://consul:8500/', 'http://consul:8500'],
    ['HTTPS://consul', 'https://consul'],
    ['https://[::1]:8501', 'https://[::1]:8501'],
    ['unix:///run/consul.sock', 'unix:///run/consul.sock'],
  ])('may be %s', (written, address) => {
    expect(good(web(`consul: { address: "${written}" }`)).consul?.address).toBe(address);
  });
});

it('exports over HTTP unless the port is that of gRPC', () => {
  const protocolOf = (endpoint: string) =>
    good(web(`telemetry: { otlp: { endpoint: "${endpoint}" } }`)).telemetry.otlp?.protocol;
  expect(protocolOf('http://127.0.0.1:4318')).toBe('http/protobuf');
  expect(protocolOf('http://127.0.0.1:4317')).toBe('grpc');
  expect(protocolOf('http://[::1]:4317/')).toBe('grpc');
  expect(protocolOf('http://collector/4317')).toBe('http/protobuf');
});

it('lets ports of 0 meet, since the kernel keeps them apart', () => {
  expect(good(web('inbound: { port: 0 }\noutbound: { port: 0 }\nadmin: { port: 0 }')).admin.grpcPort).toBe(0);
});

it('lets a timeout be shorter than the defaults of those it bounds', () => {
  const { timeouts } = good(web('upstreams: { a: { timeouts: { request: 3s } } }\nconsul: {}')).upstreams.get('a')!;
  expect(timeouts).toMatchObject({ connectMs: 5_000, attemptMs: 10_000, requestMs: 3_000 });
});

it('reads JSON as it reads YAML, tabs and all', () => {
  expect(good('{\n\t"service": {\n\t\t"name": "web",\n\t\t"port": 8080\n\t}\n}').service.port).toBe(8080);
});

it('follows anchors', () => {
  const config = good(web('upstreams:\n  a: &a { timeouts: { connect: 1s } }\n  b: *a\nconsul: {}'));
  expect(config.upstreams.get('b')?.timeouts.connectMs).toBe(1_000);
});
