import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/telemetry/metric-table.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { Registry, sample } from '../../src/telemetry/registry.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { attemptRecord, CACHE, exchangeRecord, ORDERS, tunnelRecord } from './records.ts';

function setUp(maxLines?: number) {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const registry = new Registry(clock, (error) => errors.push(error), maxLines);
  const metrics = new Metrics(registry);
  /** Without comments, and without what every answer has. */
  const lines = (of = /./): string[] =>
    registry
      .render()
      .split('\n')
      .filter((line) => of.test(line) && !/^#|^$|^remora_bugs|^remora_metric_series/.test(line));
  return { clock, errors, registry, metrics, lines };
}

describe('Metrics', () => {
  it('renders a script of events as Prometheus text', () => {
    const { registry, metrics } = setUp();
    const orders = metrics.follow(ORDERS);
    metrics.onConnection('orders', 1);
    metrics.onDetected('orders', 'http2');
    metrics.onReject('orders', 'bad_request');
    orders.onExchangeOpen(1000);
    const failed = attemptRecord({ host: '10.0.0.2', outcome: 'failure', code: 'upstream_reset' });
    orders.onRetry(failed);
    orders.onExchangeClose(exchangeRecord({ attempts: [failed, attemptRecord({ ordinal: 2 })] }));
    orders.onExchangeOpen(1020);
    orders.onExchangeClose(
      exchangeRecord({ startedAt: 1020, endedAt: 13_020, status: 503, code: 'overloaded', attempts: [] }),
    );
    orders.onRetryRefused('budget');
    orders.onExchangeOpen(1030);
    metrics.onBug(new Error('once'));

    expect(
      registry.render(),
    ).toBe(`# HELP remora_requests_total Requests that are over, by the class of the status the client was answered and what failed.
# TYPE remora_requests_total counter
remora_requests_total{direction="outbound",upstream="orders",status="2xx",failure=""} 1
remora_requests_total{direction="outbound",upstream="orders",status="5xx",failure="overloaded"} 1
# HELP remora_request_duration_seconds Time from the head of the request to the end of its answer, retries and waits included.
# TYPE remora_request_duration_seconds histogram
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.005"} 0
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.01"} 0
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.025"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.05"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.075"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.1"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.25"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.5"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="0.75"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="1"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="2.5"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="5"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="7.5"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="10"} 1
remora_request_duration_seconds_bucket{direction="outbound",upstream="orders",le="+Inf"} 2
remora_request_duration_seconds_sum{direction="outbound",upstream="orders"} 12.0125
remora_request_duration_seconds_count{direction="outbound",upstream="orders"} 2
# HELP remora_requests_active Requests in progress.
# TYPE remora_requests_active gauge
remora_requests_active{direction="outbound",upstream="orders"} 1
# HELP remora_attempts_total Attempts by endpoint and by what they showed of it: success, failure, or ignored for no evidence.
# TYPE remora_attempts_total counter
remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.2:7001/orders-1",outcome="success"} 0
remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.2:7001/orders-1",outcome="failure"} 1
remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.2:7001/orders-1",outcome="ignored"} 0
remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.1:7001/orders-1",outcome="success"} 1
remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.1:7001/orders-1",outcome="failure"} 0
remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.1:7001/orders-1",outcome="ignored"} 0
# HELP remora_retries_total Attempts that failed and were followed by another.
# TYPE remora_retries_total counter
remora_retries_total{direction="outbound",upstream="orders"} 1
# HELP remora_resends_total ${METRICS.remora_resends_total.help}
# TYPE remora_resends_total counter
remora_resends_total{direction="outbound",upstream="orders"} 0
# HELP remora_retries_refused_total ${METRICS.remora_retries_refused_total.help}
# TYPE remora_retries_refused_total counter
remora_retries_refused_total{direction="outbound",upstream="orders",reason="budget"} 1
remora_retries_refused_total{direction="outbound",upstream="orders",reason="parking"} 0
remora_retries_refused_total{direction="outbound",upstream="orders",reason="body"} 0
remora_retries_refused_total{direction="outbound",upstream="orders",reason="concurrent"} 0
remora_retries_refused_total{direction="outbound",upstream="orders",reason="marked"} 0
remora_retries_refused_total{direction="outbound",upstream="orders",reason="asked_not_to"} 0
remora_retries_refused_total{direction="outbound",upstream="orders",reason="time"} 0
# HELP remora_connections_total Connections accepted.
# TYPE remora_connections_total counter
remora_connections_total{listener="orders"} 1
# HELP remora_connections_active Accepted connections that are open.
# TYPE remora_connections_active gauge
remora_connections_active{listener="orders"} 1
# HELP remora_connections_detected_total Connections by what their first bytes showed: http1, http2, tls, opaque, or silent for clients that wait for a greeting.
# TYPE remora_connections_detected_total counter
remora_connections_detected_total{listener="orders",spoken="http2"} 1
# HELP remora_rejects_total Requests and connections that were turned away before they had a route.
# TYPE remora_rejects_total counter
remora_rejects_total{listener="orders",failure="bad_request"} 1
# HELP remora_metric_series_dropped_total Label sets that are not shown because there are too many.
# TYPE remora_metric_series_dropped_total counter
remora_metric_series_dropped_total 0
# HELP remora_bugs_total States that cannot be. Each cost one connection and is in the process log; please report them.
# TYPE remora_bugs_total counter
remora_bugs_total 1
`);
  });

  it('counts tunnels, their bytes and their end', () => {
    const { metrics, lines } = setUp();
    const cache = metrics.follow(CACHE);
    cache.onTunnelOpen(1000);
    cache.onTunnelOpen(1000);
    cache.onTunnelOpen(1000);
    cache.onTunnelClose(tunnelRecord());
    cache.onTunnelClose(tunnelRecord({ code: 'tunnel_idle', bytesUp: 1, bytesDown: 2 }));
    expect(lines(/tunnel|requests/)).toEqual([
      'remora_tunnels_total{direction="outbound",upstream="cache",failure=""} 1',
      'remora_tunnels_total{direction="outbound",upstream="cache",failure="tunnel_idle"} 1',
      'remora_tunnels_active{direction="outbound",upstream="cache"} 1',
      'remora_tunnel_bytes_total{direction="outbound",upstream="cache",way="up"} 101',
      'remora_tunnel_bytes_total{direction="outbound",upstream="cache",way="down"} 2002',
    ]);
  });

  it.each([
    [0, 'none'],
    [101, '1xx'],
    [204, '2xx'],
    [304, '3xx'],
    [404, '4xx'],
    [599, '5xx'],
    [600, 'other'],
    [999, 'other'],
  ])('puts status %i into class %s', (status, expected) => {
    const { metrics, lines } = setUp();
    const orders = metrics.follow(ORDERS);
    orders.onExchangeOpen(1000);
    orders.onExchangeClose(exchangeRecord({ status }));
    expect(lines(/requests_total.* 1$/)).toEqual([
      `remora_requests_total{direction="outbound",upstream="orders",status="${expected}",failure=""} 1`,
    ]);
  });

  it('counts requests and tunnels without a key, once there are any', () => {
    const { metrics, lines } = setUp();
    const plans = [ORDERS, CACHE].map((labels) => metrics.follow(labels));
    for (const plan of plans) plan.onExchangeOpen(1000);
    for (const plan of plans) plan.onTunnelOpen(1000);
    expect(lines(/^remora_hash/)).toEqual([]);
    for (const plan of plans) plan.onKeyMissing();
    plans[0]!.onKeyMissing();
    expect(lines(/^remora_hash/)).toEqual([
      'remora_hash_keys_missing_total{direction="outbound",upstream="orders"} 2',
      'remora_hash_keys_missing_total{direction="outbound",upstream="cache"} 1',
    ]);
  });

  it('counts only the attempts that are in use', () => {
    const { metrics, lines } = setUp();
    const orders = metrics.follow(ORDERS);
    orders.onExchangeOpen(1000);
    orders.onExchangeClose(exchangeRecord({ attempts: [attemptRecord(), attemptRecord()], attemptCount: 1 }));
    expect(lines(/outcome="success"/)).toEqual([
      'remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.1:7001/orders-1",outcome="success"} 1',
    ]);
  });

  it('continues the counts of a plan that another one replaces, and counts for both', () => {
    const { metrics, lines } = setUp();
    const before = metrics.follow(ORDERS);
    const after = metrics.follow({ ...ORDERS });
    before.onExchangeOpen(1000);
    after.onExchangeOpen(1000);
    before.onExchangeClose(exchangeRecord());
    after.onExchangeClose(exchangeRecord());
    expect(lines(/requests_total/)).toEqual([
      'remora_requests_total{direction="outbound",upstream="orders",status="2xx",failure=""} 2',
    ]);
  });

  it('forgets an endpoint after ten idle minutes and counts it anew when it comes back', () => {
    const { clock, metrics, lines } = setUp();
    const orders = metrics.follow(ORDERS);
    const once = (host: string): void => {
      orders.onExchangeOpen(clock.now());
      orders.onExchangeClose(exchangeRecord({ endedAt: clock.now(), attempts: [attemptRecord({ host })] }));
    };
    once('10.0.0.1');
    once('10.0.0.2');
    clock.advance(599_000);
    once('10.0.0.2');
    clock.advance(2_000);
    expect(lines(/attempts_total.*success/)).toEqual([
      'remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.2:7001/orders-1",outcome="success"} 2',
    ]);
    once('10.0.0.1');
    expect(lines(/attempts_total.*success/).sort()).toEqual([
      'remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.1:7001/orders-1",outcome="success"} 1',
      'remora_attempts_total{direction="outbound",upstream="orders",endpoint="10.0.0.2:7001/orders-1",outcome="success"} 2',
    ]);
  });

  it('forgets an idle plan, but not one with something in progress, and shows it again at its next request', () => {
    const { clock, metrics, lines } = setUp();
    const orders = metrics.follow(ORDERS);
    const cache = metrics.follow(CACHE);
    orders.onExchangeOpen(clock.now());
    cache.onTunnelOpen(clock.now());
    clock.advance(700_000);
    expect(lines(/_active/)).toHaveLength(2);
    orders.onExchangeClose(exchangeRecord({ endedAt: clock.now() }));
    clock.advance(700_000);
    expect(lines(/_active/)).toEqual(['remora_tunnels_active{direction="outbound",upstream="cache"} 1']);
    orders.onExchangeOpen(clock.now());
    expect(lines(/requests_active/)).toEqual(['remora_requests_active{direction="outbound",upstream="orders"} 1']);
  });

  it('keeps a replaced plan’s series while the plan that replaced it uses them', () => {
    const { clock, metrics, lines } = setUp();
    metrics.follow(ORDERS);
    const after = metrics.follow(ORDERS);
    clock.advance(599_000);
    after.onExchangeOpen(clock.now());
    clock.advance(2_000);
    after.onExchangeClose(exchangeRecord({ endedAt: clock.now() }));
    expect(lines(/requests_total/)).toEqual([
      'remora_requests_total{direction="outbound",upstream="orders",status="2xx",failure=""} 1',
    ]);
  });

  it('puts endpoints beyond a thousand under one name', () => {
    const { metrics, lines } = setUp();
    const orders = metrics.follow(ORDERS);
    for (let i = 0; i < 1100; i++) {
      orders.onExchangeOpen(1000);
      orders.onExchangeClose(exchangeRecord({ attempts: [attemptRecord({ host: `10.0.${i >> 8}.${i & 255}` })] }));
    }
    expect(lines(/outcome="success"/)).toHaveLength(1001);
    expect(lines(/endpoint="other",outcome="success"/)).toEqual([
      'remora_attempts_total{direction="outbound",upstream="orders",endpoint="other",outcome="success"} 100',
    ]);
  });
});

describe('Registry', () => {
  it('shows no more lines than its bound and counts the label sets that are left out', () => {
    const { metrics, lines, registry } = setUp(200);
    for (let i = 0; i < 1000; i++) {
      const plan = metrics.follow({ ...ORDERS, upstream: `u${i}` });
      plan.onExchangeOpen(1000);
      plan.onExchangeClose(exchangeRecord());
    }
    expect(lines().length).toBeLessThanOrEqual(200);
    expect(lines().length).toBeGreaterThan(150);
    expect(registry.dropped.value).toBeGreaterThan(5000);
    expect(registry.render()).toContain(`remora_metric_series_dropped_total ${registry.dropped.value}\n`);
  });

  it('makes room for new label sets by forgetting idle ones', () => {
    const { clock, metrics, lines, registry } = setUp(60);
    metrics.follow({ ...ORDERS, upstream: 'a' });
    metrics.follow({ ...ORDERS, upstream: 'b' });
    clock.advance(700_000);
    metrics.follow({ ...ORDERS, upstream: 'c' });
    expect(lines(/requests_active/)).toEqual(['remora_requests_active{direction="outbound",upstream="c"} 0']);
    expect(registry.dropped.value).toBe(0);
  });

  it('bounds what collectors say', () => {
    const { registry, lines } = setUp(50);
    registry.addCollector(function* () {
      for (let i = 0; ; i++) yield sample('remora_endpoint_active', ['orders', `e${i}`], i);
    });
    expect(lines(/endpoint_active/)).toHaveLength(50);
    expect(registry.dropped.value).toBe(1);
  });

  it('goes on when a collector throws, and says so', () => {
    const { registry, errors, lines } = setUp();
    registry.addCollector(() => {
      throw new Error('broken');
    });
    registry.addCollector(() => [sample('remora_spans_queued', [], 3)]);
    expect(lines()).toEqual(['remora_spans_queued 3']);
    expect(errors).toHaveLength(1);
  });

  it('shows a series once, also when two collectors name it or an instrument has it', () => {
    const { registry, lines } = setUp();
    registry.lease().gauge('remora_spans_queued', []).value = 7;
    registry.addCollector(() => [
      sample('remora_spans_queued', [], 1),
      sample('remora_discovery_problem', ['orders'], 0),
      sample('remora_discovery_problem', ['orders'], 1),
    ]);
    expect(lines()).toEqual(['remora_discovery_problem{upstream="orders"} 1', 'remora_spans_queued 7']);
  });

  it('escapes label values', () => {
    const { registry, lines } = setUp();
    registry.lease().gauge('remora_discovery_problem', ['a"b\\c\nd']).value = 1;
    expect(lines()).toEqual(['remora_discovery_problem{upstream="a\\"b\\\\c\\nd"} 1']);
  });

  it('writes what is not finite as Prometheus does', () => {
    const { registry, lines } = setUp();
    const lease = registry.lease();
    lease.gauge('remora_discovery_age_seconds', ['a']).value = Number.POSITIVE_INFINITY;
    lease.gauge('remora_discovery_age_seconds', ['b']).value = Number.NEGATIVE_INFINITY;
    lease.gauge('remora_discovery_age_seconds', ['c']).value = Number.NaN;
    expect(lines().map((line) => line.split(' ')[1])).toEqual(['+Inf', '-Inf', 'NaN']);
  });
});
