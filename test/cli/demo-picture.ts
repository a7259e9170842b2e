import type { EndpointRow, Picture } from '../../src/cli/demo/picture.ts';

const seen = { share: 0.5, breaker: 'closed', trips: 0, latencyMs: 12.3, health: 'passing' } as const;

export function row(name: string, more: Partial<EndpointRow> = {}): EndpointRow {
  return { name, about: 'steady', isKilled: false, seen, ...more };
}

/** A demo in the middle of its time. */
export function picture(more: Partial<Picture> = {}): Picture {
  return {
    elapsedMs: 10_000,
    totalMs: 20_000,
    catalog: 'Consul, http://127.0.0.1:8500',
    phase: 'orders-1 is killed',
    recent: { perSecond: 250.4, successRatio: 0.99996, p50Ms: 1.234, p99Ms: 1_234 },
    sent: 2_500,
    failed: 0,
    retried: 7,
    trips: 1,
    rows: [
      row('orders-1', { isKilled: true, seen: { ...seen, share: 0, breaker: 'open', trips: 1, health: 'critical' } }),
      row('orders-2', { about: 'slow, 40-80 ms' }),
      row('orders-4', { seen: null }),
    ],
    events: Array.from({ length: 30 }, (_, i) => `${i}.0s  event ${i}`),
    hint: 'remora status --admin 127.0.0.1:41234',
    ...more,
  };
}
