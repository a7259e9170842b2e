import { describe, expect, it } from 'vitest';
import { Latencies } from '../../src/cli/demo/latencies.ts';
import { percentWords } from '../../src/cli/demo/picture.ts';
import { Tally } from '../../src/cli/demo/tally.ts';
import { decodeReading, type Reading, WebWatch } from '../../src/cli/demo/web-watch.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('latencies', () => {
  it('give quantiles that are true to 2 %', () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 1_000; ms++) latencies.record(ms);
    expect(latencies.quantile(0.5)! / 500).toBeCloseTo(1, 1);
    expect(Math.abs(latencies.quantile(0.99)! / 990 - 1)).toBeLessThan(0.021);
    expect(Math.abs(latencies.quantile(0)! - 1)).toBeLessThan(0.021);
  });

  it('take what is out of range', () => {
    const latencies = new Latencies();
    expect(latencies.quantile(0.5)).toBeNull();
    latencies.record(0);
    expect(latencies.quantile(0.5)).toBe(0.05);
    latencies.record(1e9);
    expect(latencies.quantile(1)).toBeGreaterThan(55_000);
  });
});

describe('the tally', () => {
  it('keeps the whole run, and shows the last two seconds', () => {
    const tally = new Tally(0);
    for (let now = 0; now < 10_000; now += 10) tally.success(1, now);
    for (let now = 10_000; now < 12_000; now += 10) {
      tally.success(50, now);
      tally.failure('503 no_endpoint', now);
    }
    const { perSecond, successRatio, p50Ms } = tally.recent(11_999);
    expect(perSecond).toBeGreaterThan(195);
    expect(perSecond).toBeLessThan(205);
    expect(successRatio).toBe(0.5);
    expect(p50Ms! / 50).toBeCloseTo(1, 1);
    expect(tally.successRatio).toBe(1_200 / 1_400);
  });

  it('forgets what is over two seconds old after a silence', () => {
    const tally = new Tally(0);
    tally.failure('x', 100);
    expect(tally.recent(60_000)).toEqual({ perSecond: 0, successRatio: null, p50Ms: null, p99Ms: null });
  });

  it('tells why requests failed, the most frequent first', () => {
    const tally = new Tally(0);
    tally.failure('ECONNRESET', 1);
    tally.failure('503 no_endpoint', 2);
    tally.failure('503 no_endpoint', 3);
    expect(tally.reasons).toBe('2x 503 no_endpoint, 1x ECONNRESET');
  });

  it('is no success before anything has an outcome', () => {
    expect(new Tally(0).successRatio).toBe(0);
  });
});

describe('percentWords', () => {
  it('never says 100 % when something failed', () => {
    expect(percentWords(0.999999)).toBe('99.99 %');
    expect(percentWords(1)).toBe('100.00 %');
    expect(percentWords(null)).toBe('-');
  });
});

describe('decodeReading', () => {
  it('adds up what web’s sidecar counted towards orders', () => {
    const clusters = JSON.stringify({
      clusters: [
        { name: 'web', endpoints: [] },
        { name: 'orders', endpoints: [1] },
      ],
    });
    const labels = 'direction="outbound",upstream="orders"';
    const metrics = [
      '# TYPE remora_retries_total counter',
      `remora_retries_total{${labels}} 3`,
      'remora_retries_total{direction="inbound",upstream="web"} 100',
      `remora_attempts_total{${labels},endpoint="a:1/orders",outcome="success"} 10`,
      `remora_attempts_total{${labels},endpoint="a:1/orders",outcome="failure"} 2`,
      `remora_attempts_total{${labels},endpoint="b:2/orders",outcome="success"} 5`,
    ].join('\n');
    const { retries, attempts, endpoints } = decodeReading(clusters, metrics);
    expect([retries, Object.fromEntries(attempts), endpoints]).toEqual([3, { 'a:1/orders': 12, 'b:2/orders': 5 }, [1]]);
  });
});

describe('the watch over web', () => {
  const endpoint = { id: 'a', host: '127.0.0.1', port: 1, weight: 1, health: 'passing', breaker: 'closed' } as const;
  const rest = {
    trips: 0,
    active: 0,
    latencyMs: 1,
    pool: { open: 0, idle: 0, idleTimeoutMs: null, idleTimeoutFrom: null },
    isRemoved: false,
    role: null,
    lagMs: null,
    position: null,
    ejection: null,
  };

  function watched() {
    const seen: string[] = [];
    const watch = new WebWatch(new ManualClock(), {
      onCircuit: (port, isClosed) => seen.push(`${port} ${isClosed ? 'closed' : 'not closed'}`),
      onHealth: (port, health) => seen.push(`${port} ${health}`),
    });
    const take = (changes: object, attempts: Record<string, number> = {}): void => {
      const endpoints = [{ ...endpoint, ...rest, ...changes }] as unknown as Reading['endpoints'];
      watch.take({ retries: 0, attempts: new Map(Object.entries(attempts)), endpoints });
    };
    return { watch, seen, take };
  }

  it('tells when a circuit opens and when it is closed again, and nothing of the probes between', () => {
    const { seen, take } = watched();
    for (const breaker of ['closed', 'open', 'probing', 'open', 'closed', 'closed']) take({ breaker });
    expect(seen).toEqual(['1 not closed', '1 closed']);
  });

  it('tells when the catalog changes its mind, and not what it said first', () => {
    const { seen, take } = watched();
    for (const health of ['passing', 'passing', 'critical']) take({ health });
    expect(seen).toEqual(['1 critical']);
  });

  it('keeps the trips of an endpoint that is gone', () => {
    const { watch, take } = watched();
    take({ id: 'a', trips: 2 });
    take({ id: 'b', trips: 3 });
    expect(watch.trips).toBe(5);
  });

  it('shares out the attempts of the last readings only', () => {
    const { watch, take } = watched();
    take({}, { a: 1_000 });
    take({}, { a: 1_010, b: 30 });
    expect(watch.endpoints[0]?.share).toBe(0.25);
    for (let i = 0; i < 9; i++) take({}, { a: 1_010, b: 31 + i });
    expect(watch.endpoints[0]?.share).toBe(0);
  });
});
