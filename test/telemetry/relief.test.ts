import { SpanStatusCode } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { DEFAULT_STALE } from '../../src/policy/fallback.ts';
import { NO_FAULTS } from '../../src/policy/fault.ts';
import { FaultList } from '../../src/policy/fault-list.ts';
import { Fallbacks } from '../../src/proxy/fallback.ts';
import { NO_FALLBACK } from '../../src/proxy/plan.ts';
import { exchangeLine, tunnelLine } from '../../src/telemetry/access-line.ts';
import { AccessLog } from '../../src/telemetry/access-log.ts';
import type { FinishedSpan } from '../../src/telemetry/finished-span.ts';
import type { LineSink } from '../../src/telemetry/line-sink.ts';
import { spanOrigin } from '../../src/telemetry/otlp.ts';
import { reliefSamples } from '../../src/telemetry/relief-samples.ts';
import { Spans } from '../../src/telemetry/spans.ts';
import { ExchangeScript } from '../support/exchange-script.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { exchangeRecord, tunnelRecord } from './records.ts';

const { plan } = new ExchangeScript();
const lines = (more: object, now = 0): string[] =>
  [...reliefSamples({ ...plan, ...more }, now)].map(({ name, labels, value }) => `${name}{${labels.join()}} ${value}`);

it('counts faults by kind, and how many are in force', () => {
  const match = { path: null, headers: [], callers: [] };
  const fault = { effect: { kind: 'reset' as const }, share: 10_000, match, maxActive: 1, untilMs: 1_000 };
  const faults = new FaultList([fault], () => ({ matches: () => true }), { now: 0, wallMs: 0 });
  expect(lines({ faults, fallback: NO_FALLBACK })).toContain('remora_faults_in_force{outbound,orders} 1');
  expect(lines({ faults }, 1_000)).toContain('remora_faults_in_force{outbound,orders} 0');
  expect(lines({ faults })).toContain('remora_faults_injected_total{outbound,orders,reset} 0');
});

it('counts fallbacks by kind, and what is kept for them', () => {
  const options = { codes: [], statuses: [], upstream: null, answer: null };
  const fallback = new Fallbacks({ ...options, stale: DEFAULT_STALE }, () => null);
  fallback.counts.stale = 2;
  expect(lines({ fallback })).toEqual([
    'remora_fallbacks_total{orders,cluster} 0',
    'remora_fallbacks_total{orders,stale} 2',
    'remora_fallbacks_total{orders,static} 0',
    'remora_fallback_cache_entries{orders} 0',
    'remora_fallback_cache_bytes{orders} 0',
    'remora_fallback_cache_answers_total{orders,kept} 0',
    'remora_fallback_cache_answers_total{orders,evicted} 0',
    'remora_fallback_cache_answers_total{orders,too_large} 0',
  ]);
  expect(lines({ faults: NO_FAULTS, fallback: NO_FALLBACK })).toEqual([]);
});

it('says the same in spans, where what was covered is no error', () => {
  const seen: FinishedSpan[] = [];
  const sink = { offer: (span: FinishedSpan) => void seen.push(span) };
  const origin = spanOrigin({ serviceName: 'web', instanceId: 'web-1', version: '0.1.0' });
  const spans = new Spans(sink, origin, 0, new ManualClock(), new SeededRandom(1));
  for (const fallback of ['static', 'cluster'] as const) {
    spans.onExchangeClose(exchangeRecord({ fault: 'delay', fallback, code: 'no_endpoint', attempts: [] }));
  }
  expect(
    seen.map(({ status, attributes }) => [status.code, attributes['remora.fault'], attributes['remora.fallback']]),
  ).toEqual([
    [SpanStatusCode.UNSET, 'delay', 'static'],
    [SpanStatusCode.ERROR, 'delay', 'cluster'],
  ]);
});

it('says in the access log what was done on purpose and what was given instead, also where only failures are logged', () => {
  const record = exchangeRecord({ fault: 'delay', fallback: 'stale', code: 'no_endpoint' });
  expect(JSON.parse(exchangeLine(record, 0))).toMatchObject({
    failure: 'no_endpoint',
    fault: 'delay',
    fallback: 'stale',
  });
  expect(JSON.parse(tunnelLine(tunnelRecord({ fault: 'reset' }), 0))).toMatchObject({ fault: 'reset' });
  expect(JSON.parse(exchangeLine(exchangeRecord(), 0))).not.toHaveProperty('fault');
  const written: string[] = [];
  const sink = { write: (line: string) => written.push(line) } as unknown as LineSink;
  const log = new AccessLog(sink, new ManualClock(), 'failures');
  log.onExchangeClose(exchangeRecord());
  log.onExchangeClose(exchangeRecord({ fault: 'delay' }));
  log.onExchangeClose(exchangeRecord({ fallback: 'static' }));
  log.onTunnelClose(tunnelRecord({ fault: 'delay' }));
  expect(written).toHaveLength(3);
});
