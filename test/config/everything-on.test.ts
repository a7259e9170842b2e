import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { keyTable } from '../../src/config/key-table.ts';
import { good, web } from './parse.ts';

const UNTIL = '"2026-01-31T18:00:00Z"';
const FAULTS = `[
    { delay: 1s, percent: 12.5, maxActive: 5, match: { path: /a/*, headers: { x-a: "*", x-b: c }, callers: [10.0.0.1] }, until: ${UNTIL} },
    { delayHeader: x-delay, maxDelay: 2s, until: ${UNTIL} },
    { abort: { status: 500, grpcStatus: internal }, until: ${UNTIL} },
    { reset: true, until: ${UNTIL} },
    { bandwidth: 64KiB, until: ${UNTIL} } ]`.replaceAll(/\n\s*/g, ' ');
const LIMITS = `[
    { name: a, requests: 5, window: 1m, burst: 2, by: { header: X-User }, path: /a/*, methods: [POST], mode: observe, tells: all, maxKeys: 7 },
    { name: b, requests: 5, by: { segment: 2 } },
    { name: c, requests: 5, by: { caller: true } } ]`.replaceAll(/\n\s*/g, ' ');
const SHARES = 'shares: { critical: 0.8, sheddablePlus: 0.6, sheddable: 0.4 }';
const CAPACITY = `
    limits: { maxRequests: 300, maxParked: 20, parkTimeout: 2s, maxPending: 40, pendingTimeout: 700ms, maxConnections: 50 }
    adaptive: { mode: enforce, algorithm: gradient2, min: 5, max: 90, initial: 15, ${SHARES}, gradient2: { window: 300ms, minSamples: 7, smoothing: 0.3, queueSize: 3, longWindow: 500, rttTolerance: 1.7 } }
    criticality: { header: X-Matters, default: sheddable_plus, mayRaise: MAY_RAISE }
    timeouts: { connect: 1s, attempt: 2s, attemptIdle: 1s, request: 4s, streamIdle: 30s, tunnelIdle: 40s, maxDuration: 1m }
    rateLimits: ${LIMITS}
    faults: ${FAULTS}`;
const TIMING =
  'interval: 6s, unhealthyInterval: 2s, noTrafficInterval: 30s, jitter: 0.2, initialJitter: 2s, timeout: 500ms, healthyThreshold: 3, unhealthyThreshold: 4, newEndpoints: wait, heedAnswers: false, keepLost: 20s';

/** Every policy of what may go wrong, no key of it as it is by default. */
const EVERYTHING = web(`consul: {}
inbound:
    port: 0
    identify: true${CAPACITY.replace('MAY_RAISE', 'true')}
overload:
    loop: { mode: enforce, start: 100ms, full: 2s }
    heap: { mode: observe, start: 0.7, full: 0.9 }
    sockets: { mode: off, start: 0.6, full: 0.7 }
upstreams:
  a:
    healthCheck: { type: http, path: /up, method: OPTIONS, host: up.test, statuses: [200, 300-399], body: { text: well, within: 1KiB }, headers: { X-Key: k }, identity: { header: X-Who, services: [a, b] }, ${TIMING} }
    breaker: { consecutiveFailures: 9, failureRatio: 0.4, minimumRequests: 11, window: 5s, coolDown: 2s, maxCoolDown: 20s }
    ejection:
      { mode: enforce, interval: 5s, base: 10s, max: 1m, jitter: 1s, maxShare: 0.3,
        consecutive5xx: { mode: enforce, count: 8 }, consecutiveGateway: { mode: observe, count: 7 }, consecutiveLocal: { mode: enforce, count: 4 },
        successRate: { mode: observe, minHosts: 4, minRequests: 50, factor: 2.5, margin: 0.2 },
        failurePercentage: { mode: enforce, minHosts: 4, minRequests: 20, share: 0.7 },
        latency: { mode: observe, minHosts: 4, minRequests: 20, factor: 6, floor: 50ms } }
    throttle: { mode: enforce, window: 10s, aggression: 2, successThreshold: 0.9, minPerSecond: 3, maxRatio: 0.7 }
    retry:
      { maxAttempts: 4, on: [reset, retriable-status-codes, retriable-headers, unavailable, retriable-grpc-statuses], headers: [{ name: X-Again, exact: "yes" }, { name: x-b, prefix: a }, { name: x-c }],
        idempotencyKey: true, maxConcurrent: 30, maxRetryAfter: 3s, statuses: [503, 520], grpcStatuses: [aborted], grpcIdempotent: true, backoff: 10ms, maxBackoff: 1s, replay: 32KiB,
        budget: { ratio: 0.3, minPerSecond: 4, window: 20s } }
    hedge: { percentile: 0.9, minDelay: 20ms, maxExtraLoad: 0.1, methods: [GET, PUT] }
    connections: { warm: 2, maxIdle: 30, maxRequests: 1000, maxAge: 10m, drainTimeout: 30s }
    fallback:
      { codes: [no_endpoint, throttled], statuses: [500], upstream: b, stale: { maxAge: 1m, maxEntries: 9, maxBytes: 1MiB, maxBody: 2KiB, credentials: true },
        static: { status: 203, contentType: text/html, fields: { X-A: b }, body: sorry, grpcStatus: internal, anyMethod: true } }${CAPACITY.replace('MAY_RAISE', 'false')}
  b:
    protocol: grpc
    hedge: { delay: 30ms }
    retry: { grpcIdempotent: true }
    healthCheck: { type: grpc, grpcService: b.v1.B, host: b.test, ${TIMING} }
    adaptive: { algorithm: aimd, aimd: { backoff: 0.8, timeout: 2s } }
  c:
    { port: 0, protocol: tcp, healthCheck: { type: tcp, send: PING, expect: PONG } }
`);

const PARTS =
  /^(upstreams\.<name>\.(healthCheck|breaker|ejection|limits|adaptive|criticality|rateLimits|throttle|retry|hedge|timeouts|connections|fallback|faults)|inbound\.(limits|adaptive|criticality|rateLimits|timeouts|faults)|overload)\./;

describe('a document with everything on', () => {
  it('has every key that there is', () => {
    const keys = [...keyTable().matchAll(/^\| `([^`]+)`/gm)].map(([, key]) => key!).filter((key) => PARTS.test(key));
    expect(keys.length).toBeGreaterThan(180);
    const written = EVERYTHING.split('upstreams:\n');
    const missing = keys.filter((key) => {
      const text = key.startsWith('upstreams') ? written[1]! : written[0]!;
      const name = /([A-Za-z0-9]+)$/.exec(key)![1]!;
      return !new RegExp(`\\b${name}: `).test(text) && !(key.startsWith('inbound') && /aimd/.test(key));
    });
    expect(missing).toEqual([]);
  });

  it('is shown as one that means the same, twice over', () => {
    const config = good(EVERYTHING);
    const shown = redacted(config);
    const again = good(JSON.stringify(shown).replaceAll('***', 'k'));
    expect(again).toEqual(config);
    expect(redacted(again)).toEqual(shown);
  });
});

describe('what is shown means the same when it is read, where it contradicts a default:', () => {
  it.each([
    'timeouts: { request: 3s }',
    'timeouts: { attempt: 20s }',
    'timeouts: { maxDuration: 1s }',
    'timeouts: { attempt: 1s }',
    'timeouts: { request: 500ms }, limits: { maxPending: 5 }',
    'limits: { maxRequests: 5 }',
    'adaptive: { min: 2000, initial: 2000, max: 2000 }',
    'adaptive: { mode: off }',
    'adaptive: { mode: off, shares: { critical: 1 } }',
    'retry: { maxAttempts: 1 }, timeouts: { request: 2s }',
    'breaker: { consecutiveFailures: 2 }',
    'ejection: { mode: off, max: 40s }',
    'ejection: { consecutive5xx: { mode: observe } }, breaker: { maxCoolDown: 1s }',
    'healthCheck: { path: /, interval: 2m }',
    'hedge: { delay: 1s }, timeouts: { request: 2s }',
    'hedge: {}, retry: { budget: { ratio: 0 } }',
    'fallback: { stale: { maxBytes: 64KiB } }',
    'throttle: { mode: off, window: 2s }',
    'balance: maglev, hash: { source: true }, ejection: { latency: { mode: enforce } }',
    'connections: { maxIdle: 0 }, limits: { maxConnections: 1 }',
  ])('%s', (text) => {
    const config = good(web(`consul: {}\nupstreams: { a: { ${text} } }\n`));
    expect(good(JSON.stringify(redacted(config)))).toEqual(config);
  });

  it('is plain data, which another process can hand over', () => {
    const config = good(EVERYTHING);
    expect(deserialize(serialize(config))).toEqual(config);
  });
});
