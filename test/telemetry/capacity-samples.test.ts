import { expect, it } from 'vitest';
import { makeCapacity } from '../../src/agent/capacity.ts';
import { ConnectionLimit } from '../../src/net/connection-limit.ts';
import { type AdaptiveMode, DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { DEFAULT_CRITICALITY_OPTIONS } from '../../src/policy/criticality-rule.ts';
import { DEFAULT_LIMITS } from '../../src/policy/options.ts';
import { capacitySamples } from '../../src/telemetry/capacity-samples.ts';
import { ManualClock } from '../support/manual-clock.ts';

function shown(mode: AdaptiveMode): string[] {
  const capacity = makeCapacity(
    new ManualClock(),
    {
      limits: { ...DEFAULT_LIMITS, maxRequests: 12 },
      adaptive: { ...DEFAULT_ADAPTIVE, mode, law: { ...DEFAULT_ADAPTIVE.law, initial: 10 } },
      criticality: DEFAULT_CRITICALITY_OPTIONS,
    },
    null,
  );
  const connections = new ConnectionLimit(2);
  for (let i = 0; i < 3; i++) connections.tryOpen();
  for (let i = 0; i < 11; i++) capacity.admission.admit(0);
  const labels = { direction: 'outbound', upstream: 'orders', protocol: 'http' } as const;
  const samples = [...capacitySamples({ plan: { ...capacity, labels }, connections })];
  return samples.map(({ name, labels: values, value }) => `${name} ${values.slice(2).join()} ${value}`);
}

it('shows every limit and what stands against it', () => {
  expect(shown('off')).toEqual([
    'remora_limit requests 12',
    'remora_limit connections 2',
    'remora_limit_in_flight requests 11',
    'remora_limit_in_flight connections 2',
    'remora_connections_refused_total  1',
    'remora_connections_displaced_total  0',
    'remora_pending_active  0',
    'remora_pending_total  0',
    'remora_pending_refused_total full 0',
    'remora_pending_refused_total displaced 0',
    'remora_pending_refused_total time 0',
  ]);
});

it('shows a learned limit, and whom it refused or would have', () => {
  const more = (mode: AdaptiveMode) => shown(mode).slice(11);
  const learned = ['remora_limit adaptive 10', 'remora_adaptive_gradient  1'];
  expect(more('observe')).toEqual([...learned, 'remora_adaptive_would_refuse_total critical 2']);
  expect(more('enforce')).toEqual([...learned, 'remora_adaptive_refused_total critical 2']);
});
