import { describe, expect, it } from 'vitest';
import { GRPC_STATUS_NAMES, GRPC_STATUSES } from '../../src/http/grpc-status.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { Registry } from '../../src/telemetry/registry.ts';
import { rpcMethodOf } from '../../src/telemetry/rpc-method.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { attemptRecord, callRecord, exchangeRecord, ORDERS, tunnelRecord } from './records.ts';

function setUp(labels = ORDERS) {
  const clock = new ManualClock();
  const registry = new Registry(clock, (error) => {
    throw error;
  });
  const observer = new Metrics(registry).follow(labels);
  const lines = (of: RegExp): string[] =>
    registry
      .render()
      .split('\n')
      .filter((line) => of.test(line) && !line.startsWith('#'));
  const call = (path: string, status: number, more: Parameters<typeof callRecord>[2] = {}): void => {
    const now = clock.now();
    observer.onExchangeOpen(now);
    observer.onExchangeClose(callRecord(path, status, { startedAt: now - 7, endedAt: now, ...more }));
  };
  return { clock, observer, lines, call };
}

const TOTAL = /^remora_grpc_calls_total/;
const UNNAMED = /^remora_grpc_calls_unnamed_total/;
const where = 'direction="outbound",upstream="orders"';

describe('the metrics of gRPC calls', () => {
  it('count them by method and by how they ended', () => {
    const { lines, call } = setUp();
    call('/shop.Orders/Get', 0);
    call('/shop.Orders/Get', 0);
    call('/shop.Orders/Get', 14);
    call('/shop.Orders/Put', -1);
    call('/shop.Orders/Get', 14, { code: 'circuit_open' });
    expect(lines(TOTAL)).toEqual([
      `remora_grpc_calls_total{${where},service="shop.Orders",method="Get",grpc_status="0",failure=""} 2`,
      `remora_grpc_calls_total{${where},service="shop.Orders",method="Get",grpc_status="14",failure=""} 1`,
      `remora_grpc_calls_total{${where},service="shop.Orders",method="Put",grpc_status="",failure=""} 1`,
      `remora_grpc_calls_total{${where},service="shop.Orders",method="Get",grpc_status="14",failure="circuit_open"} 1`,
    ]);
    expect(lines(/^remora_grpc_call_duration_seconds_count/)).toEqual([
      `remora_grpc_call_duration_seconds_count{${where},service="shop.Orders",method="Get"} 4`,
      `remora_grpc_call_duration_seconds_count{${where},service="shop.Orders",method="Put"} 1`,
    ]);
    expect(lines(/^remora_requests_total/)).toEqual([
      `remora_requests_total{${where},status="2xx",failure=""} 4`,
      `remora_requests_total{${where},status="2xx",failure="circuit_open"} 1`,
    ]);
    expect(lines(UNNAMED)).toEqual([]);
  });

  it('name no method that no endpoint has known', () => {
    const { lines, call } = setUp();
    for (let i = 0; i < 50; i++) call(`/scan.S${i}/M`, 12);
    call('/shop.Orders/Get', 14, { code: 'no_endpoint' });
    call('/is no method', 0);
    expect(lines(TOTAL).map((line) => /service="[^"]*",method="[^"]*",grpc_status="[^"]*"/.exec(line)?.[0])).toEqual([
      'service="other",method="other",grpc_status="12"',
      'service="other",method="other",grpc_status="14"',
      'service="other",method="other",grpc_status="0"',
    ]);
    expect(lines(UNNAMED)).toEqual([`remora_grpc_calls_unnamed_total{${where}} 52`]);
  });

  it('name a hundred methods at most, and count what is over', () => {
    const { lines, call } = setUp();
    for (let i = 0; i < 130; i++) call(`/shop.Orders/M${i}`, 0);
    call('/shop.Orders/M7', 0);
    expect(lines(TOTAL)).toHaveLength(101);
    expect(lines(UNNAMED)).toEqual([`remora_grpc_calls_unnamed_total{${where}} 30`]);
    expect(lines(/method="M7",grpc_status="0"/)[0]).toMatch(/ 2$/);
  });

  it('make room for new methods when old ones have not been called for long', () => {
    const { clock, lines, call } = setUp();
    for (let i = 0; i < 100; i++) call(`/shop.Orders/M${i}`, 0);
    clock.advance(700_000);
    lines(TOTAL);
    call('/shop.Orders/New', 0);
    expect(lines(TOTAL)).toEqual([
      `remora_grpc_calls_total{${where},service="shop.Orders",method="New",grpc_status="0",failure=""} 1`,
    ]);
  });

  it('do not take whatever number an endpoint sends for a label', () => {
    const { lines, call } = setUp();
    for (let status = 17; status < 900; status += 50) call('/shop.Orders/Get', status);
    expect(lines(TOTAL)).toHaveLength(1);
    expect(lines(/grpc_status="other"/)).toHaveLength(1);
  });

  it('leave other requests out, except where the upstream speaks gRPC alone', () => {
    const plain = setUp();
    plain.observer.onExchangeOpen(1000);
    plain.observer.onExchangeClose(exchangeRecord());
    expect(plain.lines(TOTAL)).toEqual([]);
    const grpc = setUp({ ...ORDERS, protocol: 'grpc' });
    grpc.observer.onExchangeOpen(1000);
    grpc.observer.onExchangeClose(exchangeRecord());
    expect(grpc.lines(TOTAL)).toEqual([
      `remora_grpc_calls_total{${where},service="other",method="other",grpc_status="",failure=""} 1`,
    ]);
  });
});

describe('the metrics of a plan that takes what comes', () => {
  it('count exchanges and tunnels, and the retries and missing keys of both', () => {
    const { observer, lines } = setUp({ ...ORDERS, protocol: 'auto' });
    observer.onExchangeOpen(1000);
    observer.onRetry(attemptRecord());
    observer.onExchangeClose(exchangeRecord());
    observer.onTunnelOpen(1000);
    observer.onRetry(attemptRecord());
    observer.onRetryRefused('budget');
    observer.onKeyMissing();
    observer.onTunnelClose(tunnelRecord());
    expect(lines(/^remora_(requests|tunnels|retries|hash_keys_missing)_total|reason="budget"/)).toEqual([
      `remora_requests_total{${where},status="2xx",failure=""} 1`,
      `remora_retries_total{${where}} 2`,
      `remora_retries_refused_total{${where},reason="budget"} 1`,
      `remora_hash_keys_missing_total{${where}} 1`,
      `remora_tunnels_total{${where},failure=""} 1`,
    ]);
  });

  it('count retries also after a long silence of one side', () => {
    const { clock, observer, lines } = setUp({ ...ORDERS, protocol: 'auto' });
    lines(/./);
    clock.advance(700_000);
    lines(/./);
    observer.onTunnelOpen(clock.now());
    observer.onRetry(attemptRecord());
    expect(lines(/^remora_retries_total/)).toEqual([`remora_retries_total{${where}} 1`]);
  });
});

describe('what a path calls', () => {
  it.each([
    ['/shop.v1.Orders/Get', 'shop.v1.Orders', 'Get'],
    ['/Orders/get_it', 'Orders', 'get_it'],
  ])('of %s', (path, service, method) => {
    expect(rpcMethodOf(path)).toEqual({ service, method });
  });

  it.each(['/', '/Get', '//Get', '/a/b/c', '/a/b?x', '/a b/c', '*', `/${'a'.repeat(200)}/b`])(
    'of %s is none',
    (path) => {
      expect(rpcMethodOf(path)).toBeNull();
    },
  );
});

it('has the names of statuses in the order of their numbers', () => {
  expect(GRPC_STATUS_NAMES.map((name) => GRPC_STATUSES[name])).toEqual(GRPC_STATUS_NAMES.map((_name, i) => i));
});
