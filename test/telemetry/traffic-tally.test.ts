import { describe, expect, it } from 'vitest';
import { Registry } from '../../src/telemetry/registry.ts';
import { NOWHERE, TrafficTally } from '../../src/telemetry/traffic-tally.ts';
import { ManualClock } from '../support/manual-clock.ts';

function tallied() {
  const clock = new ManualClock();
  const registry = new Registry(clock, () => undefined);
  return { clock, registry, tally: new TrafficTally(registry) };
}

describe('TrafficTally', () => {
  it('sums outbound requests by upstream and knows which of them failed', () => {
    const { registry, tally } = tallied();
    const lease = registry.lease(() => true);
    lease.counter('remora_requests_total', ['outbound', 'orders', '2xx', '']).value = 90;
    lease.counter('remora_requests_total', ['outbound', 'orders', '5xx', '']).value = 4;
    lease.counter('remora_requests_total', ['outbound', 'orders', '4xx', '']).value = 3;
    lease.counter('remora_requests_total', ['outbound', 'orders', '5xx', 'circuit_open']).value = 2;
    lease.counter('remora_requests_total', ['outbound', 'orders', 'none', 'client_gone']).value = 1;
    lease.counter('remora_requests_total', ['inbound', 'web', '5xx', '']).value = 100;
    lease.histogram('remora_request_duration_seconds', ['outbound', 'orders']).record(4);
    expect(tally.read().get('orders')).toMatchObject({ requests: 100, errors: 6 });
    expect(tally.read().get('orders')!.durations[0]).toBe(1);
    expect(tally.read().has('web')).toBe(false);
  });

  it('counts calls that say that the service failed, once each', () => {
    const { registry, tally } = tallied();
    const lease = registry.lease(() => true);
    lease.counter('remora_requests_total', ['outbound', 'orders', '2xx', '']).value = 10;
    lease.counter('remora_requests_total', ['outbound', 'orders', '2xx', 'circuit_open']).value = 2;
    const calls = (status: string, failure: string) =>
      lease.counter('remora_grpc_calls_total', ['outbound', 'orders', 'pb.Orders', 'Get', status, failure]);
    calls('13', '').value = 3;
    calls('5', '').value = 4;
    calls('14', 'circuit_open').value = 2;
    expect(tally.read().get('orders')).toMatchObject({ requests: 12, errors: 5 });
  });

  it('counts what never had an upstream, but for what clients did', () => {
    const { registry, tally } = tallied();
    const lease = registry.lease(() => true);
    lease.counter('remora_rejects_total', ['outbound', 'no_route']).value = 3;
    lease.counter('remora_rejects_total', ['outbound', 'bad_request']).value = 5;
    lease.counter('remora_rejects_total', ['inbound', 'no_route']).value = 7;
    expect(tally.read().get(NOWHERE)).toMatchObject({ requests: 3, errors: 3 });
  });

  it('goes on when a series begins anew', () => {
    const { clock, registry, tally } = tallied();
    const labels = ['outbound', 'orders', '2xx', ''] as const;
    registry.lease().counter('remora_requests_total', labels).value = 50;
    expect(tally.read().get('orders')!.requests).toBe(50);
    clock.advance(700_000);
    registry.render();
    expect(tally.read().get('orders')!.requests).toBe(50);
    registry.lease().counter('remora_requests_total', labels).value = 7;
    expect(tally.read().get('orders')!.requests).toBe(57);
  });
});
