import { expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { redacted } from '../../src/config/effective.ts';
import { FIRST_FILE } from './first-file.ts';
import { good, web } from './parse.ts';

const secrets =
  web(`consul: { address: "https://c:1", token: s3cret, tls: { certFile: /c, keyFile: /k, verify: false } }
inbound: { port: 0, timeouts: { request: 0 } }
outbound: { port: 0 }
upstreams:
  a: { balance: ring_hash, hash: { header: X-User }, retry: { replay: 0, grpcStatuses: [unavailable, internal], grpcIdempotent: true }, protocol: grpc }
  c: { balance: least_request, leastRequest: { selection: full_scan, bias: 0.5 }, slowStart: { window: 30s, aggression: 2, minWeight: 0.5 }, subsetSize: 20 }
  d: { balance: first, first: { maxActive: 7 } }
  e: { balance: client_side_wrr, reportedWeights: { blackout: 0, expiry: 1m, update: 100ms, errorPenalty: 2.5 } }
  f: { subsets: { v2: { tag: v2 }, eu: { tags: [eu, new], meta: { a: b } } }, subset: v2, failover: [{ subset: eu }, { service: d, datacenter: dc2 }], zones: { mode: prefer, minEndpoints: 3 }, panic: 0.5, overprovisioning: 1 }
  b: { balance: ring_hash, hash: { source: true }, port: 0, protocol: tcp, filter: x == y }
  g: { balance: ring_hash, hash: { source: true }, ring: { sizing: envoy }, boundedLoad: 1.5 }
  h: { balance: maglev, hash: { source: true }, maglev: { tableSize: 251 } }
  i: { balance: rendezvous, hash: { source: true } }
  j: { fallback: { upstream: k, stale: { maxAge: 1m, credentials: true }, static: { status: 204, fields: { x-a: b }, grpcStatus: internal } } }
  k: { fallback: { codes: [no_endpoint], statuses: [], static: { body: "sorry" } }, faults: [{ delay: 1s, until: "2026-01-31T18:00:00Z", percent: 12.5 }, { delayHeader: x-d, until: "2026-01-31T18:00:00.5Z" }, { abort: {}, until: "2026-01-31T18:00:00Z" }, { reset: true, until: "2026-01-31T18:00:00Z" }, { bandwidth: 64KiB, match: { path: /a, headers: { b: "*", c: d }, callers: [10.0.0.1] }, until: "2026-01-31T18:00:00+02:00" }] }
telemetry: { otlp: { endpoint: "http://c:4317", headers: { api-key: s3cret } } }
admin: { grpcPort: off }
http2: { maxList: 32KiB, pingInterval: 0 }
stateDir: /var
`).replace('port: 8080', 'port: 8080, zone: eu-1, register: {}, meta: { a: b }');

const withoutSecrets = (config: Config): Config => ({
  ...config,
  consul: config.consul && { ...config.consul, token: config.consul.token && '***' },
  telemetry: {
    ...config.telemetry,
    otlp: config.telemetry.otlp && {
      ...config.telemetry.otlp,
      headers: Object.fromEntries(Object.keys(config.telemetry.otlp.headers).map((key) => [key, '***'])),
    },
  },
});

it.each([
  ['the first file', FIRST_FILE],
  ['one with secrets', secrets],
  ['the smallest', web()],
])('shows a file that means the same, of %s', (_what, text) => {
  const config = good(text);
  expect(good(JSON.stringify(redacted(config)))).toEqual(withoutSecrets(config));
});

it('hides secrets and nothing else', () => {
  const shown = redacted(good(secrets));
  expect(JSON.stringify(shown)).not.toContain('s3cret');
  expect(shown).toMatchObject({
    consul: { address: 'https://c:1', token: '***', tls: { certFile: '/c', keyFile: '/k' } },
    telemetry: { otlp: { endpoint: 'http://c:4317', headers: { 'api-key': '***' } } },
  });
});

it('hides the key of a collector that takes it in its address', () => {
  const config = good(web('telemetry: { otlp: { endpoint: "http://c:4318/v1?api-key=s3cret" } }\n'));
  expect(redacted(config)).toMatchObject({ telemetry: { otlp: { endpoint: 'http://c:4318/v1?api-key=***' } } });
});

it('shows durations and sizes with their units', () => {
  expect(redacted(good(web()))).toMatchObject({
    http: { maxHead: '64KiB', clientIdle: '10m' },
    http2: { maxList: '64KiB', windowBudget: '64MiB', pingInterval: '10s' },
    shutdown: { propagation: '5s' },
  });
});
