import { expect, it } from 'vitest';
import { MirrorCrowd } from '../../src/proxy/places/mirror-crowd.ts';
import { exchangeLine } from '../../src/telemetry/access-line.ts';
import { ExchangeMetrics } from '../../src/telemetry/exchange-metrics.ts';
import { mirrorSamples } from '../../src/telemetry/mirror-samples.ts';
import { Registry } from '../../src/telemetry/registry.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { exchangeRecord } from './records.ts';

it('names the route of a request in the access log', () => {
  expect(JSON.parse(exchangeLine(exchangeRecord({ route: 'checkout' }), 0))).toMatchObject({ route: 'checkout' });
  expect(JSON.parse(exchangeLine(exchangeRecord({ overrideOf: 'orders' }), 0))).toMatchObject({
    override_of: 'orders',
  });
  expect(JSON.parse(exchangeLine(exchangeRecord({}), 0))).not.toHaveProperty('route');
});

it('counts what routes answer themselves, by kind', () => {
  const registry = new Registry(new ManualClock(), () => undefined);
  const metrics = new ExchangeMetrics(registry, { direction: 'outbound', upstream: 'orders', protocol: 'http' });
  for (const routeAnswer of ['redirect', 'redirect', 'preflight', null] as const) {
    metrics.onExchangeOpen(1);
    metrics.onExchangeClose(exchangeRecord({ routeAnswer }));
  }
  const text = registry.render();
  expect(text).toContain('remora_route_answers_total{upstream="orders",answer="redirect"} 2');
  expect(text).toContain('remora_route_answers_total{upstream="orders",answer="preflight"} 1');
  expect(text).not.toContain('answer="respond"');
});

it('counts copies by how they ended, once there are any', () => {
  const crowd = new MirrorCrowd();
  expect([...mirrorSamples(crowd)]).toEqual([]);
  crowd.count('body');
  const found = [...mirrorSamples(crowd)].map(({ name, labels, value }) => `${name}{${labels.join()}} ${value}`);
  expect(found).toContain('remora_mirrors_total{body} 1');
  expect(found).toContain('remora_mirrors_active{} 0');
});
